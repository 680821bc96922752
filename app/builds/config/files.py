"""Pipeline files, read from git and parsed. A file at one commit never changes, so the parsed file is remembered.

The output of a template, Starlark or Jsonnet file depends on the build, too, so it is made anew for each build; that of
a file of Drone 0.8 depends on the repository's settings.
"""

import asyncio
from collections import OrderedDict
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Protocol, TypeAlias

from app.builds.config.extensions import Extensions
from app.builds.model import Build
from app.convert import legacy
from app.convert.convert import Converter, Facts, converts
from app.errors import Unreadable
from app.pipeline.document import BadPipeline, Config, parse
from app.pipeline.event import Event
from app.pipeline.plan import Plan, plan
from app.pipeline.source import is_costly
from app.repos.model import Repo, source
from app.repos.wire import repo_json
from app.scm.host import Source

#: Characters of text that are remembered in all; the parsed files take about ten times as much memory.
REMEMBERED = 2 * 1024 * 1024
#: Files with so many characters are parsed one at a time: each takes seconds of a processor.
HUGE = 1024 * 1024
#: Plans of one file that are remembered.
PLANS = 16
#: Repository, commit and path.
_Key: TypeAlias = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class PipelineFile:
    """The text of a pipeline file, and its parsed form or its problems."""

    path: str
    text: str
    config: Config | BadPipeline
    #: Whether the file was made for one build, and must not be used for another build.
    converted: bool = False
    #: The newest plans that were made from this file, by event.
    _plans: OrderedDict[Event, Plan] = field(default_factory=OrderedDict, repr=False, compare=False)

    def plan(self, event: Event) -> Plan:
        """The plan for an event, of a file without problems. A file never changes, so its plans are remembered."""
        assert isinstance(self.config, Config)
        if (known := self._plans.get(event)) is None:
            known = self._plans[event] = plan(self.config, event)
            if len(self._plans) > PLANS:
                self._plans.popitem(last=False)
        return known


@dataclass(frozen=True, slots=True)
class Recipe:
    """A file that is not plain YAML: a pipeline file is made from it for each build."""

    path: str
    text: str


class Files(Protocol):
    """Gives the files of repositories, as all hosts together do (`scm.hosts`)."""

    async def read_file(self, source: Source, sha: str, path: str) -> str:
        """The text of a file at a commit; Unreadable, NotFound, Unavailable."""
        ...


class Configs:
    """Reads the pipeline file of a repository at a commit."""

    def __init__(self, hosts: Files, converter: Converter, extensions: Extensions | None = None) -> None:
        self._hosts = hosts
        self._converter = converter
        self.extensions = extensions or Extensions()
        self._files: OrderedDict[_Key, PipelineFile | Recipe] = OrderedDict()
        #: Reads under way: all callers that want the same file wait for the same read.
        self._loading: dict[_Key, asyncio.Task[PipelineFile | Recipe]] = {}
        self._size = 0
        self._huge = asyncio.Lock()

    async def load(self, repo: Repo, build: Build) -> PipelineFile:
        """The file that a build runs: the one at its commit, or one from an extension; converted if not plain YAML.

        Unreadable (absent, empty, not text, repository gone, an extension's error), NotFound, Unavailable, or
        BadConversion.
        """
        if text := await self.extensions.configure(repo, build):
            file = await self._given(repo, text)
        else:
            file = await self._read(repo, build.after)
        made = file if isinstance(file, PipelineFile) else await self._convert(file, repo, build)
        if self.extensions.converts(repo.config_path, converted=made is not file) and (
            more := await self.extensions.converted(repo, build, made.text)
        ):
            made = await self._converted(repo.config_path, more)
        # A file of 0.8 has no kind, so only a file with problems can be one; and such files are small.
        if isinstance(made.config, BadPipeline) and len(made.text) < HUGE and legacy.applies(made.text):
            link = str(repo_json(repo)["link"])
            text = await asyncio.to_thread(legacy.convert, repo.config_path, made.text, link)
            return await self._converted(repo.config_path, text)
        return made

    async def load_plain(self, repo: Repo, build: Build) -> str:
        """The text that a build runs if its file was not converted: the file at its commit. Errors as of `load`."""
        return (await self._read(repo, build.after)).text

    async def _given(self, repo: Repo, text: str) -> "PipelineFile | Recipe":
        """The file that an extension gave in place of the repository's file: for one build, so it is not remembered."""
        path = repo.config_path
        return (
            Recipe(path, text)
            if converts(path, text)
            else PipelineFile(path, text, await self._parsed(text), converted=True)
        )

    async def _convert(self, file: Recipe, repo: Repo, build: Build) -> PipelineFile:
        read = partial(self._hosts.read_file, source(repo), build.after)
        return await self._converted(
            file.path, await self._converter.convert(file.path, file.text, facts(repo, build), read)
        )

    async def _read(self, repo: Repo, sha: str) -> PipelineFile | Recipe:
        key = (repo.id, sha, repo.config_path)
        if (known := self._files.get(key)) is not None:
            self._files.move_to_end(key)
            return known
        if (loading := self._loading.get(key)) is None:
            loading = self._loading[key] = asyncio.create_task(self._load(repo, sha, key))
            loading.add_done_callback(lambda _: self._loading.pop(key, None))
        return await asyncio.shield(loading)

    async def _load(self, repo: Repo, sha: str, key: _Key) -> PipelineFile | Recipe:
        text = await self._hosts.read_file(source(repo), sha, repo.config_path)
        if not text.strip():
            raise Unreadable(f"{repo.config_path} is empty at commit {sha[:12]}", code="config_empty")
        if converts(repo.config_path, text):
            return self._remember(key, Recipe(repo.config_path, text))
        return self._remember(key, PipelineFile(repo.config_path, text, await self._parsed(text)))

    async def _converted(self, path: str, text: str) -> PipelineFile:
        return PipelineFile(f"output of {path}", text, await self._parsed(text), converted=True)

    async def _parsed(self, text: str) -> Config | BadPipeline:
        if not is_costly(text):
            return _parsed(text)
        async with self._huge if len(text) >= HUGE else nullcontext():
            return await asyncio.to_thread(_parsed, text)

    def _remember(self, key: _Key, file: PipelineFile | Recipe) -> PipelineFile | Recipe:
        if key not in self._files:
            self._size += len(file.text)
        self._files[key] = file
        while self._size > REMEMBERED and len(self._files) > 1:
            _, oldest = self._files.popitem(last=False)
            self._size -= len(oldest.text)
        return file


def facts(repo: Repo, build: Build) -> Facts:
    """The facts that a file may use: those of the build, which has no id and no number yet, and of its repository."""
    return Facts(asdict(replace(build, id=0, number=0, stages=())), dict(repo_json(repo)))


def _parsed(text: str) -> Config | BadPipeline:
    try:
        return parse(text)
    except BadPipeline as problems:
        return BadPipeline(problems.problems)  # without the traceback, which keeps all parsed values in memory
