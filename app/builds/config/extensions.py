"""Extensions: servers of the operator that are asked before a build begins (contract drone-webhooks 6, 7, 8)."""

from dataclasses import dataclass, replace
from typing import Any, Literal

from app.builds.model import Build
from app.builds.wire import build_json
from app.convert.errors import BadConversion
from app.errors import Unavailable
from app.extensions.client import Extension, ExtensionFailed
from app.repos.model import Repo
from app.repos.wire import repo_json

CONFIG = "application/vnd.drone.config.v1+json"
CONVERT = "application/vnd.drone.convert.v1+json"
VALIDATE = "application/vnd.drone.validate.v1+json"

Verdict = Literal["run", "skip", "block"]
#: Statuses of a validation extension's answer that are no errors, and the verdict of each.
_VERDICTS: dict[int, Verdict] = {498: "skip", 499: "block"}


@dataclass(frozen=True, slots=True)
class Extensions:
    """The extensions that the settings name; None for an extension that they do not name, which is not asked."""

    config: Extension | None = None
    convert: Extension | None = None
    #: The end of the paths of files that the extension converts; empty = every file.
    suffix: str = ""
    #: Whether the extension converts also files that a template, Starlark or Jsonnet made.
    multi: bool = False
    validate: Extension | None = None

    async def configure(self, repo: Repo, build: Build) -> str:
        """The pipeline file that a build runs; empty = the file of the repository. Unavailable, ExtensionFailed."""
        if self.config is None:
            return ""
        return _text(self.config, await self.config.ask(_about(repo, build)))

    def converts(self, path: str, *, converted: bool) -> bool:
        """Whether the extension converts a file. `converted`: a template, Starlark or Jsonnet made the file."""
        return self.convert is not None and path.endswith(self.suffix) and (self.multi or not converted)

    async def converted(self, repo: Repo, build: Build, text: str) -> str:
        """The converted file; empty = the file stays as it is. BadConversion says why it cannot be converted."""
        assert self.convert is not None
        try:
            return _text(self.convert, await self.convert.ask(_about(repo, build) | {"config": _config(text)}))
        except (ExtensionFailed, Unavailable) as error:
            raise BadConversion("conversion", repo.config_path, error.message) from error

    async def judge(self, repo: Repo, build: Build, text: str) -> Verdict:
        """Whether a build begins, waits for approval, or is left out; ExtensionFailed says why it must not begin."""
        if self.validate is None:
            return "run"
        try:
            await self.validate.ask(_about(repo, build) | {"config": _config(text)})
        except ExtensionFailed as failed:
            if failed.status not in _VERDICTS:
                raise
            return _VERDICTS[failed.status]
        return "run"


def _about(repo: Repo, build: Build) -> dict[str, Any]:
    """The body of a request: the build, without id and number, its repository, and a token of its owner.

    The token is empty, because a plain git host has no tokens.
    """
    draft = replace(build, id=0, number=0, cron="", deploy_id=0, debug=False, stages=())
    return {"build": build_json(draft), "repo": repo_json(repo), "token": {"access": "", "refresh": ""}}


def _config(text: str) -> dict[str, str]:
    return {"data": text, "kind": ""}


def _text(extension: Extension, answer: Any) -> str:
    """The text of the file in an answer; empty if there is none. ExtensionFailed."""
    if answer is None:
        return ""
    data = answer.get("data", "") if isinstance(answer, dict) else None
    if not isinstance(data, str):
        raise ExtensionFailed(f"{extension.name} must answer with an object whose `data` is the text of the file")
    return data if data.strip() else ""
