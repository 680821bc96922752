"""Compresses the answers of rows: HTML, CSS, JavaScript and JSON, for clients that take gzip.

Streams are sent as they are, because compressing would hold their pieces back. Answers that show a secret are sent as
they are, too: the size of a compressed answer tells what a text of somebody else beside the secret has in common with
the secret.
"""

import gzip
from collections.abc import Iterable

from starlette.datastructures import MutableHeaders
from starlette.responses import Response, StreamingResponse

from app import threads
from app.web.accept import takes

#: Bytes; a shorter body would hardly become smaller.
LEAST = 1024
#: Bytes of a body that is compressed in a thread, because the event loop would have to wait.
LARGE = 32 * 1024
#: Of zlib's levels, the one after which JSON hardly becomes smaller, and the one after which HTML does.
LEVEL, LEVEL_OF_HTML = 2, 6
#: Types of bodies that become much smaller, without their parameters.
TYPES = frozenset({b"text/html", b"text/css", b"text/javascript", b"application/json"})
#: Headers of an answer whose body must stay as it is: it is compressed already, or a part of a file, or a whole file of
#: which parts may be asked for.
_AS_IT_IS = frozenset({b"content-encoding", b"content-range", b"accept-ranges"})
_VARY = (b"vary", b"Accept-Encoding")


async def pack(answer: Response, asked: Iterable[tuple[bytes, bytes]]) -> None:
    """Compress the body of an answer if that helps, and if the request, whose headers are `asked`, takes gzip.

    An answer that would be compressed for others says so in `Vary`. A strong `ETag` becomes a weak one: it names the
    body before it was compressed.
    """
    answer.raw_headers.append(_VARY)
    accepted = next((value for name, value in asked if name == b"accept-encoding"), b"")
    if not accepted or not takes("gzip", accepted.decode("latin-1")):
        return
    body, level = bytes(answer.body), LEVEL_OF_HTML if answer.media_type == "text/html" else LEVEL
    answer.body = await threads.run(_packed, body, level) if len(body) > LARGE else _packed(body, level)
    _describe(answer.headers, len(answer.body))


def may_shrink(answer: Response) -> bool:
    """Whether to compress the body of an answer for clients that take that. Cheap: every request asks."""
    if isinstance(answer, StreamingResponse) or len(answer.body) < LEAST:
        return False
    kind = b""
    for name, value in answer.raw_headers:
        if name == b"content-type":
            kind = value.partition(b";")[0]
        elif name in _AS_IT_IS or (name, value) == _VARY:  # what varies already is kept in both forms
            return False
    return kind in TYPES


def _packed(body: bytes, level: int) -> bytes:
    return gzip.compress(body, level, mtime=0)


def _describe(headers: MutableHeaders, size: int) -> None:
    headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(size)
    if headers.get("etag", "").startswith('"'):
        headers["ETag"] = f"W/{headers['ETag']}"
