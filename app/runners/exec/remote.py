"""A Manager on another machine: makes each call over HTTP, as official runners do (contract drone-rpc 2, 5)."""

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from secrets import token_hex
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2 as httpx
import orjson
from pydantic import TypeAdapter

from app.authorities import trusted
from app.backoff import until_heard
from app.builds.model import Build, Line, Stage, Step
from app.builds.wire import stage_json, step_json
from app.errors import AppError, Conflict, NotFound, Unauthorized, Unavailable
from app.repos.model import Repo, Secret
from app.runners.manager import CLAIM, TAKES_KEY, Context, Filter, Netrc, System
from app.scm.ssh import Identity

T = TypeVar("T")

#: Seconds; the server answers a request for a stage, and a watch, after 30 seconds at most.
TIMEOUT = httpx.Timeout(15, read=60, pool=None)
#: Characters of an error that are shown.
SHOWN = 500

_STAGE, _STEP, _BUILD = TypeAdapter(Stage), TypeAdapter(Step), TypeAdapter(Build)
_REPO, _SECRET, _SYSTEM, _NETRC = TypeAdapter(Repo), TypeAdapter(Secret), TypeAdapter(System), TypeAdapter(Netrc)
_IDENTITY = TypeAdapter(Identity)


class Refused(AppError):
    """The server refuses the call; to repeat the call does not help."""

    code = "refused"


class Garbled(AppError):
    """The answer is not an answer of this protocol: another program may listen at the address."""

    code = "garbled"


class RemoteManager:
    """The calls of Manager to one server. Close it with `aclose`."""

    def __init__(self, url: str, secret: str, *, skip_verify: bool = False) -> None:
        self._client = httpx.AsyncClient(
            base_url=f"{url}/rpc/v2/",
            headers={"X-Drone-Token": secret},
            timeout=TIMEOUT,
            verify=False if skip_verify else trusted(),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
        )

    async def aclose(self) -> None:
        """Close the connections to the server."""
        await self._client.aclose()

    async def ping(self) -> None:
        """Check the address and the secret. Raises Unauthorized, Unavailable, or another AppError with the reason."""
        await self._say("POST", "ping")

    async def request(self, wanted: Filter) -> Stage | None:
        """See Manager."""
        body = {name: getattr(wanted, name) for name in ("kind", "type", "os", "arch", "variant", "kernel")}
        if wanted.labels:
            body["labels"] = dict(wanted.labels)
        answer = await self._say("POST", "stage", body)
        return _read(_stage, answer) if answer else None

    async def accept(self, stage_id: int, machine: str) -> Stage:
        """See Manager. Repeats the call under one name while the server is unavailable.

        When the server has taken the first call and only its answer was lost, the next call succeeds.
        """
        path, headers = f"stage/{stage_id}?machine={quote(machine, safe='')}", {CLAIM: token_hex(16)}
        return _read(_stage, await until_heard(lambda: self._say("POST", path, headers=headers)))

    async def details(self, stage_id: int) -> Context:
        """See Manager."""
        return _read(_context, await self._say("GET", f"stage/{stage_id}", headers={TAKES_KEY: "ssh"}))

    async def update_stage(self, stage: Stage) -> Stage:
        """See Manager."""
        return _read(_stage, await self._say("PUT", f"stage/{stage.id}", stage_json(stage)))

    async def update_step(self, step: Step) -> Step:
        """See Manager."""
        return _read(_step, await self._say("PUT", f"step/{step.id}", step_json(step)))

    async def watch(self, build_id: int) -> bool:
        """See Manager."""
        return await self._say("POST", f"build/{build_id}/watch") is not None

    async def write_log(self, step_id: int, lines: Sequence[Line]) -> None:
        """See Manager."""
        await self._say("POST", f"step/{step_id}/logs/batch", list(lines))

    async def upload_log(self, step_id: int, log: bytes) -> None:
        """See Manager."""
        await self._send("POST", f"step/{step_id}/logs/upload", log)

    async def upload_card(self, step_id: int, data: str) -> None:
        """See Manager."""
        await self._send("POST", f"step/{step_id}/card", b'{"data":' + data.encode() + b"}")

    async def _say(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> bytes | None:
        return await self._send(method, path, None if body is None else orjson.dumps(body), headers)

    async def _send(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str] | None = None
    ) -> bytes | None:
        """The body of a successful answer; None for 204, an answer without a body."""
        try:
            answer = await self._client.request(method, path, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise Unavailable(f"the server cannot be reached: {error or type(error).__name__}") from error
        if answer.status_code == 204:
            return None
        if answer.status_code < 300:
            return answer.content
        raise _error(answer.status_code, answer.text[:SHOWN].strip())


def _error(status: int, text: str) -> AppError:
    """The error for a status of an answer (contract drone-rpc 2)."""
    match status:
        case 401:
            return Unauthorized("the server refuses the secret: DRONE_RPC_SECRET must be the same on both sides")
        case 403:
            return Unauthorized("the server lets no runner in: set DRONE_RPC_SECRET there, too")
        case 404:
            return NotFound(text or "the server does not know what this is about")
        case 409:
            return Conflict(text or "somebody else was faster")
        case 429:
            return Unavailable(text or "the server is asked too often")
        case _ if status > 501:
            return Unavailable(f"the server answers {status} {text}".strip())
    return Refused(f"the server answers {status} {text}".strip())


def _read(make: Callable[[Any], T], answer: bytes | None) -> T:
    try:
        return make(_present(orjson.loads(answer or b"")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Garbled("the server's answer is none of a Drone server's: is DRONE_RPC_HOST the right one?") from error


def _present(value: Any) -> Any:
    """The value without its null fields: null means that a field is absent."""
    if isinstance(value, dict):
        return {name: _present(item) for name, item in value.items() if item is not None}
    return [_present(item) for item in value] if isinstance(value, list) else value


def _step(data: Any) -> Step:
    return _STEP.validate_python({**data, "stage_id": data.get("step_id", 0)})


def _stage(data: Any) -> Stage:
    data.setdefault("repo_id", 0)  # official runners leave the field out, and some answers repeat their report
    return _STAGE.validate_python({**data, "steps": tuple(_step(step) for step in data.get("steps", ()))})


def _context(data: Any) -> Context:
    repo, build, netrc, identity = data["repository"], dict(data["build"]), data.get("netrc"), data.get("identity")
    build["source_branch"], build["target_branch"] = build.pop("source", ""), build.pop("target", "")
    return Context(
        repo=_REPO.validate_python({name: value for name, value in repo.items() if name != "secret"}),
        build=_BUILD.validate_python({**build, "stages": tuple(_stage(stage) for stage in build.get("stages", ()))}),
        stage=_stage(data["stage"]),
        config=b64decode(data["config"]["Data"]).decode(),
        secrets=tuple(_SECRET.validate_python({"id": 0, "repo_id": 0} | item) for item in data.get("secrets", ())),
        system=_SYSTEM.validate_python({"proto": "", "host": "", "version": ""} | data.get("system", {})),
        key=repo.get("secret", ""),
        netrc=_NETRC.validate_python(netrc) if netrc else None,
        identity=_IDENTITY.validate_python(identity) if identity else None,
    )
