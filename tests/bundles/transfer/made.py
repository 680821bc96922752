"""Files of exported versions that are made without a server."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from app.artifacts.model import parted
from app.bundles.model import Artifact, Bundle
from app.bundles.signing import dsse, statements
from app.bundles.signing.signer import Signer
from app.bundles.transfer import contents, tar
from app.evolve import evolve

NOW = 1_700_000_000_000
BUNDLE = Bundle(1, 1, "shop", "1.0", "COMPLETED", NOW, 1, "ada", sources={"builds": []})


def artifact(path: str, data: bytes, *, size: int | None = None, kind: str = "generic") -> Artifact:
    """A file; `size` is what the manifest says in place of the size of the bytes."""
    digest = hashlib.sha256(data).hexdigest()
    return Artifact(kind, *parted(path), "dev", 1, 1, "", digest, len(data) if size is None else size)


def envelope(key: Signer, *artifacts: Artifact, bundle: Bundle = BUNDLE, **changed: Any) -> str:
    """A signed manifest; `changed` are other fields of its predicate."""
    statement = statements.manifest("release-bundles-v2", bundle, artifacts, {1: {"k": ["v"]}})
    statement["predicate"] |= changed
    return dsse.signed(statement, key).envelope


def texts(key: Signer, *envelopes: str) -> list[tuple[str, bytes]]:
    """What stands before the blobs."""
    return [
        (contents.MANIFEST, envelopes[0].encode()),
        (contents.EVIDENCE, contents.evidence(envelopes)),
        (contents.KEYS, contents.public_keys([key.key.public])),
    ]


def blobs(files: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    """The entries of blobs."""
    each = {contents.blob(hashlib.sha256(data).hexdigest()): data for data in files.values()}
    return sorted(each.items())


def joined(found: Sequence[tuple[str, bytes]]) -> bytes:
    """A tar of these entries."""
    parts = (tar.header(name, len(data)) + data + bytes(tar.padding(len(data))) for name, data in found)
    return b"".join(parts) + tar.END


def named(name: str) -> Bundle:
    """The version 1.0 of a name."""
    return evolve(BUNDLE, name=name)


def manifest(key: Signer, files: Mapping[str, bytes], name: str = "shop") -> str:
    """The signed manifest of these files."""
    return envelope(key, *(artifact(path, data) for path, data in files.items()), bundle=named(name))


def file(key: Signer, files: Mapping[str, bytes], name: str = "shop") -> bytes:
    """The file of a version with these files."""
    return joined([*texts(key, manifest(key, files, name)), *blobs(files)])
