"""Which addresses of git repositories Gantry reads from, and how (contract scm-api 9.3)."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

from app.errors import Invalid, Problem, Unreadable
from app.scm.host import Access

_LONGEST = 2048
_FORMS = "write file:///path, https://host/path or ssh://user@host/path"
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_SCP = re.compile(r"(?:[\w.-]+@)?[\w.-]+:(?!:|//)[^\\]+")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\]")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Remote:
    """An address that passed every check, ready for git."""

    url: str
    #: the commands that serve a directory of this machine, to read and to write; empty for other machines
    upload_pack: str = ""
    receive_pack: str = ""
    #: with what git is let in; None where the host lets everybody in, or the account of this process
    access: Access | None = None


def check(url: str, roots: Sequence[Path]) -> None:
    """Raise Invalid when git must not read from `url`."""
    if broken := _problem(url, roots):
        code, message = broken
        raise Invalid.of([Problem("git_http_url", code, message)])


def resolve(url: str, roots: Sequence[Path], access: Access | None = None) -> Remote:
    """The remote that `url` leads to now; Unreadable when there is no repository, or when git must not read from it."""
    if broken := _problem(url, roots):
        raise Unreadable(broken[1], code="repository_unreachable")
    if not url.startswith("file:"):
        return Remote(url, access=access)
    directory = _git_directory(url, roots)
    return Remote(f"file://{quote(str(directory))}", _upload_pack(directory), _receive_pack(directory))


def _problem(url: str, roots: Sequence[Path]) -> tuple[str, str] | None:
    if broken := _form(url):
        return broken
    if url.startswith("file://"):
        return _local(url, roots)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "bad_url", f"the address has an unusable host or port: {_FORMS}"
    return _distant(parts, port)


def _form(url: str) -> tuple[str, str] | None:
    if not url or len(url) > _LONGEST or not _PRINTABLE.fullmatch(url):
        words = f"an address is 1 to {_LONGEST} printable ASCII characters without spaces"
        return "bad_url", f"{words}; write others as %XX"
    scheme, separator, _ = url.partition("://")
    if not separator and _SCP.fullmatch(url):
        host, _, path = url.partition(":")
        return "scp_form", f"write ssh://{host}/{path.lstrip('/')} instead of {url}"
    if separator and scheme in {"http", "git"}:
        return "insecure_scheme", f"{scheme}:// is neither private nor authentic: use https://"
    if not separator or scheme not in {"file", "https", "ssh"}:
        return "bad_scheme", f"the address has no scheme that is read from: {_FORMS}"
    if "?" in url or "#" in url or "\\" in url:
        return "bad_url", "an address has no `?`, `#` or backslash; write them as %3F, %23 and %5C"
    if _CONTROL.search(unquote(url)):
        return "bad_url", "the address contains an encoded control character"
    return None


def _distant(parts: SplitResult, port: int | None) -> tuple[str, str] | None:
    user, at, host = parts.netloc.rpartition("@")
    host = host if port is None else host.rpartition(":")[0]
    if at and (parts.scheme == "https" or ":" in user):
        return "credentials_in_url", (
            "an address holds no credentials, for it is shown and logged: register the repository without them, "
            "then set them with gantry repo credentials; or use ssh:// and a deploy key"
        )
    if at and not _USER.fullmatch(user):
        return "bad_url", "the user name is made of letters, digits and ._- and starts with none of .-"
    if not _HOST.fullmatch(host) or port == 0:
        return "bad_url", "the host is made of letters, digits and .-, and starts with none of .-"
    if not parts.path.strip("/"):
        return "bad_url", "the address names a host but no repository on it"
    return None


def _local(url: str, roots: Sequence[Path]) -> tuple[str, str] | None:
    path = unquote(url.removeprefix("file://"))
    if not path.startswith("/"):
        return "bad_url", "a file address has three slashes and no host: file:///srv/git/demo.git"
    if not roots:
        return "outside_roots", "this server reads no local repositories: no directory is set for them"
    if not _below(_real(Path(path)), roots):
        allowed = ", ".join(map(str, roots))
        return "outside_roots", f"{path} is not below a directory for local repositories: {allowed}"
    return None


def _below(path: Path | None, roots: Sequence[Path]) -> bool:
    return path is not None and any(path.is_relative_to(root.resolve()) for root in roots)


def _real(path: Path) -> Path | None:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # a loop of symbolic links
        return None


def _git_directory(url: str, roots: Sequence[Path]) -> Path:
    path = unquote(url.removeprefix("file://")).rstrip("/") or "/"
    for candidate in (Path(path, ".git"), Path(path), Path(f"{path}.git")):
        directory = _real(candidate)
        if directory and _below(directory, roots) and _is_git_directory(directory):
            return directory
    raise Unreadable(f"{url} is not a git repository", code="repository_unreachable")


def _is_git_directory(path: Path) -> bool:
    try:
        return (path / "HEAD").is_file() and (path / "objects").is_dir()
    except PermissionError:
        return False


def _upload_pack(directory: Path) -> str:
    """The command that serves exactly `directory`, also of another account, with the options that the mirror needs."""
    options = ("uploadpack.allowFilter=true", "uploadpack.allowAnySHA1InWant=true")
    return shlex.join([*_served(directory, options), "upload-pack", "--strict"])


def _receive_pack(directory: Path) -> str:
    """The command that writes into exactly `directory`. Nothing that its settings or its hooks name is run."""
    options = ("core.hooksPath=/dev/null", "core.alternateRefsCommand=true", "receive.autoGC=false")
    return shlex.join([*_served(directory, options), "receive-pack"])


def _served(directory: Path, options: Sequence[str]) -> list[str]:
    """The beginning of a command of a local server process.

    git does not pass its own `-c` options and environment configuration on to such a process, so the options are part
    of the command.
    """
    return ["git", *(word for option in (f"safe.directory={directory}", *options) for word in ("-c", option))]
