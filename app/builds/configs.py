"""Pipeline files, read from git and parsed; at one commit they never change, so both are remembered."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeAlias

from app.errors import Unreadable
from app.pipeline.document import BadPipeline, Config, parse
from app.repos.flow import source
from app.repos.model import Repo
from app.scm.host import Host

#: Characters of text that are remembered in all; parsed they take some ten times as much memory.
REMEMBERED = 2 * 1024 * 1024
#: Characters from which a file is parsed in a thread, so that nobody else waits.
LARGE = 32 * 1024
#: Repository, commit and path.
_Key: TypeAlias = tuple[int, str, str]


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
        self._files: OrderedDict[_Key, PipelineFile] = OrderedDict()
        #: Reads under way: who wants the same file waits for the same read.
        self._loading: dict[_Key, asyncio.Task[PipelineFile]] = {}
        self._size = 0

    async def load(self, repo: Repo, sha: str) -> PipelineFile:
        """The file at a commit; Unreadable (absent, empty, not text, repository gone), NotFound or Unavailable."""
        key = (repo.id, sha, repo.config_path)
        if (known := self._files.get(key)) is not None:
            self._files.move_to_end(key)
            return known
        if (loading := self._loading.get(key)) is None:
            loading = self._loading[key] = asyncio.create_task(self._load(repo, sha, key))
            loading.add_done_callback(lambda _: self._loading.pop(key, None))
        return await asyncio.shield(loading)

    async def _load(self, repo: Repo, sha: str, key: _Key) -> PipelineFile:
        text = await self._host.read_file(source(repo), sha, repo.config_path)
        if not text.strip():
            raise Unreadable(f"{repo.config_path} is empty at commit {sha[:12]}", code="config_empty")
        config = _parsed(text) if len(text) < LARGE else await asyncio.to_thread(_parsed, text)
        return self._remember(key, PipelineFile(repo.config_path, text, config))

    def _remember(self, key: _Key, file: PipelineFile) -> PipelineFile:
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
        return BadPipeline(problems.problems)  # without the traceback, which holds on to all that was parsed
