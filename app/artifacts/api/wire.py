"""What several answers hold: checksums, and addresses of items (contract artifactory-storage 3.1.1, 5.1)."""

from typing_extensions import TypedDict

from app.artifacts.address import quoted
from app.artifacts.model import Sums


class SumsJSON(TypedDict, total=False):
    """Checksums in hexadecimal digits; those that are not known are absent."""

    sha1: str
    md5: str
    sha256: str


def sums(of: Sums) -> SumsJSON:
    """The JSON of the checksums that are known."""
    found = SumsJSON()
    if of.sha1:
        found["sha1"] = of.sha1
    if of.md5:
        found["md5"] = of.md5
    if of.sha256:
        found["sha256"] = of.sha256
    return found


def sum_headers(of: Sums) -> dict[str, str]:
    """The checksums as headers."""
    return {"X-Checksum-Sha1": of.sha1, "X-Checksum-Sha256": of.sha256, "X-Checksum-Md5": of.md5}


def url_of(public_url: str, repo: str, path: str) -> str:
    """The address of an item."""
    return f"{public_url}/artifactory/{quoted(f'{repo}/{path}')}".rstrip("/")


def storage_url_of(public_url: str, repo: str, path: str) -> str:
    """The address of what is told of an item."""
    return url_of(public_url, f"api/storage/{repo}", path)
