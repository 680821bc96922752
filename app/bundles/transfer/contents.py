"""What the file of an exported version holds: a tar with these entries, in this order. Pure.

`manifest.json` is the envelope of the signed manifest. `evidence.json` has the envelopes of all statements as texts,
for their digests are those of their bytes; the first one is the manifest's. `keys.json` has the public keys for people
to compare: it proves nothing, for whoever changes the file can change the keys in it. Then each blob once, by its
SHA-256.
"""

from collections.abc import Iterable

import orjson
from typing_extensions import TypedDict

from app.bundles.signing.keys import BadKey, PublicKey, public_key
from app.bundles.transfer.tar import refuse

MANIFEST, EVIDENCE, KEYS, BLOBS = "manifest.json", "evidence.json", "keys.json", "blobs/"
#: The most bytes of what is read at once.
LIMITS = {MANIFEST: 128 * 1024**2, EVIDENCE: 256 * 1024**2, KEYS: 1024**2}
#: The most statements of a version that is imported.
STATEMENTS = 10_000
#: The most objects, lists and commas of an `evidence.json` together.
PARTS = 100 * STATEMENTS


class PublicKeyJSON(TypedDict):
    """A public key that has signed, as PEM, and its id in signatures."""

    keyid: str
    public_key: str


def blob(sha256: str) -> str:
    """The name of a blob."""
    return f"{BLOBS}{sha256}"


def evidence(envelopes: Iterable[str]) -> bytes:
    """The text of `evidence.json`."""
    return orjson.dumps(list(envelopes), option=orjson.OPT_APPEND_NEWLINE)


def envelopes_of(text: bytes) -> list[str]:
    """The envelopes in an `evidence.json`; Invalid."""
    if sum(map(text.count, (b"{", b"[", b","))) > PARTS:
        refuse(f"{EVIDENCE} has too many parts to be a list of envelopes", "bundle_too_large")
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        refuse(f"{EVIDENCE} is no JSON: {error}")
    if not isinstance(found, list) or not all(isinstance(envelope, str) for envelope in found):
        refuse(f"{EVIDENCE} is no list of envelopes, each as a text")
    if not 0 < len(found) <= STATEMENTS:
        refuse(f"{EVIDENCE} has {len(found)} statements; a version has 1 to {STATEMENTS}")
    return found


def public_keys(keys: Iterable[PublicKey]) -> bytes:
    """The text of `keys.json`."""
    listed = [PublicKeyJSON(keyid=key.keyid, public_key=key.pem) for key in keys]
    return orjson.dumps(listed, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def check_keys(text: bytes) -> None:
    """Invalid when a `keys.json` is not the text of the keys in it. They are used for nothing."""
    try:
        found = [public_key(entry["public_key"]) for entry in orjson.loads(text)]
    except (orjson.JSONDecodeError, BadKey, TypeError, LookupError, AttributeError) as error:
        refuse(f"{KEYS} is no list of public keys: {error}")
    if public_keys(found) != text:
        refuse(f"{KEYS} was changed: its ids are not those of its keys")
