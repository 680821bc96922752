"""Extensions (HTTP servers of the user) that a runner asks for secrets, and for variables of every step.

Contract drone-webhooks 10, 11; drone-env 7.1.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.builds.wire import build_json
from app.errors import AppError
from app.extensions.client import Extension, ExtensionFailed, extension
from app.pipeline.model import SecretDocument
from app.repos.wire import repo_json
from app.runners.manager import Context
from app.settings.values import Service

log = logging.getLogger(__name__)

SECRET = "application/vnd.drone.secret.v1+json"
ENV = "application/vnd.drone.env.v2+json"


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables that are added to every step, and the names of those that are masked in its log."""

    values: Mapping[str, str] = field(default_factory=dict)
    masked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Plugins:
    """The extensions of a runner; None where the settings name none."""

    secret: Extension | None = None
    env: Extension | None = None

    @classmethod
    def of(cls, *, secret: Service, env: Service) -> "Plugins":
        """The extensions that the settings name."""
        return cls(extension("secret", SECRET, secret), extension("environment", ENV, env))

    async def variables(self, context: Context) -> Variables:
        """The variables that the environment extension adds to this stage. Raises ExtensionFailed or Unavailable."""
        if self.env is None:
            return Variables()
        found = await self.env.ask(_about(context)) or []
        try:
            values = {str(one["name"]): str(one.get("data", "")) for one in found}
            return Variables(values, frozenset(str(one["name"]) for one in found if one.get("mask")))
        except (TypeError, KeyError, AttributeError) as error:
            raise ExtensionFailed(
                f"{self.env.name} must answer with a list of variables, each with name and data"
            ) from error

    async def secrets(self, wanted: Mapping[str, SecretDocument], context: Context) -> dict[str, str]:
        """The values of secrets from the secret extension, by name.

        A secret is empty without an extension, when the extension fails (this is logged), and when the extension does
        not give the secret to this event.
        """
        values = await asyncio.gather(*(self._secret(document, context) for document in wanted.values()))
        return dict(zip(wanted, values, strict=True))

    async def _secret(self, document: SecretDocument, context: Context) -> str:
        if self.secret is None:
            return ""
        question = {"path": document.get_path, "name": document.get_name, **_about(context)}
        try:
            answer = await self.secret.ask(question)
        except AppError as error:
            log.warning("a secret cannot be had", extra={"secret": document.name, "reason": error.message})
            return ""
        if not isinstance(answer, dict):
            return ""
        hidden = context.build.event == "pull_request" and not (answer.get("pull_request") or answer.get("pull"))
        return "" if hidden else str(answer.get("data") or "")


def _about(context: Context) -> dict[str, Any]:
    """The whole build and its repository, without the repository's key: no extension needs it (decided)."""
    return {"build": build_json(context.build, stages=True), "repo": repo_json(context.repo)}
