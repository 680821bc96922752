"""Builds as JSON text, remembered: at one version a build never changes, and clients often ask for the same builds."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.builds import store
from app.builds.lists import Head
from app.builds.model import Build
from app.builds.store import Versions
from app.builds.wire import build_json, stage_json
from app.db.connect import Database
from app.db.tx import each
from app.encoding import encode
from app.web.reply import joined

#: Bytes that are remembered for lists, and as many for whole builds.
REMEMBERED = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Whole:
    """A build with its stages and steps, and the JSON of each part."""

    build: Build
    #: The build without its stages, then each stage with its steps.
    head: bytes
    stages: Sequence[bytes]

    @classmethod
    def of(cls, build: Build) -> "Whole":
        """A build, encoded."""
        return cls(build, encode(build_json(build)), [encode(stage_json(stage)) for stage in build.stages])

    @property
    def size(self) -> int:
        """Bytes of text."""
        return len(self.head) + sum(map(len, self.stages))

    def text(self, reasons: Mapping[int, str]) -> bytes:
        """The answer, which ends with a newline. `reasons` say by id why a stage still waits: its `pending_reason`."""
        if not self.stages:
            return self.head + b"\n"
        pairs = zip(self.build.stages, self.stages, strict=True)
        texts = [_with_reason(text, reasons.get(stage.id, "")) for stage, text in pairs]
        return b'%s,"stages":[%s]}\n' % (self.head[:-1], b",".join(texts))


def _with_reason(stage: bytes, reason: str) -> bytes:
    return b'%s,"pending_reason":%s}' % (stage[:-1], encode(reason)) if reason else stage


class Rendered:
    """The JSON of builds: without stages, for lists, and whole."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._texts: OrderedDict[Head, bytes] = OrderedDict()
        self._size = 0
        self._wholes: OrderedDict[Versions, Whole] = OrderedDict()
        self._whole_size = 0

    async def whole(self, versions: Versions) -> Whole:
        """The build that has, or just had, these versions; NotFound when the build was deleted a moment ago."""
        if (known := self._wholes.get(versions)) is not None:
            self._wholes.move_to_end(versions)
            return known
        made = Whole.of(await self._db.read(store.whole(versions.id)))
        if versions not in self._wholes and not versions.cards:  # a new address of the same length has no new version
            self._wholes[versions] = made
            self._whole_size += made.size
        while self._whole_size > REMEMBERED and self._wholes:
            self._whole_size -= self._wholes.popitem(last=False)[1].size
        return made

    async def array(self, heads: Sequence[Head]) -> bytes:
        """These builds as one JSON array, in this order."""
        texts = {head: text for head in heads if (text := self._texts.get(head)) is not None}
        if missing := [head for head in heads if head not in texts]:
            builds = await self._db.read(each(store.find_if_any(head.id) for head in missing))
            for head, build in zip(missing, builds, strict=True):
                if build is not None:  # None: the build was deleted a moment ago
                    texts[head] = encode(build_json(build))
                    self._remember(Head(build.id, build.version, build.number, build.blocked), texts[head])
        return joined(texts[head] for head in heads if head in texts)

    def _remember(self, head: Head, text: bytes) -> None:
        if head not in self._texts:
            self._texts[head] = text
            self._size += len(text)
        while self._size > REMEMBERED and len(self._texts) > 1:
            _, oldest = self._texts.popitem(last=False)
            self._size -= len(oldest)
