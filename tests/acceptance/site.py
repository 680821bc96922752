"""A repository whose pipeline is one of the project's own files, on a real server."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

from tests import gantry
from tests.acceptance.server import TOKEN, Server
from tests.scm.repository import Repository
from tests.soon import PATIENCE

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "pipelines"


class Site:
    """A repository with one of the files as its pipeline, on a server."""

    def __init__(self, server: Server, folder: Path, file: str, name: str) -> None:
        self.server = server
        self.folder = folder
        self.text = (FOLDER / file).read_text()
        #: The name that the file has in the repository.
        self.file = ".drone" + Path(file).suffix
        self.slug = f"acme/{name}"
        self.repository = Repository(folder / "repository")

    def begin(self, files: dict[str, str | bytes]) -> Any:
        """Register the repository; the build of its first push, once it is over."""
        sha = self.repository.commit({self.file: self.text, **files})
        self.server.register(self.repository.url, self.slug, config_path=self.file)
        return self.push(sha)

    def commit(self, files: dict[str, str | bytes]) -> Any:
        """The build of one more push."""
        return self.push(self.repository.commit(files))

    def push(self, sha: str, ref: str = "refs/heads/main") -> Any:
        """The build of a ref that was moved."""
        return self.finished(self.server.push(self.slug, sha, ref=ref).json()["number"])

    def promote(self, number: int, target: str, **params: str) -> Any:
        """The build of a promotion."""
        return self.finished(self.server.promote(self.slug, number, target, **params)["number"])

    def finished(self, number: int) -> Any:
        return self.server.finished(self.slug, number)

    def log(self, build: Any, stage: str, step: str) -> str:
        """What a step has printed."""
        of = next(found for found in build["stages"] if found["name"] == stage)
        number = next(found["number"] for found in of["steps"] if found["name"] == step)
        return self.server.output(self.slug, build["number"], of["number"], number)

    def enter(self, command: str, *more: str) -> "subprocess.CompletedProcess[str]":
        """Run the command of the file's comment that begins like this, with `/srv` in this site's folder."""
        lines = (line.removeprefix("#").strip() for line in self.text.splitlines() if line.startswith("#   "))
        [line] = [line for line in lines if line.startswith(command)]
        line = re.sub(r"\bacme/\w+(?= )", self.slug, line).replace("/srv/", f"{self.folder}/")
        client = {"GANTRY_SERVER": self.server.url, "GANTRY_TOKEN": TOKEN}
        arguments = [*shlex.split(line)[1:], *more]
        return gantry.run(arguments, self.server.environment | client, cwd=self.folder, timeout=PATIENCE)
