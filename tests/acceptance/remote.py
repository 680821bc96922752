"""A server without a runner of its own, runners that attach to it, and a wire between them that can be cut."""

import os
import signal
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from tests import gantry
from tests.acceptance.server import Server
from tests.scm.repository import Repository
from tests.soon import PATIENCE, soon_sync

SECRET = "a-secret-of-all-runners"
SLUG = "octocat/hello-world"
HEAD = "kind: pipeline\ntype: exec\nclone: {disable: true}\n"
PIPELINE = "\n---\n".join(
    HEAD + document
    for document in (
        """
name: build
steps:
- name: one
  commands: [echo built]
trigger: {event: push}
""",
        """
name: deploy
steps:
- name: release
  environment: {KEY: {from_secret: key}}
  commands: ['echo "$VERSION to $DRONE_DEPLOY_TO on $DRONE_STAGE_MACHINE with $KEY"']
trigger: {target: production}
""",
        """
name: long
steps:
- name: count
  commands: ['for n in $(seq 20); do echo "line $n"; sleep 0.5; done']
trigger: {target: long}
""",
        """
name: short
steps:
- name: one
  commands: [echo begun, sleep 2]
trigger: {target: short}
""",
        """
name: hang
steps:
- name: hang
  commands: [echo hanging, sleep 4711]
trigger: {target: hang}
""",
        """
name: labelled
node: {zone: eu}
steps:
- name: one
  commands: ['echo "$DRONE_STAGE_MACHINE"']
trigger: {target: labelled}
""",
        """
name: labelled-hang
node: {zone: eu}
steps:
- name: one
  commands: [echo hanging, sleep 4712]
trigger: {target: labelled_hang}
""",
        """
name: fast
steps:
- name: one
  commands: ['echo "on $DRONE_STAGE_MACHINE, $FROM_RUNNER"']
trigger: {target: fast}
""",
        """
name: look
steps:
- name: look
  commands:
  - tr '\\0' '\\n' < /proc/1/environ | grep -c SECRET || true
  - ls "$DRONE_WORKSPACE/../../.." | wc -l
  - ls /proc | grep -c '^[0-9]'
trigger: {target: look}
""",
    )
)


class RunnerProcess:
    """`gantry runner`, attached to an address."""

    def __init__(self, folder: Path, address: str, name: str = "lab", **settings: str) -> None:
        self.log = folder / f"{name}.log"
        keep = {key: value for key, value in os.environ.items() if not key.startswith(("GANTRY_", "DRONE_"))}
        self.environment = {
            **keep,
            "DRONE_RPC_HOST": address,
            "DRONE_RPC_SECRET": SECRET,
            "DRONE_RUNNER_NAME": name,
            "DRONE_RUNNER_ROOT": str(folder / "work"),
            **{f"DRONE_{key.upper()}": value for key, value in settings.items()},
        }

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            self.process = gantry.start(["runner"], self.environment, out=log, err=log)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGKILL)

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return self.process.wait(PATIENCE)

    def says(self, text: str) -> None:
        soon_sync(lambda: text in self.log.read_text(), f"the runner says {text!r}", about=self.log.read_text)


class Wire:
    """A TCP proxy that can be cut: bytes go through, or connections are reset."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        #: Bytes of a request after whose answer the wire is cut.
        self.cut_after: bytes | None = None
        self.is_cut = False
        #: Connections that were made while it was cut.
        self.refused = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        self._reset()

    def mend(self) -> None:
        self.cut_after, self.is_cut = None, False

    def _listen(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self.is_cut:
                self.refused += 1
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._port))
            self._open += [near, far]
            arrived = threading.Event()
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, target, source is far, arrived), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, is_answer: bool, arrived: threading.Event) -> None:
        """Carry bytes until the wire is cut: then a request has `arrived`, and its answer does not."""
        try:
            while data := source.recv(65536):
                if is_answer and arrived.is_set():
                    self.is_cut = True
                    self._reset()
                if self.is_cut:
                    return
                if not is_answer and self.cut_after and self.cut_after in data:
                    arrived.set()
                target.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, target):
                end.close()

    def _reset(self) -> None:
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # closing alone would wait for whoever reads
            end.close()
        self._open.clear()


def serving(folder: Path, name: str, **settings: str) -> Server:
    """A server, not yet started, that only runners of other processes serve."""
    return Server(folder / name, git_roots=str(folder), rpc_secret=SECRET, runner_capacity="0", **settings)


class Place:
    """A server without a built-in runner, for which a build waits."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.server = serving(folder, "server", **settings)
        self.address = f"127.0.0.1:{self.server.port}"

    def __enter__(self) -> Self:
        repository = Repository(self.folder / "hello-world")
        sha = repository.commit({".drone.yml": PIPELINE})
        self.server.start()
        self.server.register(repository.url, SLUG)
        self.server.json("POST", f"/api/repos/{SLUG}/secrets", json={"name": "key", "data": "hush-hush"})
        assert self.server.push(SLUG, sha).json()["number"] == 1
        return self

    def __exit__(self, *_: object) -> None:
        self.server.__exit__()

    def runner(self, name: str = "lab", address: str = "", **settings: str) -> RunnerProcess:
        return RunnerProcess(self.folder, address or self.address, name, **settings)

    def promote(self, target: str, **params: str) -> int:
        number: int = self.server.promote(SLUG, 1, target, **params)["number"]
        return number

    def finished(self, number: int) -> Any:
        return self.server.finished(SLUG, number)

    def output(self, number: int) -> str:
        return self.server.output(SLUG, number)

    def machine(self, number: int) -> str:
        """Who has accepted the build's only stage, once somebody has."""
        path = f"/api/repos/{SLUG}/builds/{number}"
        return str(
            self.server.until(
                lambda: self.server.json("GET", path)["stages"][0].get("machine"), f"build {number} is accepted"
            )
        )
