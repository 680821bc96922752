"""How much work the passphrase of a private key takes. Pure.

A key says itself how many rounds its passphrase goes through, and nothing else runs while `cryptography` does them: a
key that says two thousand million rounds would stop the server for minutes.
"""

import base64
import binascii
import re
from collections.abc import Iterator

#: The most rounds that are done; programs that make keys do some thousand, the careful ones some hundred thousand.
MOST = 1_000_000
_BLOCK = re.compile("-----BEGIN ENCRYPTED PRIVATE KEY-----([A-Za-z0-9+/=\\s]+)-----END ENCRYPTED PRIVATE KEY-----")
#: Older keys, whose passphrase goes through one round.
_OLD = "Proc-Type: 4,ENCRYPTED"
#: The object identifiers of PBES2 and of PBKDF2 (RFC 8018).
_PBES2, _PBKDF2 = bytes.fromhex("2a864886f70d01050d"), bytes.fromhex("2a864886f70d01050c")
_INTEGER = 2


def of_key(pem: str) -> int | None:
    """The rounds of an encrypted key; None for a key that is not encrypted by PBES2 with PBKDF2."""
    if pem.count("-----BEGIN ") == 1 and _OLD in pem:
        return 1
    block = _BLOCK.fullmatch(pem.strip())
    if block is None:
        return None
    try:
        (_, whole), *_ = _parts(base64.b64decode(block[1]))
        (_, algorithm), *_ = _parts(whole)
        (_, scheme), (_, parameters) = _parts(algorithm)
        (_, function), *_ = _parts(parameters)
        (_, name), (_, said) = _parts(function)
        _, (kind, rounds), *_ = _parts(said)
    except (binascii.Error, IndexError, ValueError):
        return None
    known = (scheme, name, kind) == (_PBES2, _PBKDF2, _INTEGER)
    return int.from_bytes(rounds, "big") if known else None


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The tags and contents of the DER values in some bytes."""
    at = 0
    while at < len(data):
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            size, at = int.from_bytes(data[at : at + (size & 0x7F)], "big"), at + (size & 0x7F)
        if at + size > len(data):
            raise ValueError("a value is longer than what it is in")
        yield tag, data[at : at + size]
        at += size
