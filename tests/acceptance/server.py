"""A real server process on its own data folder, spoken to over HTTP as a client would."""

import asyncio
import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx2
import psutil
import pytest

from app.cli.bench.server import free_port
from app.db.connect import connect
from app.db.tx import run
from app.scm.hook import sign
from tests import gantry, postgres, sqlite
from tests.gantry import Process
from tests.soon import PATIENCE, soon_sync

T = TypeVar("T")
#: For tests of what only an embedded database can suffer.
on_sqlite = pytest.mark.skipif(bool(postgres.SERVER), reason="the database is PostgreSQL")
TOKEN = "octocat-s-token-for-tests"


class Server:
    """`gantry serve` with its administrator `octocat`; may be stopped, killed and started again."""

    #: Runs the command, if it is not to be forked.
    program: tuple[str, ...] = ()

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "server.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = (
            postgres.create_migrated_database() if postgres.SERVER else f"sqlite:///{self.data / 'gantry.sqlite'}"
        )
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("GANTRY_", "DRONE_"))}
        self.environment = {
            **keep,
            "GANTRY_DATA": str(self.data),
            "GANTRY_BIND": f"127.0.0.1:{self.port}",
            "GANTRY_ADMIN": f"username:octocat,admin:true,token:{TOKEN}",
            "GANTRY_GIT_ROOTS": str(folder),
            "GANTRY_DATABASE_URL": self.database,
            **{f"GANTRY_{name.upper()}": value for name, value in settings.items()},
        }
        self.process: subprocess.Popen[bytes] | Process | None = None
        self.client = httpx2.Client(base_url=self.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=PATIENCE)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.stop()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.program and not self.data.exists():
            self._migrate()
        with self.log.open("ab") as log:
            if self.program:
                self.process = subprocess.Popen([*self.program, "serve"], env=self.environment, stdout=log, stderr=log)
            else:
                self.process = gantry.start(["serve"], self.environment, out=log, err=log)
        self.until(self._answers, "the server answers")

    def _migrate(self) -> None:
        """Put a migrated database there, as the server does when it starts for the first time, only sooner."""
        file = self.data / "gantry.sqlite"
        if self.environment.get("GANTRY_DATABASE_URL") == f"sqlite:///{file}":
            self.data.mkdir(mode=0o700)
            file.touch(mode=0o600)
            file.write_bytes(sqlite.migrated())

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.client.get("/healthz").status_code == 200
        except httpx2.TransportError:
            return False

    def stop(self) -> int:
        """Ask it to stop and wait; its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """`kill -9`: no chance to tidy up."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(how)
        code = self.process.wait(PATIENCE)
        self.process = None
        return code

    def attempt(self, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        """Start it with other settings on top, expecting that it ends by itself; exit code and both outputs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return gantry.run(["serve", *arguments], self.environment | settings, timeout=PATIENCE)

    def account(self, login: str, **flags: bool) -> httpx2.Client:
        """Make an account; a client that acts as it."""
        made = self.json("POST", "/api/users", json={"login": login, **flags})
        return self.visitor({"Authorization": f"Bearer {made['token']}"})

    def visitor(self, headers: Mapping[str, str] | None = None) -> httpx2.Client:
        """A client that shows nothing but these headers."""
        return httpx2.Client(base_url=self.url, headers=dict(headers or {}), timeout=PATIENCE)

    def execute(self, sql: str) -> None:
        """Change the database behind the server's back."""
        asyncio.run(_execute(self.database, sql))

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send a request as the administrator."""
        return self.client.request(method, path, **options)

    def ask_plainly(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
        """Send a request with a client that has no limits of its own; status and JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, body, {"Authorization": f"Bearer {TOKEN}", **headers})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def json(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of an answer that must be 200."""
        answer = self.ask(method, path, **options)
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def register(self, url: str, slug: str = "octocat/hello-world", **more: str) -> str:
        """Register a git repository; its slug."""
        namespace, name = slug.split("/")
        body = {"namespace": namespace, "name": name, "git_http_url": url, **more}
        self.json("POST", "/api/repos", json=body)
        return slug

    #: The header that names the event of a webhook.
    event_header = "X-Gantry-Event"

    def push(self, slug: str, after: str, *, ref: str = "refs/heads/main", **more: object) -> httpx2.Response:
        """Tell the server of a push, as a repository's hook does."""
        key = self.json("GET", f"/api/repos/{slug}/hook")["key"]
        push = {"before": "0" * 40, "after": after, "ref": ref, "repository": {"full_name": slug}}
        body = httpx2.Request("POST", self.url, json=push | {"pusher": {"name": "octocat"}} | more).read()
        headers = {self.event_header: "push", "X-Hub-Signature-256": sign(key, body)}
        return httpx2.post(f"{self.url}/hook", content=body, headers=headers, timeout=PATIENCE)

    def promote(self, slug: str, number: int = 1, target: str = "production", **params: str) -> Any:
        """Promote a build; the new one, which must have been made."""
        path = f"/api/repos/{slug}/builds/{number}/promote"
        return self.json("POST", path, params={"target": target, **params})

    def running(self, slug: str, number: int, stage: int = 1, step: int = 1, *, shows: str = "") -> None:
        """Wait until a step runs and its log has this text."""

        def seen() -> bool:
            answer = self.ask("GET", f"/api/repos/{slug}/builds/{number}/logs/{stage}/{step}")
            return answer.status_code == 200 and shows in "".join(line["out"] for line in answer.json())

        self.until(seen, f"step {step} of build {number} runs and shows {shows!r}")

    def finished(self, slug: str, number: int) -> Any:
        """A build, once it is over."""
        return self.until(lambda: self._over(slug, number), f"build {number} is over")

    def _over(self, slug: str, number: int) -> Any:
        build = self.json("GET", f"/api/repos/{slug}/builds/{number}")
        return build if build["status"] not in ("pending", "running") else None

    def output(self, slug: str, number: int, stage: int = 1, step: int = 1) -> str:
        """The text of a step's log."""
        lines = self.json("GET", f"/api/repos/{slug}/builds/{number}/logs/{stage}/{step}")
        return "".join(line["out"] for line in lines)

    def waiting(self) -> int:
        """How many runners wait for a stage of one platform."""
        return max(int(row["subscribers"]) for row in self.json("GET", "/api/system/stats")["pipelines"])

    def until(self, check: Callable[[], T], what: str) -> T:
        """Ask again until the answer is true; its value."""
        return soon_sync(check, what, about=self.tail)

    def tail(self) -> str:
        """The end of the server's log."""
        return self.log.read_text()[-4000:] if self.log.exists() else ""


async def _execute(url: str, sql: str) -> None:
    db = connect(url)
    await db.open()
    await db.write(run(sql))
    await db.close()


def sleeping(seconds: str) -> list[int]:
    """The processes that sleep for so long."""
    processes = psutil.process_iter(["pid", "cmdline", "status"])
    infos = [process.info for process in processes if process.info["status"] != psutil.STATUS_ZOMBIE]
    return [info["pid"] for info in infos if seconds in (info["cmdline"] or [])]


def masked(value: Any, rules: Mapping[str, str]) -> Any:
    """JSON with every text that a pattern of `rules` matches replaced."""
    if isinstance(value, dict):
        return {key: masked(item, rules) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item, rules) for item in value]
    if isinstance(value, str):
        for pattern, replacement in rules.items():
            value = re.sub(pattern, replacement, value)
    return value
