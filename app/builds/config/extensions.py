"""What servers of the user's own say to a build that is about to begin (contract drone-webhooks 6, 7, 8)."""

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
#: Statuses by which a validation extension says what is no error.
_VERDICTS: dict[int, Verdict] = {498: "skip", 499: "block"}


@dataclass(frozen=True, slots=True)
class Extensions:
    """Those that the settings name; without any, nothing is asked."""

    config: Extension | None = None
    convert: Extension | None = None
    #: How the names of the files end that are converted; empty = every file.
    suffix: str = ""
    #: Whether what a template, Starlark or Jsonnet made is converted as well.
    multi: bool = False
    validate: Extension | None = None

    async def configure(self, repo: Repo, build: Build) -> str:
        """The pipeline file, in place of the repository's own; empty = that one. Unavailable, ExtensionFailed."""
        if self.config is None:
            return ""
        return _text(self.config, await self.config.ask(_about(repo, build)))

    def converts(self, path: str, *, converted: bool) -> bool:
        """Whether a file is to be converted, which may have been already."""
        return self.convert is not None and path.endswith(self.suffix) and (self.multi or not converted)

    async def converted(self, repo: Repo, build: Build, text: str) -> str:
        """What is made of a file; empty = it stays as it is. BadConversion says why it cannot be."""
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
    """The build that has no id and no number yet, its repository, and the owner's token: a plain git host has none."""
    draft = replace(build, id=0, number=0, cron="", deploy_id=0, debug=False, stages=())
    return {"build": build_json(draft), "repo": repo_json(repo), "token": {"access": "", "refresh": ""}}


def _config(text: str) -> dict[str, str]:
    return {"data": text, "kind": ""}


def _text(extension: Extension, answer: Any) -> str:
    """The text of an answer."""
    if answer is None:
        return ""
    data = answer.get("data", "") if isinstance(answer, dict) else None
    if not isinstance(data, str):
        raise ExtensionFailed(f"{extension.name} must answer with an object whose `data` is the text of the file")
    return data if data.strip() else ""
