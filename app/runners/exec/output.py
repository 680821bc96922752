"""The output of a step is decoded, masked, cut into lines and sent to the manager in batches.

Much output is worked on in a thread, so that the event loop does not wait. The step waits for the thread: when too much
output waits, no more is read from the step.
"""

import asyncio
import codecs
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from app.backoff import until_heard
from app.builds.model import Line
from app.errors import AppError
from app.runners.exec.cards import Card, Cards
from app.runners.exec.mask import Mask
from app.runners.exec.transcript import LONGEST, Piece, Transcript
from app.runners.manager import Manager
from app.settings.values import LOG_LIMIT
from app.turns import in_turns

log = logging.getLogger(__name__)

#: Seconds from the first output to the first batch; short, so that a reader of the live log sees output at once.
FIRST_PAUSE = 0.05
#: Seconds from new output to each later batch.
PAUSE = 1.0
#: JSON bytes of a batch; when so many bytes wait, the batch is sent before the pause ends.
BATCH_SIZE = 256 * 1024
#: Seconds that sending a batch may take. The step's process does not wait for a batch, but the report of its end does.
BATCH_TIMEOUT = 10.0
#: Seconds after which a log that cannot be stored is given up.
UPLOAD_TIMEOUT = 60.0
_PIECE = 16 * 1024
#: Bytes of output that are worked on at once; a mask that holds output back gets its pieces in turn.
_CHUNK = 32 * 1024
#: Bytes of output that may wait to be worked on, before the step must wait. While a thread works, the event loop has no
#: reason to wake up for each piece that the step prints: the pipe of the step has room for much output.
ROOM = 16 * 1024
#: Bytes; less is worked on in the event loop, because a thread costs more than the work.
_SMALL = 2 * 1024
#: Bytes; a larger log is put together in a thread, so that the event loop does not wait.
_LARGE = 64 * 1024


