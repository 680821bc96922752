"""The far side of a git host, in a process of its own: answers what a server calls about one repository at GitHub."""

import asyncio
import base64
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any

import uvloop

from app.cli.bench import scene
from app.cli.bench.far import listening
from app.cli.bench.load import HOST, PATIENCE

#: The repository's id at the host, and the only commit that it has.
UID, COMMIT = 7, "5c0ffee5c0ffee5c0ffee5c0ffee5c0ffee5c0ff"
#: Where the calls of the API begin, and the path of what the benchmark itself asks.
_API, _OWN = "/api/v3/", "/-/"
#: The paths of the repository: by its name, and by its id.
_REPO = (f"repos/{scene.SLUG}", f"repositories/{UID}")


@dataclass
class _Host:
    """The host's state: seconds until each answer, the status of answers to what is shown, and what was shown when."""

    address: str
    delay: float = 0.0
    refusal: int = 0
    statuses: list[float] = field(default_factory=list)

    def answer(self, method: str, path: str) -> tuple[int, Any]:
        """The status and the JSON of an answer."""
        path = path.partition("?")[0]
        inside = next((path.removeprefix(f"{repo}/") for repo in _REPO if path.startswith(f"{repo}/")), path)
        match method, inside.split("/"):
            case "GET", ["user"]:
                return 200, {"id": 1, "login": "bench"}
            case "GET", ["user", "repos"]:
                return 200, [self._repository]
            case "GET", ["contents", *_]:
                content = base64.b64encode(scene.PIPELINES.encode()).decode()
                return 200, {"type": "file", "size": len(scene.PIPELINES), "encoding": "base64", "content": content}
            case "POST", ["statuses" | "deployments", *_] if self.refusal:
                return self.refusal, {"message": "not now"}
            case "POST", ["statuses", _]:
                self.statuses.append(time.monotonic())
                return 201, {"id": 1}
            case "GET", ["hooks" | "deployments"]:
                return 200, []
            case "POST", ["hooks" | "deployments", *_]:
                return 201, {"id": 1}
        return (200, self._repository) if path in _REPO else (404, {"message": "Not Found"})

    @property
    def _repository(self) -> dict[str, Any]:
        namespace, name = scene.SLUG.split("/")
        return {
            "id": UID,
            "name": name,
            "full_name": scene.SLUG,
            "owner": {"login": namespace},
            "private": False,
            "archived": False,
            "default_branch": "main",
            "html_url": f"{self.address}/{scene.SLUG}",
            "clone_url": f"{self.address}/{scene.SLUG}.git",
            "ssh_url": f"git@{HOST}:{scene.SLUG}.git",
            "permissions": {"admin": True, "push": True, "pull": True},
        }

    def own(self, path: str, body: bytes) -> Any:
        """Change how the host answers, or tell what it was shown."""
        if path == "mode":
            mode = json.loads(body)
            self.delay, self.refusal = mode["delay"], mode["refusal"]
            self.statuses.clear()
        return {"count": len(self.statuses), "times": self.statuses[:1] + self.statuses[-1:]}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after another on a connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, path, _ = head.split(" ", 2)
                _, _, rest = head.lower().partition("\r\ncontent-length:")
                body = await reader.readexactly(int(rest.partition("\r\n")[0] or 0))
                if path.startswith(_OWN):
                    status, value = 200, self.own(path.removeprefix(_OWN), body)
                else:
                    await asyncio.sleep(self.delay)
                    status, value = self.answer(method, path.removeprefix(_API))
                text = json.dumps(value).encode()
                head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
                writer.write(head.encode() + text)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@dataclass(frozen=True, slots=True)
class Far:
    """The running far side, as the benchmark sees it."""

    port: int

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings of a server that knows the host."""
        return {"GITHUB_SERVER": f"http://{HOST}:{self.port}", "GITHUB_TOKEN": "the-token-of-the-host"}

    def mode(self, *, delay: float = 0.0, refusal: int = 0) -> None:
        """Answer so many seconds later from now on; with `refusal`, refuse with that status what is shown.

        What was shown so far is forgotten.
        """
        self._ask("mode", {"delay": delay, "refusal": refusal})

    def shown(self) -> tuple[int, float]:
        """How many statuses were shown, and the seconds from the first one to the last one."""
        told = self._ask("shown")
        times = told["times"]
        return told["count"], times[-1] - times[0] if times else 0.0

    def _ask(self, what: str, body: Any = None) -> Any:
        with closing(HTTPConnection(HOST, self.port, timeout=PATIENCE)) as connection:
            connection.request("POST", f"{_OWN}{what}", json.dumps(body).encode())
            return json.loads(connection.getresponse().read())


@contextmanager
def running() -> Iterator[Far]:
    """The far side while the block runs; the process is ended however the block ends."""
    with listening("app.cli.bench.host", "the far side of the host") as port:
        yield Far(port)


async def _main() -> None:
    host = _Host("")
    server = await asyncio.start_server(host.serve, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    host.address = f"http://{HOST}:{port}"
    print(port, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_main())
