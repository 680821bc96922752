"""A stage's context as runners read it (contract drone-rpc 4; recorded: rpc.json)."""

from base64 import b64encode
from typing import Any, NotRequired

from typing_extensions import TypedDict

from app.builds.wire import BuildJSON, StageJSON, build_json, stage_json
from app.repos.model import Repo, Secret
from app.repos.wire import RepoJSON, repo_json
from app.runners.manager import Context, Netrc, System


class SecretJSON(TypedDict):
    """A secret with its value; keys are absent when empty."""

    id: NotRequired[int]
    repo_id: NotRequired[int]
    namespace: NotRequired[str]
    name: NotRequired[str]
    data: NotRequired[str]
    pull_request: NotRequired[bool]
    pull_request_push: NotRequired[bool]


class ConfigJSON(TypedDict):
    """The pipeline file, in base64; the reference's struct has no tags, hence the letters. `Hash` is always null."""

    Data: str
    Hash: None


class NetrcJSON(TypedDict):
    """With what to clone."""

    machine: str
    login: str
    password: str


class SystemJSON(TypedDict):
    """The server."""

    proto: str
    host: str
    link: str
    version: str


class KeyedRepoJSON(RepoJSON):
    """A repository with the key of its signatures and inline secrets; only runners are told."""

    secret: str


class IdentityJSON(TypedDict):
    """A private key, and the only host keys that are believed."""

    key: str
    known_hosts: str


class ContextJSON(TypedDict):
    """All that is needed to run a stage. Ours is `identity`, for runners that let their clone step in with a key."""

    build: BuildJSON
    stage: StageJSON
    config: ConfigJSON
    secrets: list[SecretJSON] | None
    system: SystemJSON
    netrc: NetrcJSON | None
    identity: NotRequired[IdentityJSON]
    repository: KeyedRepoJSON


def context_json(context: Context, *, takes_key: bool) -> ContextJSON:
    """The JSON of a context. The stages of its build carry no steps. `takes_key`: the runner wants the identity."""
    body = ContextJSON(
        build=build_json(context.build, stages=True),
        stage=stage_json(context.stage),
        config=ConfigJSON(Data=b64encode(context.config.encode()).decode(), Hash=None),
        secrets=[_secret_json(secret) for secret in context.secrets] or None,
        system=system_json(context.system),
        netrc=_netrc_json(context.netrc),
        repository=_keyed_repo_json(context.repo, context.key),
    )
    if takes_key and context.identity is not None:
        body["identity"] = IdentityJSON(key=context.identity.key, known_hosts=context.identity.known_hosts)
    return body


def _secret_json(secret: Secret) -> SecretJSON:
    body: Any = {key: value for key in SecretJSON.__annotations__ if (value := getattr(secret, key))}
    made: SecretJSON = body
    return made


def system_json(system: System) -> SystemJSON:
    """The JSON of the server; `link` is made of its protocol and its host."""
    link = f"{system.proto}://{system.host}"
    return SystemJSON(proto=system.proto, host=system.host, link=link, version=system.version)


def _netrc_json(netrc: Netrc | None) -> NetrcJSON | None:
    return None if netrc is None else NetrcJSON(machine=netrc.machine, login=netrc.login, password=netrc.password)


def _keyed_repo_json(repo: Repo, key: str) -> KeyedRepoJSON:
    """The JSON of a repository. The step with which Drone clones takes the address for ssh from its own field."""
    body: Any = {**repo_json(repo), "secret": key}
    if not repo.git_ssh_url and repo.git_http_url.startswith("ssh:"):
        body["git_ssh_url"] = repo.git_http_url
    made: KeyedRepoJSON = body
    return made
