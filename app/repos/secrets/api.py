"""Routes of secrets (`spec` drone-rest 3.5)."""

import re

from pydantic import field_validator
from starlette.requests import Request

from app.repos import access
from app.repos.access import State
from app.repos.secrets import store
from app.repos.secrets.wire import SecretJSON, secret_json
from app.web import body
from app.web.reply import JSON, Empty
from app.web.route import Endpoint

_NAME = re.compile(r"[a-zA-Z0-9._-]{1,200}")


class NewSecret(body.Input):
    """Body of POST …/secrets."""

    name: str = ""
    data: str = ""
    pull_request: bool = False
    pull_request_push: bool = False

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError("Invalid Secret Name: 1 to 200 of letters, digits, dot, dash, underscore")
        return value

    @field_validator("data")
    @classmethod
    def _data(cls, value: str) -> str:
        if not value or "\0" in value:
            raise ValueError("Invalid Secret Value: it must not be empty nor hold a NUL")
        return value

    model_config = body.Input.model_config | {"validate_default": True}


async def list_all(request: Request[State]) -> JSON[list[SecretJSON]]:
    """Names and flags of all secrets, by name."""
    repo = (await access.granted(request)).repo
    return JSON([secret_json(s) for s in await request.state["db"].read(store.list_of(repo.id))])


async def create(request: Request[State]) -> JSON[SecretJSON]:
    """Keep a secret."""
    repo = (await access.granted(request)).repo
    new = await body.parse(request, NewSecret)
    sealed = request.state["seal"].seal(new.data, store.PURPOSE)
    made = store.create(
        repo.id, new.name, sealed, pull_request=new.pull_request, pull_request_push=new.pull_request_push
    )
    return JSON(secret_json(await request.state["db"].write(made)))


async def show(request: Request[State]) -> JSON[SecretJSON]:
    """Name and flags of a secret."""
    repo = (await access.granted(request)).repo
    return JSON(secret_json(await request.state["db"].read(store.find(repo.id, request.path_params["secret"]))))


async def delete(request: Request[State]) -> Empty:
    """Forget a secret."""
    repo = (await access.granted(request)).repo
    await request.state["db"].write(store.delete(repo.id, request.path_params["secret"]))
    return Empty()


_SECRETS = "/api/repos/{owner}/{name}/secrets"
routes = [
    Endpoint("GET", _SECRETS, list_all, needs="write"),
    Endpoint("POST", _SECRETS, create, needs="write", body=NewSecret, errors=[409]),
    Endpoint("GET", _SECRETS + "/{secret}", show, needs="write"),
    Endpoint("DELETE", _SECRETS + "/{secret}", delete, needs="write"),
]
