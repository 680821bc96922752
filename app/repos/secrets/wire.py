"""Secrets as clients read them, without their values (contract drone-rest 2.6)."""

from collections.abc import Sequence
from typing import Literal, NotRequired

from typing_extensions import TypedDict

from app.repos.model import Secret
from app.repos.secrets.uses import Uses


class UseJSON(TypedDict):
    """A step that names a secret, and its pipeline."""

    pipeline: str
    step: str


class SecretJSON(TypedDict):
    """A secret of a repository (`repo_id`) or of a namespace (`namespace`).

    The value is never shown; flags that are false are left out. `used_by` (ours, where it is asked for) are the steps
    that name a secret of a repository, in the pipeline file of its default branch as the newest build there has read
    the file (`from_secret`); the key is left out before that.
    """

    id: int
    repo_id: NotRequired[int]
    namespace: NotRequired[str]
    name: str
    pull_request: NotRequired[Literal[True]]
    pull_request_push: NotRequired[Literal[True]]
    used_by: NotRequired[Sequence[UseJSON]]


class EncryptedJSON(TypedDict):
    """A value that only the pipelines of one repository can read, in base64."""

    data: str


def secret_json(secret: Secret, uses: Uses | None = None) -> SecretJSON:
    """The JSON of a secret: its owner, its name and its flags; with `uses`, the steps that name it."""
    if secret.namespace:
        body = SecretJSON(id=secret.id, namespace=secret.namespace, name=secret.name)
    else:
        body = SecretJSON(id=secret.id, repo_id=secret.repo_id, name=secret.name)
    if secret.pull_request:
        body["pull_request"] = True
    if secret.pull_request_push:
        body["pull_request_push"] = True
    if uses is not None:
        body["used_by"] = [UseJSON(pipeline=use.pipeline, step=use.step) for use in uses.of(secret.name)]
    return body
