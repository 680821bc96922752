"""The files that a Jsonnet file imports, from its own repository at its own commit.

The evaluator runs where no file can be opened; it asks for each import, and `Imports` answers.
"""

import posixpath
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from app.convert.fault import Fault
from app.errors import AppError, Unavailable
from app.pipeline import source
from app.pipeline.problems import quoted

#: Imports that are looked for: one file may have many names, such as `./a` and `././a`.
MAX_QUESTIONS = 1000

#: Gives the text of a file of the repository by its path, as it was at the commit.
ReadFile = Callable[[str], Awaitable[str]]


@dataclass(slots=True)
class Imports:
    """Finds the imports of one evaluation of the file at `path`; at most `limit` different files are read."""

    path: str = ""
    limit: int = 0
    read: ReadFile | None = None
    _questions: int = field(default=0, init=False)
    _texts: dict[str, str] = field(default_factory=dict, init=False)
    _left: int = field(default=source.MAX_BYTES, init=False)

    async def find(self, folder: str | None, name: str) -> tuple[str, str]:
        """Path and text of the file that `name` means in `folder`, None = the folder of the file itself.

        Raises Fault when the file cannot be imported, and Unavailable when a later try may find it.
        """
        if self.read is None:
            raise Fault("a template cannot import files: put everything into the template")
        if not self.limit:
            raise Fault("imports are not allowed: put everything into one file, or set GANTRY_JSONNET_IMPORT_LIMIT")
        self._questions += 1
        if self._questions > MAX_QUESTIONS:
            raise Fault(f"it imports files by more than {MAX_QUESTIONS} names")
        path = _path(posixpath.dirname(self.path) if folder is None else folder, name)
        if path not in self._texts:
            self._texts[path] = await self._read(self.read, path)
        return path, self._texts[path]

    async def _read(self, read: ReadFile, path: str) -> str:
        if len(self._texts) == self.limit:
            raise Fault(f"it imports more files than GANTRY_JSONNET_IMPORT_LIMIT allows ({self.limit})")
        try:
            text = await read(path)
        except Unavailable:
            raise
        except AppError as error:
            raise Fault(f"cannot import {quoted(path)}: {error.message}") from None
        self._left -= len(text)
        if self._left < 0:
            raise Fault(f"the imported files have more than {source.MAX_BYTES} characters together")
        return text


def _path(folder: str, name: str) -> str:
    """The path from the top of the repository, without `.` and `..`."""
    path = posixpath.normpath(posixpath.join(folder, name))
    if posixpath.basename(name) in ("", ".", "..") or "\0" in name or path.startswith(("/", "../")):
        raise Fault(f"cannot import {quoted(name)}: an import names a file of the repository, from its own folder")
    return path
