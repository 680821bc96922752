"""The log of a running step: decoded, masked, batched, stored."""

import asyncio
import logging
import tracemalloc
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson
import pytest

from app import backoff
from app.builds.model import Line
from app.errors import Conflict, Unavailable
from app.runners.exec import output
from app.runners.exec.mask import Mask
from app.runners.exec.needles import Needles
from app.runners.exec.output import Writer
from app.settings.values import LOG_LIMIT
from tests.soon import soon


class Listener:
    """The manager's side of a log; `errors` are raised first."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.lines: list[Line] = []
        self.batches = 0
        self.uploaded: list[dict[str, Any]] | None = None
        self.came = asyncio.Event()

    async def write_log(self, step_id: int, lines: Sequence[Line]) -> None:
        self._fail()
        assert step_id == 7
        self.batches += 1
        self.lines += lines
        self.came.set()

    async def upload_log(self, step_id: int, log: bytes) -> None:
        self._fail()
        assert len(log) <= LOG_LIMIT
        self.uploaded = orjson.loads(log)

    def _fail(self) -> None:
        if self.errors:
            raise self.errors.pop(0)

    @property
    def live(self) -> str:
        return "".join(line.out for line in self.lines)

    @property
    def stored(self) -> str:
        assert self.uploaded is not None
        return "".join(line["out"] for line in self.uploaded)


def writer(listener: Any, secrets: dict[str, str] | None = None) -> Writer:
    return Writer(listener, 7, Mask(Needles(secrets or {})))


async def written(listener: Listener, *pieces: bytes, secrets: dict[str, str] | None = None) -> Listener:
    one = writer(listener, secrets)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(one.send())
        for piece in pieces:
            await (one.write(piece) or asyncio.sleep(0))
        one.close()
    await one.upload()
    return listener


async def test_much_output_keeps_the_event_loop_free() -> None:
    """Masking, counting and encoding happen in a thread: the loop turns while 8 MB are worked on."""
    secrets = {"key": "\n".join(f"line {number} of {number * 7919}" for number in range(2000))}
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.001)

    turning = asyncio.create_task(turn())
    listener = await written(Listener(), *[b"line 17 of other things\n" * 1365] * 256, secrets=secrets)
    turning.cancel()

    assert listener.stored.endswith("line 17 of other things\n")
    assert turns > 50


async def test_whoever_writes_waits_when_too_much_output_waits() -> None:
    one = writer(Listener())

    rooms = [one.write(b"x" * (output.ROOM // 4)) for _ in range(5)]

    assert rooms[:3] == [None] * 3
    assert rooms[3] is rooms[4] is not None
    one.close()
    async with asyncio.timeout(30):
        await one.send()
    assert rooms[3] is not None
    assert rooms[3].done()


async def test_a_quick_step_is_one_batch_and_one_upload() -> None:
    listener = await written(Listener(), b"one\ntw", b"o\n", b"three")

    assert listener.batches == 1
    assert [line.out for line in listener.lines] == ["one\n", "two\n", "three"]
    assert listener.uploaded == [asdict(line) for line in listener.lines]


async def test_silence_uploads_an_empty_log() -> None:
    listener = await written(Listener())

    assert (listener.batches, listener.uploaded) == (0, [])


async def test_output_without_newline_is_shown_while_the_step_runs() -> None:
    listener = Listener()
    one = writer(listener, {"t": "s3cret"})
    sending = asyncio.create_task(one.send())

    one.write(b"Continue? s3")
    await asyncio.wait_for(listener.came.wait(), 20)
    assert listener.live == "Continue? "
    one.write(b"cret\n")
    one.close()
    await sending
    await one.upload()

    assert listener.live == listener.stored == "Continue? [secret:t]\n"
    assert [line.pos for line in listener.lines] == [0, 1]


async def test_broken_text_is_replaced_and_whole_characters_survive_any_cut() -> None:
    data = "grün 😀\n".encode()
    pieces = [data[at : at + 1] for at in range(len(data))]

    listener = await written(Listener(), *pieces, b"\xff\xfe\x00\n", b"\xf0\x9f")

    assert listener.stored == "grün 😀\n\ufffd\ufffd\x00\n\ufffd"


async def test_a_secret_is_masked_even_when_the_output_ends_in_it() -> None:
    listener = await written(Listener(), b"s3cr", b"et s3cr", secrets={"t": "s3cret"})

    assert listener.live == listener.stored == "[secret:t] s3cr"


async def test_much_output_comes_in_few_batches_and_its_end_is_kept() -> None:
    listener = await written(Listener(), *[b"y\n" * 16384] * 400)

    assert listener.batches <= 2 + LOG_LIMIT // output.BATCH_SIZE
    assert listener.lines[-1].out.startswith("[the log is too long to be shown live")
    assert len(listener.lines) < 200_000
    assert [line.pos for line in listener.lines] == list(range(len(listener.lines)))
    assert listener.uploaded is not None
    assert listener.uploaded[-1]["pos"] == 16384 * 400 - 1
    assert listener.uploaded[0]["out"].startswith("[")


@pytest.mark.parametrize("delay", [0.0, 0.05])
async def test_two_bytes_a_line_cost_no_more_memory_than_four_logs(delay: float) -> None:
    class Forgetful(Listener):
        async def write_log(self, step_id: int, lines: Sequence[Line]) -> None:
            await asyncio.sleep(delay)
            self.batches += len(lines)

        async def upload_log(self, step_id: int, log: bytes) -> None:
            assert len(log) <= LOG_LIMIT

    tracemalloc.start()
    listener = await written(Forgetful(), *[b"y\n" * 16384] * 400)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert listener.batches
    assert peak < 4 * LOG_LIMIT


async def test_a_line_without_end_is_split() -> None:
    listener = await written(Listener(), *[b"x" * 32768] * 5)

    assert [len(line.out) for line in listener.lines] == [65536, 65536, 32768]
    assert listener.stored == "x" * 163840


@pytest.mark.parametrize("error", [Unavailable("disk full"), Conflict("no such step")])
async def test_lost_live_lines_are_noted_and_the_log_is_whole(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "PAUSE", 0.01)
    listener = Listener(error)
    one = writer(listener)
    sending = asyncio.create_task(one.send())

    one.write(b"one\ntwo\n")
    await soon(lambda: not listener.errors)
    one.write(b"three\n")
    one.close()
    await sending
    await one.upload()

    assert [line.pos for line in listener.lines] == [1, 2]
    assert listener.live.startswith("[2 lines could not be shown live")
    assert listener.live.endswith("\nthree\n")
    assert listener.stored == "one\ntwo\nthree\n"


async def test_an_upload_is_repeated_while_the_manager_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_PAUSE", 0.001)
    listener = Listener()
    one = writer(listener)
    one.write(b"one\n")
    one.close()
    await one.send()
    listener.errors = [Unavailable("disk full"), Unavailable("disk full")]

    await one.upload()

    assert listener.stored == "one\n"


async def test_a_log_that_cannot_be_stored_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    one = writer(Listener(Conflict("no such step")))
    one.write(b"password\n")

    with caplog.at_level(logging.WARNING):
        await one.upload()

    assert "a log is lost" in caplog.text
    assert "password" not in caplog.text


async def test_a_manager_that_hangs_holds_up_only_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "BATCH_TIMEOUT", 0.01)
    monkeypatch.setattr(output, "UPLOAD_TIMEOUT", 0.01)

    class Hanging(Listener):
        async def write_log(self, step_id: int, lines: Sequence[Line]) -> None:
            await asyncio.Event().wait()

        async def upload_log(self, step_id: int, log: bytes) -> None:
            await asyncio.Event().wait()

    listener = await written(Hanging(), *[b"y\n" * 16384] * 100)

    assert listener.uploaded is None
