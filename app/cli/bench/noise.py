"""How much a step that prints without pause slows other requests down."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from itertools import repeat

from app.cli.bench import scene
from app.cli.bench.load import HOST, PATIENCE, Load
from app.cli.bench.server import TOKEN, Server

PATH = "/healthz"
_CHANGES = "/api/stream?brief=true"
#: Requests a second, over one connection.
RATE = 200.0
#: Secrets of the step.
SECRETS = 50
_STEP = """\
kind: pipeline
type: exec
name: pushed
clone: {{disable: true}}
steps:
- name: nothing
  commands: [echo nothing]
trigger:
  event: [push]
---
kind: pipeline
type: exec
name: noisy
clone: {{disable: true}}
steps:
- name: print
  environment: {{{secrets}}}
  commands:
  - yes 'a line of the output of a step, without a secret' | head -c {size}
trigger:
  target: [noisy]
"""


def pipelines(size: int) -> str:
    """A pipeline file whose promotion to `noisy` prints so many bytes, with all secrets in its environment."""
    secrets = ", ".join(f"S{number}: {{from_secret: s{number}}}" for number in range(SECRETS))
    return _STEP.format(secrets=secrets, size=size)


def compare(server: Server, seconds: float) -> tuple[Load, Load]:
    """The load of a server that does nothing, and the load while the step prints."""
    for number in range(SECRETS):
        secret = {"name": f"s{number}", "data": f"secret-{number * 7919}/of+the&measure"}
        server.api.ask("POST", f"/api/repos/{scene.SLUG}/secrets", json.dumps(secret).encode())
    scene.last(scene.watch(server.api, 1, 0.02))
    idle = server.load("GET", repeat(PATH), 1, seconds, RATE)
    number = server.api.ask("POST", f"{scene.BUILDS}/1/promote?target=noisy")["number"]
    over = threading.Event()
    watching = threading.Thread(target=_watch, args=(server, number, over))
    watching.start()
    busy = server.load("GET", _until(over), 1, float("inf"), RATE)
    watching.join()
    return idle, busy


def _watch(server: Server, number: int, over: threading.Event) -> None:
    try:
        for _ in _changes(server):
            if server.api.ask("GET", f"{scene.BUILDS}/{number}")["finished"]:
                break
        scene.last(scene.watch(server.api, number, 0.1))
    finally:
        over.set()


def _changes(server: Server) -> Iterator[None]:
    """Go on when the server tells changes, and at each change of a build.

    Polls would be measured, too: the server and this process do them beside the requests.
    """
    with closing(HTTPConnection(HOST, server.port, timeout=PATIENCE)) as connection:
        connection.request("GET", _CHANGES, headers={"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        yield
        for line in answer:
            if line.startswith(b"data:"):
                yield


def _until(over: threading.Event) -> Iterator[str]:
    yield PATH
    while not over.is_set():
        yield PATH
