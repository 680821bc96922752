"""The checksums that a client sends with bytes, or in place of bytes.

Contract artifactory-storage 3.1, 3.2.
"""

import re
from collections.abc import Mapping

from app.artifacts.model import Sums
from app.errors import Conflict, Invalid, Problem

#: The name of each checksum, and how many digits the checksum has.
DIGITS: Mapping[str, int] = {"sha256": 64, "sha1": 40, "md5": 32}
_HEX = re.compile(r"[0-9a-f]+")


def sent(headers: Mapping[str, str]) -> Sums:
    """The checksums in the headers of a request. `X-Checksum` may be any of them: its length tells which.

    Invalid names every header that holds no checksum, and two headers that hold different ones.
    """
    found: dict[str, str] = {}
    problems = list[Problem]()
    for header in ("X-Checksum-Sha256", "X-Checksum-Sha1", "X-Checksum-Md5", "X-Checksum"):
        value = headers.get(header, "").strip().lower()
        if not value:
            continue
        names = [name for name, digits in DIGITS.items() if digits == len(value)]
        name = header.removeprefix("X-Checksum-").lower() if header != "X-Checksum" else "".join(names)
        if name not in names or not _HEX.fullmatch(value):
            problems.append(Problem(header, "bad_checksum", f"{header}: {_rule(header)}"))
        elif found.setdefault(name, value) != value:
            words = f"{header}: another header of the request has another {name}; send one of them"
            problems.append(Problem(header, "bad_checksum", words))
    if problems:
        raise Invalid.of(problems)
    return Sums(**found)


def _rule(header: str) -> str:
    if header == "X-Checksum":
        return "this must be a checksum of 32 (md5), 40 (sha1) or 64 (sha256) hexadecimal digits"
    digits = DIGITS[header.removeprefix("X-Checksum-").lower()]
    return f"this must be a checksum of {digits} hexadecimal digits"


def differing(one: Sums, other: Sums) -> str:
    """The name of the first checksum that both have, and that differs; empty without one."""
    for name in DIGITS:
        first, second = getattr(one, name), getattr(other, name)
        if first and second and first != second:
            return name
    return ""


def check(expected: Sums, actual: Sums) -> None:
    """Conflict when bytes that were received have another checksum than the client has sent."""
    if name := differing(expected, actual):
        words = (
            f"the {name} of the request is {getattr(expected, name)}, but the bytes that came have "
            f"{getattr(actual, name)}; nothing was stored"
        )
        raise Conflict(words, code="checksum_mismatch")
