"""Builds as JSON text, remembered: at one version a build never changes, and lists show the same ones over and over."""

from collections import OrderedDict
from collections.abc import Sequence

from app.builds import store
from app.builds.lists import Head
from app.builds.wire import build_json
from app.db.connect import Database
from app.db.tx import each
from app.encoding import encode
from app.web.reply import joined

#: Bytes that are remembered in all.
REMEMBERED = 4 * 1024 * 1024


class Rendered:
    """The JSON of builds without stages."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._texts: OrderedDict[Head, bytes] = OrderedDict()
        self._size = 0

    async def array(self, heads: Sequence[Head]) -> bytes:
        """These builds as one JSON array, in this order."""
        texts = {head: text for head in heads if (text := self._texts.get(head)) is not None}
        if missing := [head for head in heads if head not in texts]:
            builds = await self._db.read(each(store.find_if_any(head.id) for head in missing))
            for head, build in zip(missing, builds, strict=True):
                if build is not None:  # it was deleted a moment ago
                    texts[head] = encode(build_json(build))
                    self._remember(Head(build.id, build.version, build.number), texts[head])
        return joined(texts[head] for head in heads if head in texts)

    def _remember(self, head: Head, text: bytes) -> None:
        if head not in self._texts:
            self._texts[head] = text
            self._size += len(text)
        while self._size > REMEMBERED and len(self._texts) > 1:
            _, oldest = self._texts.popitem(last=False)
            self._size -= len(oldest)
