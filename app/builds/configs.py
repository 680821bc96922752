"""Pipeline files, read from git and parsed; at one commit they never change, so both are remembered."""

from collections import OrderedDict
from dataclasses import dataclass

from app.errors import Unreadable
from app.pipeline.document import BadPipeline, Config, parse
from app.repos.flow import source
from app.repos.model import Repo
from app.scm.host import Host

#: Characters of text that are remembered in all; parsed they take some ten times as much memory.
REMEMBERED = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PipelineFile:
    """The text, and what it says or what is wrong with it."""

    path: str
    text: str
    config: Config | BadPipeline


class Configs:
    """Reads the pipeline file of a repository at a commit."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._files: OrderedDict[tuple[int, str, str], PipelineFile] = OrderedDict()
        self._size = 0

    async def load(self, repo: Repo, sha: str) -> PipelineFile:
        """The file at a commit; Unreadable (absent, empty, not text, repository gone) or Unavailable."""
        key = (repo.id, sha, repo.config_path)
        if (known := self._files.get(key)) is not None:
            self._files.move_to_end(key)
            return known
        text = await self._host.read_file(source(repo), sha, repo.config_path)
        if not text.strip():
            raise Unreadable(f"{repo.config_path} is empty at commit {sha[:12]}", code="config_empty")
        return self._remember(key, PipelineFile(repo.config_path, text, _parsed(text)))

    def _remember(self, key: tuple[int, str, str], file: PipelineFile) -> PipelineFile:
        if key not in self._files:
            self._size += len(file.text)
        self._files[key] = file
        while self._size > REMEMBERED and len(self._files) > 1:
            _, oldest = self._files.popitem(last=False)
            self._size -= len(oldest.text)
        return file


def _parsed(text: str) -> Config | BadPipeline:
    try:
        return parse(text)
    except BadPipeline as problems:
        return problems
