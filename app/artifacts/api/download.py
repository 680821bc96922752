"""The answer with a file: its headers, conditions and ranges (contract artifactory-storage 3.3)."""

import re
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime
from urllib.parse import quote

from starlette.responses import Response

from app.artifacts.api.wire import sum_headers
from app.artifacts.blobs.answer import BlobAnswer
from app.artifacts.blobs.store import BlobStore
from app.artifacts.items import Found

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


def answer(store: BlobStore, found: Found, method: str, asked: Mapping[str, str]) -> BlobAnswer | Response:
    """The answer to a request with the headers `asked`: the file, a part of it, or that the client has it already.

    Of several ranges none is answered, but the whole file, as HTTP allows.
    """
    headers, size = _headers(found), found.file.size
    if _is_known(headers, asked):
        return Response(status_code=304, headers=headers)
    part = _part(asked.get("range", ""), size) if method == "GET" and _range_holds(headers, asked) else None
    if part is None:
        return BlobAnswer(store, found.file, start=0, stop=size, status=200, headers=headers)
    start, stop = part
    if start >= stop:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return BlobAnswer(store, found.file, start=start, stop=stop, status=206, headers=headers)


def _part(text: str, size: int) -> tuple[int, int] | None:
    """Where a range begins and ends in a file of this size, perhaps with nothing between; None for what is no range."""
    found = _RANGE.fullmatch(text.replace(" ", ""))
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return None
    return int(first), min(size, int(last) + 1) if last else size


def _headers(found: Found) -> dict[str, str]:
    item = found.item
    return {
        **sum_headers(found.file.sums),
        "Content-Type": item.mime or "application/octet-stream",
        "ETag": f'"{found.file.sha1}"',
        "Last-Modified": formatdate(item.modified // 1000, usegmt=True),
        "Accept-Ranges": "bytes",
        "X-Artifactory-Filename": quote(item.name),
        "Content-Disposition": disposition(item.name),
        "Content-Security-Policy": "sandbox",  # a browser that shows the file all the same runs nothing of it
    }


def disposition(name: str) -> str:
    """The header that makes a browser save a file under its name, whatever characters the name has (RFC 6266)."""
    plain = re.sub(r"[^ !#$&+.\w^`{}~()\'@,;=\[\]-]", "_", name, flags=re.ASCII)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _is_known(headers: Mapping[str, str], asked: Mapping[str, str]) -> bool:
    """Whether the client has the file as it is."""
    if (tags := asked.get("if-none-match")) is not None:
        known = {tag.strip().removeprefix("W/").strip('"') for tag in tags.split(",")}
        return "*" in known or headers["ETag"].strip('"') in known
    since = asked.get("if-modified-since", "")
    try:
        return bool(since) and parsedate_to_datetime(headers["Last-Modified"]) <= parsedate_to_datetime(since)
    except (ValueError, TypeError):  # no date, or one without a zone
        return False


def _range_holds(headers: Mapping[str, str], asked: Mapping[str, str]) -> bool:
    """Whether a range is of the file that the client has a part of."""
    condition = asked.get("if-range", "").strip()
    return condition in ("", headers["ETag"], headers["Last-Modified"])
