"""What tests of exported versions do with a server, and with files."""

import io
import tarfile
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx2

from tests.artifacts.site import Site

LIFECYCLE = "/lifecycle/api/v2"
OWN = "/api/bundles"
PAIRS = "/artifactory/api/security/keypair"
#: The files of a version: paths in `dev`, and their bytes. Two have the same bytes.
FILES = {"app/a.jar": b"of a" * 100, "app/b.jar": b"of b", "lib/b.jar": b"of b", "empty": b"", "large": b"l" * 200_000}


def create(site: Site, name: str, version: str, files: Mapping[str, bytes] = FILES) -> None:
    """Create a version of files in `dev`."""
    for path, content in files.items():
        assert site.put(f"dev/{name}/{path};of={quote(path, safe='')}", content).status_code == 201
    body = {
        "release_bundle_name": name,
        "release_bundle_version": version,
        "source_type": "artifacts",
        "source": {"artifacts": [{"path": f"dev/{name}/{path}"} for path in files]},
    }
    made = site.ask("POST", f"{LIFECYCLE}/release_bundle?async=false", json=body)
    assert made.status_code == 201, made.text


def public_key(site: Site, name: str = "default") -> str:
    """The public half of a pair, as PEM."""
    return str(site.json("GET", f"{PAIRS}/{name}")["publicKey"])


def trust(site: Site, name: str, pem: str) -> None:
    """Let a server trust a public key."""
    assert site.ask("POST", PAIRS, json={"pairName": name, "publicKey": pem}).status_code == 201


def export(site: Site, name: str = "shop", version: str = "1.0") -> bytes:
    answer = site.ask("GET", f"{OWN}/{name}/{version}/export")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-length"] == str(len(answer.content))
    return answer.content


def import_(site: Site, data: bytes, client: httpx2.Client | None = None, **query: str) -> httpx2.Response:
    return (client or site.client).post(f"{OWN}/import", content=data, params=query)


def delete(site: Site, name: str = "shop", version: str = "1.0") -> None:
    path = f"{LIFECYCLE}/release_bundle/records/{name}/{version}?async=false"
    assert site.ask("DELETE", path).status_code == 204


def entries(data: bytes) -> dict[str, bytes]:
    """The entries of a tar, in their order."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = {}
        for info in archive:
            file = archive.extractfile(info)
            assert file is not None
            found[info.name] = file.read()
        return found


def tar(files: Mapping[str, bytes] | Sequence[tuple[str, bytes]]) -> bytes:
    """A tar of files, made by another program than ours."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items() if isinstance(files, Mapping) else files:
            archive.addfile(member(name, size=len(content)), io.BytesIO(content))
    return made.getvalue()


def member(name: str, **fields: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info
