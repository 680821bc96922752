"""The address of an artifact in a request: repository, path and matrix parameters.

Contract artifactory-storage 1.2, 4.2. The address is read from the raw path: a `;` begins parameters, an encoded one is
a character of a name. Pure.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote

from app.errors import Invalid, Problem
from app.web.path import decoded

#: The most bytes of one name in a path, as file systems have it.
NAME_LIMIT = 255
#: The most bytes of a whole path.
PATH_LIMIT = 4096
_ESCAPED = re.compile(r"\\([,=|\\;])")
#: A comma, a backslash with the character behind it, or what is neither.
_PIECE = re.compile(r",|\\.|[^,\\]+|\\", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """Where an artifact is, or shall be."""

    #: Key of the repository; a virtual one, perhaps.
    repo: str
    #: The path in the repository, without slashes around; empty for the whole repository.
    path: str
    #: Whether the address ends with a slash: a folder is meant.
    folder: bool = False
    #: Matrix parameters: keys and values in their order. A key that ends with `+` is mandatory in a download.
    matrix: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.repo}:{self.path}"

    @property
    def url(self) -> str:
        """Repository and path as they stand in a URL."""
        return quoted(f"{self.repo}/{self.path}" if self.path else self.repo)


def parse(raw: str) -> Address:
    """The address of the raw part of a path behind a prefix: `repo/a/b;k=v`. Invalid names what is wrong.

    Parameters may stand in any part of the path, and end with the part.
    """
    names, matrix = list[str](), list[tuple[str, str]]()
    for part in raw.split("/"):
        name, *parameters = part.split(";")
        names.append(decoded(name))
        matrix.extend(pair for text in parameters if text for pair in parameters_of(text))
    return _made(names, tuple(matrix))


def plain(text: str) -> Address:
    """The address of decoded text, such as the value of `to`: there are no matrix parameters. Invalid as above."""
    return _made(text.split("/"), ())


def _made(names: list[str], matrix: tuple[tuple[str, str], ...]) -> Address:
    folder = len(names) > 1 and not names[-1]
    kept = [name for name in names if name]
    if not kept:
        raise Invalid.of([Problem("path", "no_repository", "the path names no repository: say /REPOSITORY/PATH")])
    for name in kept:
        check_name(name)
    path = "/".join(kept[1:])
    check_length(path)
    return Address(kept[0], path, folder or not path, matrix)


def check_length(path: str) -> None:
    """Invalid when a path in a repository is too long."""
    if len(path) * 4 > PATH_LIMIT and (length := len(path.encode())) > PATH_LIMIT:
        words = f"the path has {length} bytes; at most {PATH_LIMIT} are allowed"
        raise Invalid.of([Problem("path", "path_too_long", words)])


def check_name(name: str) -> None:
    """Invalid when a name cannot stand in a path."""
    if name in (".", ".."):
        words = f"the path has the name {name!r}, which would name another folder; leave it out"
        raise Invalid.of([Problem("path", "bad_name", words)])
    if "/" in name or "\0" in name:
        words = "a name in the path has a slash or a NUL; neither can be part of a name"
        raise Invalid.of([Problem("path", "bad_name", words)])
    if len(name.encode()) > NAME_LIMIT:
        words = f"a name in the path has {len(name.encode())} bytes; at most {NAME_LIMIT} are allowed"
        raise Invalid.of([Problem("path", "name_too_long", words)])


def parameters_of(text: str) -> list[tuple[str, str]]:
    """The pairs of one matrix parameter: `k=v,w` is two pairs, and a value with an encoded comma is one.

    A `+` is a space, as in a form; at the end of a key the `+` stays, as the mark of a mandatory property.
    """
    key, _, values = text.partition("=")
    mandatory = "+" * key.endswith("+")
    name = _plain(key.removesuffix("+")) + mandatory
    return [(name, _plain(value)) for value in _cut(values)]


def quoted(path: str) -> str:
    """A path as it stands in a URL."""
    return quote(path, safe="/!$&'()*+,:=@~")


def _cut(values: str) -> list[str]:
    """The values between raw commas; a comma behind a raw backslash is a part of its value."""
    found = [""]
    for piece in _PIECE.findall(values):
        if piece == ",":
            found.append("")
        else:
            found[-1] += piece
    return found


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", decoded(text.replace("+", " ")))
