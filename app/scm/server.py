"""The address of a host's server, and which repositories are at it."""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from app.errors import Invalid, Problem, Unreadable

_SCP = re.compile(r"(?:[\w.-]+@)?(?P<host>[\w.-]+):(?P<path>[^/].*)")
_PART = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9_.~-]+")
_LONGEST = 2048
_USUAL = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Server:
    """A server of a host: its address without a slash at the end, and whether its namespaces are nested."""

    url: str
    nested: bool = False

    def serves(self, url: str) -> bool:
        """Whether an address of a repository, as for git over http(s) or ssh, is at this server."""
        return self._path(url) is not None

    def slug(self, url: str) -> str:
        """The `namespace/name` in the address of a repository; Unreadable when the address is not at this server."""
        path = self._path(url)
        if path is None or not self.is_slug(path):
            raise Unreadable(f"{url} is no repository of {self.url}", code="repository_unreachable")
        return path

    def is_slug(self, text: str) -> bool:
        """Whether this is the `namespace/name` of a repository that may be at this server."""
        return self._problem(text) is None

    def check(self, url: str) -> None:
        """Raise Invalid (field `git_http_url`) for an address that is never read from."""
        if broken := self._refused(url):
            raise Invalid.of([Problem("git_http_url", *broken)])

    def _refused(self, url: str) -> tuple[str, str] | None:
        scheme = url.partition("://")[0]
        if len(url) > _LONGEST or (path := self._path(url)) is None:
            return "bad_url", f"this is no address of a repository of {self.url}"
        if "://" not in url:
            return "scp_form", f"write {self.url}/{path}.git instead of {url}"
        if scheme == "http" and not self.url.startswith("http:"):
            return "insecure_scheme", "http:// is neither private nor authentic: use https://"
        if "@" in urlsplit(url).netloc and scheme != "ssh":
            return "credentials_in_url", "an address holds no credentials, for it is shown and logged"
        if problem := self._problem(path):
            return "bad_url", problem
        return None

    def _problem(self, path: str) -> str | None:
        parts = path.split("/")
        if len(parts) < 2 or (len(parts) > 2 and not self.nested):
            return f"an address at {self.url} ends with namespace/name"
        if not all(_PART.fullmatch(part) for part in parts):
            return "the namespace and the name are made of letters, digits and ._-"
        return None

    def _path(self, url: str) -> str | None:
        """The path of a repository at this server, without `.git`; None for an address elsewhere."""
        own = urlsplit(self.url)
        if "://" not in url:
            found = _SCP.fullmatch(url)
            return _bare(found["path"]) if found and found["host"].lower() == own.hostname else None
        try:
            parts = urlsplit(url)
            if parts.hostname != own.hostname or parts.query or parts.fragment:
                return None
            if parts.scheme == "ssh":
                return _bare(parts.path)
            if parts.scheme not in _USUAL or _port(parts) != _port(own):
                return None
        except ValueError:
            return None
        below = own.path.rstrip("/") + "/"
        return _bare(parts.path[len(below) :]) if parts.path.startswith(below) else None


def _bare(path: str) -> str:
    return unquote(path).strip("/").removesuffix(".git")


def _port(parts: SplitResult) -> int | None:
    """The port, None for the usual one of the scheme."""
    return None if parts.port == _USUAL.get(parts.scheme) else parts.port
