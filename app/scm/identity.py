"""Checks a private key for ssh and the pinned keys of its host, before they are kept. Pure."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

#: Bits of an RSA key at least.
SHORTEST_RSA = 2048
#: Lines of pinned keys at most, and their characters.
MOST_LINES, LONGEST = 100, 64 * 1024
_DEFAULT_PORT = 22
_OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"
_MARKERS = ("@cert-authority", "@revoked")
_TYPE = re.compile(r"(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+")


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key that ssh can use: its text in the form of OpenSSH, its type, and the fingerprint of its public half."""

    text: str = field(repr=False)
    #: `ssh-ed25519`
    type: str
    #: `SHA256:…`, as `ssh-keygen -l` prints.
    fingerprint: str


def private_key(text: str) -> PrivateKey:
    """Read a key in PEM or in the form of OpenSSH; ValueError says why ssh could not use the key."""
    raw = text.strip().encode() + b"\n"
    load = load_ssh_private_key if raw.startswith(_OPENSSH) else load_pem_private_key
    try:
        key = load(raw, None)
    except TypeError:
        raise ValueError("has a passphrase, which nobody could enter: give a key without one") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("must be a private key in PEM or in OpenSSH's form, as ssh-keygen makes it") from None
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey):
        raise ValueError("must be an Ed25519, ECDSA or RSA key")
    if isinstance(key, RSAPrivateKey) and key.key_size < SHORTEST_RSA:
        raise ValueError(f"must have {SHORTEST_RSA} bits or more, being an RSA key")
    try:
        kept = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
        kind, public, *_ = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode().split()
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("must be on a curve that ssh knows: P-256, P-384 or P-521") from None
    return PrivateKey(kept, kind, _fingerprint(base64.b64decode(public)))


def pinned_keys(text: str, url: str) -> str:
    """The lines of `known_hosts`, without comments; ValueError names a wrong line, or says that none is of the host."""
    if len(text) > LONGEST:
        raise ValueError(f"must have at most {LONGEST} characters")
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line and not line.startswith("#")]
    if len(kept) > MOST_LINES:
        raise ValueError(f"must have at most {MOST_LINES} lines")
    if wrong := next((line for line in kept if not _is_line(line)), None):
        raise ValueError(f"has a line that is no host key: {wrong[:80]!r}; lines are as ssh-keyscan prints them")
    host = _host(url)
    if not any(_names(line, host) for line in kept):
        raise ValueError(f"must have a line for {host}, as ssh-keyscan prints it")
    return "".join(f"{line}\n" for line in kept)


def _fingerprint(public: bytes) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(public).digest()).decode().rstrip("=")


def _host(url: str) -> str:
    """The host of an address as `known_hosts` names it."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return host if parts.port in (None, _DEFAULT_PORT) else f"[{host}]:{parts.port}"


def _words(line: str) -> list[str]:
    words = line.split()
    return words[1:] if words[0] in _MARKERS else words


def _is_line(line: str) -> bool:
    if not line.isprintable() and "\t" not in line:
        return False
    match _words(line):
        case [_, kind, key, *_] if _TYPE.fullmatch(kind):
            try:
                decoded = base64.b64decode(key, validate=True)
            except (binascii.Error, ValueError):
                return False
            return decoded[4 : 4 + len(kind)] == kind.encode()
    return False


def _names(line: str, host: str) -> bool:
    """Whether the line is of the host, and not of a key that was revoked."""
    if line.startswith("@revoked"):
        return False
    names = _words(line)[0]
    if names.startswith("|1|"):
        return _is_hash_of(names, host)
    return any(pattern.fullmatch(host.lower()) for pattern in _patterns(names))


def _patterns(names: str) -> Iterator[re.Pattern[str]]:
    for name in names.lower().split(","):
        parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", name))
        yield re.compile("".join(parts))


def _is_hash_of(name: str, host: str) -> bool:
    try:
        _, _, salt, digest = name.split("|")
        made = hmac.new(base64.b64decode(salt), host.encode(), hashlib.sha1).digest()
        return hmac.compare_digest(made, base64.b64decode(digest))
    except (binascii.Error, ValueError):
        return False
