"""Secrets as clients read them, without their values (contract drone-rest 2.6)."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from app.repos.model import Secret


class SecretJSON(TypedDict):
    """A secret of a repository (`repo_id`) or of a namespace (`namespace`).

    The value is never shown; flags that are false are left out.
    """

    id: int
    repo_id: NotRequired[int]
    namespace: NotRequired[str]
    name: str
    pull_request: NotRequired[Literal[True]]
    pull_request_push: NotRequired[Literal[True]]


class EncryptedJSON(TypedDict):
    """A value that only the pipelines of one repository can read, in base64."""

    data: str


def secret_json(secret: Secret) -> SecretJSON:
    """The JSON of a secret: its owner, its name and its flags."""
    if secret.namespace:
        body = SecretJSON(id=secret.id, namespace=secret.namespace, name=secret.name)
    else:
        body = SecretJSON(id=secret.id, repo_id=secret.repo_id, name=secret.name)
    if secret.pull_request:
        body["pull_request"] = True
    if secret.pull_request_push:
        body["pull_request_push"] = True
    return body