class Writer:
    """The log of one running step: `write` and `close` for the process, `send` and `upload` for the manager."""

    def __init__(self, manager: Manager, step_id: int, mask: Mask, limit: int = LOG_LIMIT) -> None:
        """`limit`: bytes of the log, as JSON."""
        self._manager = manager
        self._step_id = step_id
        self._mask = mask
        self._cards = Cards(mask)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._began = time.monotonic()
        self._text = ""
        self._time = 0
        self._pos = 0
        self._transcript = Transcript(limit)
        self._live = _Live(limit)
        self._lost = 0
        self._news = asyncio.Event()
        self._hurry = asyncio.Event()
        self._closed = False
        self._raw: list[bytes] = []
        self._raw_size = 0
        self._room: asyncio.Future[None] | None = None
        self._ending = False
        self._work = asyncio.Event()
        #: Held by whoever changes the text and the transcript: the event loop or a thread.
        self._text_lock = asyncio.Lock()

    def write(self, data: bytes) -> "asyncio.Future[None] | None":
        """Take a piece of the output; never waits. The next piece should wait for the returned future, if any."""
        self._raw.append(data)
        self._raw_size += len(data)
        self._work.set()
        if self._raw_size < ROOM:
            return None
        if self._room is None:
            self._room = asyncio.get_running_loop().create_future()
        return self._room

    def close(self) -> None:
        """End the output."""
        self._ending = True
        self._work.set()

    async def send(self) -> None:
        """Send batches of live lines, also lines without an end, until all output before `close` is sent."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._work_all())
            await self._send_all()

    async def _work_all(self) -> None:
        """Turn output into pieces of the log as it comes, until its end."""
        while not self._closed:
            await self._work.wait()
            self._work.clear()
            data, ending = b"".join(self._raw), self._ending
            room, self._room = self._room, None
            self._raw, self._raw_size = [], 0
            async with self._text_lock:
                if len(data) < _SMALL:
                    fresh = self._worked(data, ending=ending)
                else:
                    fresh = await in_turns(self._worked, data, ending=ending)
                self._live.add(fresh)
            if room is not None and not room.done():
                room.set_result(None)
            self._closed = ending
            self._news.set()
            if ending or self._live.waiting >= BATCH_SIZE:
                self._hurry.set()

    async def _send_all(self) -> None:
        pause = FIRST_PAUSE
        while self._live or not self._closed:
            await self._news.wait()
            with suppress(TimeoutError):  # the pause is over
                await asyncio.wait_for(self._hurry.wait(), pause)
            self._news.clear()
            self._hurry.clear()
            async with self._text_lock:
                self._live.add(self._cut(len(self._text)))
            while pieces := self._live.take():
                await self._send(await in_turns(_lines, pieces) if len(pieces) > 1 else _lines(pieces))
            pause = PAUSE

    async def upload(self) -> Card | None:
        """Store the whole log and the card of the output. Returns the card when there was one and it was stored.

        A log or a card that cannot be stored is given up, with a warning in the runner's own log.
        """
        dump = self._transcript.dump
        log_ = await in_turns(dump) if self._transcript.size > _LARGE else dump()
        await self._upload("log", lambda: self._manager.upload_log(self._step_id, log_))
        card = await in_turns(lambda: self._cards.card) if self._cards.found else None
        if card is None or not await self._upload("card", lambda: self._manager.upload_card(self._step_id, card.data)):
            return None
        return card

    async def _upload(self, what: str, say: Callable[[], Awaitable[None]]) -> bool:
        """Call the manager until it answers, for at most `UPLOAD_TIMEOUT` seconds; whether it has stored the upload."""
        try:
            async with asyncio.timeout(UPLOAD_TIMEOUT):
                await until_heard(say)
        except (AppError, TimeoutError) as error:
            log.warning(f"a {what} is lost", extra={"step": self._step_id, "reason": _reason(error)})
            return False
        return True

    def _worked(self, data: bytes, *, ending: bool) -> list[Piece]:
        """The new pieces of the log after more output; also an unfinished line when the output ends."""
        fresh: list[Piece] = []
        for at in range(0, len(data), _CHUNK):
            text = self._decoder.decode(data[at : at + _CHUNK])
            fresh += self._put(self._mask.feed(self._cards.feed(text)))
        if ending:
            rest = self._cards.feed(self._decoder.decode(b"", final=True)) + self._cards.flush()
            fresh += self._put(self._mask.feed(rest) + self._mask.flush())
            fresh += self._cut(len(self._text))
        return fresh

    def _put(self, text: str) -> list[Piece]:
        if not text:
            return []
        fresh: list[Piece] = []
        second = int(time.monotonic() - self._began)
        if second != self._time:
            fresh += self._cut_lines()
            self._time = second
        self._text += text
        if len(self._text) >= _PIECE:
            fresh += self._cut_lines()
            fresh += self._cut(len(self._text) // LONGEST * LONGEST)
        return fresh

    def _cut_lines(self) -> list[Piece]:
        return self._cut(self._text.rfind("\n") + 1)

    def _cut(self, end: int) -> list[Piece]:
        """Turn the text up to this position into a piece of the log, if there is any."""
        if not end:
            return []
        piece = Piece.of(self._pos, self._time, self._text[:end])
        self._text = self._text[end:]
        self._pos = piece.end
        self._transcript.add(piece)
        return [piece]

    async def _send(self, lines: list[Line]) -> None:
        if self._lost:
            note = f"[{self._lost:,} lines could not be shown live; the log has them when the step has ended]\n"
            lines.insert(0, Line(lines[0].pos - 1, note, lines[0].time))
        try:
            async with asyncio.timeout(BATCH_TIMEOUT):
                await self._manager.write_log(self._step_id, lines)
            self._lost = 0
        except (AppError, TimeoutError) as error:
            self._lost += len(lines) + self._live.drop()
            log.warning("live lines are lost", extra={"step": self._step_id, "reason": _reason(error)})


class _Live:
    """The pieces that wait to be sent. Beyond the limit of a log, only one note is added."""

    def __init__(self, limit: int) -> None:
        self._pieces: deque[Piece] = deque()
        self._left = limit
        self.waiting = 0

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def add(self, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            self._add(piece)

    def _add(self, piece: Piece) -> None:
        if self._left < 0:
            return
        self._left -= piece.size
        if self._left < 0:
            note = "[the log is too long to be shown live; its end follows when the step has ended]\n"
            piece = Piece.of(piece.pos, piece.time, note)
        self._pieces.append(piece)
        self.waiting += piece.size

    def take(self) -> list[Piece]:
        """The pieces of the next batch; empty when no piece waits."""
        taken: list[Piece] = []
        size = 0
        while self._pieces and size < BATCH_SIZE:
            piece = self._pieces.popleft()
            size += piece.size
            taken.append(piece)
        self.waiting -= size
        return taken

    def drop(self) -> int:
        """Drop the pieces that wait; returns the number of their lines."""
        count = sum(piece.count for piece in self._pieces)
        self._pieces.clear()
        self.waiting = 0
        return count


def _lines(pieces: Sequence[Piece]) -> list[Line]:
    return [Line(**line) for piece in pieces for line in piece.lines()]


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
