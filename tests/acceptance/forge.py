"""A server that knows a host besides plain git: `python -m tests.acceptance.forge serve`; and the host's far side.

The host reads its repositories with git, and says statuses and deployments over HTTP.
"""

import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx2
import orjson

from app.errors import Unavailable, Unreadable
from app.scm.forge import Deployment, Status
from app.scm.git.host import Git
from app.scm.hook import Delivery, Notice
from app.scm.host import Source
from app.scm.hosts import Hosts
from tests.acceptance.server import Server

#: The variable that names the far side.
FAR_SIDE = "FORGE_FAR_SIDE"
#: The header by which the host's webhooks are known; their bodies are those of plain git.
EVENT = "X-Forge-Event"


class Forge(Git):
    """Repositories below a folder are at this host."""

    name = "forge"

    def __init__(self, mirrors: Path, root: Path, far_side: str) -> None:
        super().__init__(mirrors, [root], environ={"PATH": os.environ["PATH"]})
        self._client = httpx2.AsyncClient(base_url=far_side, timeout=10)

    def serves(self, url: str) -> bool:
        return "/forge/" in url

    def notice(self, headers: Mapping[str, str]) -> Notice | None:
        return super().notice(_as_plain(headers))

    def read(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        delivery = super().read(_as_plain(headers), body)
        return replace(delivery, host=self.name) if delivery else None

    async def put_status(self, source: Source, status: Status) -> None:
        await self._say("status", asdict(status))

    async def put_deployment(self, source: Source, known: str, deployment: Deployment) -> str:
        told = await self._say("deployment", {"known": known, **asdict(deployment)})
        return str(told["id"])

    async def _say(self, what: str, body: dict[str, Any]) -> Any:
        try:
            answer = await self._client.post(f"/{what}", json=body)
        except httpx2.TransportError as error:
            raise Unavailable(f"the forge does not answer: {type(error).__name__}") from error
        if answer.status_code >= 500:
            raise Unavailable(f"the forge answers {answer.status_code}")
        if answer.status_code >= 400:
            raise Unreadable(f"the forge answers {answer.status_code}")
        return answer.json()


def _as_plain(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers of a webhook of plain git that says the same; no event for a webhook of another host."""
    return {**headers, "x-gantry-event": headers.get(EVENT.lower(), "")}


class FarSide:
    """What the host was told, in order."""

    def __init__(self) -> None:
        self.came: list[tuple[str, dict[str, Any]]] = []
        #: The status of each answer, and seconds until it.
        self.answers = 201
        self.slow = 0.0
        far = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = far.answers
                time.sleep(far.slow)
                if status < 400:
                    far.came.append((self.path[1:], body))
                text = b'{"id": 7001}'
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def states(self, kind: str = "status") -> list[tuple[str, str]]:
        """The builds and states that came, in order: `("3", "success")`."""
        return [(body["link"].rpartition("/")[2], body["state"]) for what, body in self.came if what == kind]


class ForgeServer(Server):
    """A server that knows the host."""

    program = (sys.executable, "-m", "tests.acceptance.forge")
    event_header = EVENT

    def __init__(self, folder: Path, far_side: str, **settings: str) -> None:
        super().__init__(folder, **settings)
        self.environment[FAR_SIDE] = far_side


def _serve() -> None:
    from app.cli import main
    from app.main import site

    far_side, root = os.environ.pop(FAR_SIDE), Path(os.environ["GANTRY_GIT_ROOTS"])
    mirrors = Path(os.environ["GANTRY_DATA"]) / "forge"

    def hosts(*known: Any) -> Hosts:
        return Hosts(*known, Forge(mirrors, root, far_side))

    vars(site)["Hosts"] = hosts
    main(prog_name="gantry")


if __name__ == "__main__":
    _serve()
