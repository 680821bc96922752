"""Compresses the answers of rows: HTML, CSS, JavaScript and JSON, for clients that take gzip.

Streams are sent as they are, because compressing would hold their pieces back. Answers that show a secret are sent as
they are, too: the size of a compressed answer tells what a text of somebody else beside the secret has in common with
the secret.
"""

import gzip

from starlette.datastructures import MutableHeaders
from starlette.responses import Response, StreamingResponse

from app import threads
from app.web.accept import takes

#: Bytes; a shorter body would hardly become smaller.
LEAST = 1024
#: Bytes of a body that is compressed in a thread, because the event loop would have to wait.
LARGE = 32 * 1024
#: Of zlib's levels, the one after which JSON hardly becomes smaller.
LEVEL = 2
#: Types of bodies that become much smaller, without their parameters.
TYPES = frozenset({"text/html", "text/css", "text/javascript", "application/json"})
#: Headers of an answer whose body must stay as it is: it is compressed already, or a part of a file, or a whole file of
#: which parts may be asked for.
_AS_IT_IS = ("content-encoding", "content-range", "accept-ranges")
_VARY = "Accept-Encoding"


async def pack(answer: Response, accept_encoding: str) -> None:
    """Compress the body of an answer if that helps, and if the client's `Accept-Encoding` takes gzip.

    An answer that would be compressed for others says so in `Vary`. A strong `ETag` becomes a weak one: it names the
    body before it was compressed.
    """
    if not _may_shrink(answer):
        return
    answer.headers.append("Vary", _VARY)
    if not takes("gzip", accept_encoding):
        return
    body = bytes(answer.body)
    answer.body = await threads.run(_packed, body) if len(body) > LARGE else _packed(body)
    _describe(answer.headers, len(answer.body))


def _may_shrink(answer: Response) -> bool:
    if isinstance(answer, StreamingResponse) or len(answer.body) < LEAST:
        return False
    headers = answer.headers
    if headers.get("content-type", "").partition(";")[0] not in TYPES:
        return False
    is_kept = headers.get("vary") == _VARY  # both forms of the answer are made before
    return not is_kept and not any(name in headers for name in _AS_IT_IS)


def _packed(body: bytes) -> bytes:
    return gzip.compress(body, LEVEL, mtime=0)


def _describe(headers: MutableHeaders, size: int) -> None:
    headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(size)
    if headers.get("etag", "").startswith('"'):
        headers["ETag"] = f"W/{headers['ETag']}"
