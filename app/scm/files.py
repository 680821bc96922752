"""The pipeline file of a repository: which paths are read, and why a file is not read. The same for every host."""

from app.errors import Invalid, Problem, Unreadable
from app.scm import refs

_LONGEST_PATH = 4096
_BOM = "\ufeff"
#: The words for the modes of git that are not those of a regular file.
_KINDS = {"120000": "a symbolic link", "160000": "a submodule", "40000": "a directory", "040000": "a directory"}
#: The mode of a symbolic link, of a submodule, of a directory, as git writes them.
SYMLINK, SUBMODULE, DIRECTORY = "120000", "160000", "40000"


def check_path(path: str) -> None:
    """Raise Invalid (field `config_path`) for a path that no file of a repository can have."""
    parts = path.split("/")
    rules = (
        (path == "", "is empty"),
        (len(path) > _LONGEST_PATH, f"is longer than {_LONGEST_PATH} characters"),
        (path.startswith("/"), "is absolute: write it from the top of the repository"),
        (any(part in {"", ".", ".."} for part in parts), "has an empty part, `.` or `..`"),
        (any(ord(char) < 32 or ord(char) == 127 for char in path), "has a control character"),
        (not refs.is_text(path), "is not valid Unicode"),
    )
    for broken, words in rules:
        if broken:
            message = f"the path {path[:80]!r} of the configuration file {words}"
            raise Invalid.of([Problem("config_path", "invalid", message)])


def text(body: bytes, path: str, sha: str) -> str:
    """The text of a file without a byte order mark; Unreadable (`config_not_utf8`) when the file is not UTF-8."""
    try:
        return body.decode().removeprefix(_BOM)
    except UnicodeDecodeError as error:
        message = f"{_place(path, sha)} is not UTF-8 text: byte {error.start} is wrong"
        raise Unreadable(message, code="config_not_utf8") from None


def not_found(path: str, sha: str) -> Unreadable:
    """The error for a file that the commit does not have."""
    return Unreadable(f"{path} not found at commit {sha[:12]}", code="config_not_found")


def unsuitable(mode: str, path: str, sha: str) -> Unreadable:
    """The error for what is no regular file; `mode` is that of git."""
    code = "config_symlink" if mode == SYMLINK else "config_not_a_file"
    kind = _KINDS.get(mode, f"of the unknown mode {mode}")
    return Unreadable(f"{_place(path, sha)} is {kind}; only regular files are read", code=code)


def too_large(path: str, sha: str, *, most: int, size: int | None = None) -> Unreadable:
    """The error for a file of more than `most` bytes; `size` is None if not known."""
    has = f"{size} bytes, more than the {most}" if size is not None else f"more than the {most} bytes"
    return Unreadable(f"{_place(path, sha)} has {has} that are read", code="config_too_large")


def _place(path: str, sha: str) -> str:
    return f"{path} at commit {sha[:12]}"
