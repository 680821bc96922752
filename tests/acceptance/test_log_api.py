"""Logs over HTTP: as JSON, as plain text, as they are followed, deleted, and however long they are."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from tests.acceptance.conftest import SLUG, Begin
from tests.acceptance.frames import Frames, data
from tests.acceptance.server import Server

LOGS = f"/api/repos/{SLUG}/builds/1/logs"
PLAIN = {"Accept": "text/plain"}
#: Colours and a link, in UTF-8.
PRINTED = r"\033[1;31mred\033[0m \033]8;;http://x\033\\link\033]8;;\007 caf\303\251 <b>\n"
#: Substitution makes one backslash of two.
COMMANDS = json.dumps([f"printf '{PRINTED}'"]).replace("\\\\", "\\\\\\\\")
#: Of the push: a step that prints this, one that never runs. Of a promotion: one that waits until it is told to go on.
PIPELINE = f"""
kind: pipeline
type: exec
name: default
clone: {{disable: true}}
steps:
- {{name: colours, commands: {COMMANDS}}}
- {{name: skipped, commands: [echo never], when: {{status: [failure]}}}}
trigger: {{event: [push]}}
---
kind: pipeline
type: exec
name: wait
clone: {{disable: true}}
steps: [{{name: wait, commands: ["echo started; while ! test -e $FILE; do sleep 0.05; done; echo done"]}}]
trigger: {{target: [wait]}}
"""


@pytest.fixture(scope="module")
def server(begin: Begin) -> Server:
    return begin(PIPELINE)[0]


@pytest.fixture
def waiting(server: Server, tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """The number of a build that runs until a file is there, and the file."""
    file = tmp_path / "go"
    number = server.promote(SLUG, 1, "wait", FILE=str(file))["number"]
    server.running(SLUG, number, shows="started\n")
    yield number, file
    file.touch()
    server.finished(SLUG, number)


def step_id(server: Server, number: int = 1, step: int = 1) -> int:
    build = server.json("GET", f"/api/repos/{SLUG}/builds/{number}")
    found: int = build["stages"][0]["steps"][step - 1]["id"]
    return found


def file_of(server: Server, kind: str, step: int = 1) -> Path:
    number = step_id(server, step=step)
    path = server.data / "logs" / str(number // 1000) / f"{number}.{kind}"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_a_log_is_json_unless_text_is_wanted(server: Server) -> None:
    answer = server.ask("GET", f"{LOGS}/1/1")

    assert answer.headers["content-type"] == "application/json"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert [list(line) for line in answer.json()] == [["pos", "out", "time"]] * len(answer.json())
    for accept in ("*/*", "application/json, text/plain, */*", "text/plain;q=0.5, application/json"):
        assert server.ask("GET", f"{LOGS}/1/1", headers={"Accept": accept}).content == answer.content
    assert server.ask("GET", f"{LOGS}/1/1?ansi=strip").content == answer.content


def test_text_is_what_the_step_printed(server: Server) -> None:
    answer = server.ask("GET", f"{LOGS}/1/1", headers=PLAIN)

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="octocat-hello-world-1-1-1.log"'
    assert answer.text == "".join(line["out"] for line in server.json("GET", f"{LOGS}/1/1"))
    assert "\n\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x1b\\link\x1b]8;;\x07 café <b>\n" in answer.text


def test_text_comes_without_escape_sequences(server: Server) -> None:
    text = server.ask("GET", f"{LOGS}/1/1?ansi=strip", headers=PLAIN).text

    assert "\nred link café <b>\n" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("query", ["ansi=html", "ansi=STRIP", "ansi=%00", "ansi=strip%20"])
def test_another_wish_than_strip_is_refused(server: Server, query: str) -> None:
    answer = server.ask("GET", f"{LOGS}/1/1?{query}")

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"field": "ansi", "code": "unknown_value", "message": "ansi can only be strip; leave it out to get all"}
    ]


@pytest.mark.parametrize("headers", [{}, PLAIN])
def test_a_log_that_is_not_there_names_its_step_and_how_that_is(server: Server, headers: dict[str, str]) -> None:
    answer = server.ask("GET", f"{LOGS}/1/2", headers=headers)

    assert answer.status_code == 404
    assert answer.json()["message"] == "step skipped, which is skipped, has no log: it wrote none, or it was deleted"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(
    ("path", "status"),
    [("9/1", 404), ("1/9", 404), ("1/0", 404), ("1/-1", 404), ("x/1", 400), ("1/x", 400), ("1/%20", 400)],
)
def test_the_log_of_no_step_is_an_ordinary_error(server: Server, method: str, path: str, status: int) -> None:
    assert server.ask(method, f"{LOGS}/{path}").status_code == status


def test_the_head_is_as_that_of_the_log(server: Server) -> None:
    for headers in ({}, PLAIN):
        head, get = (server.ask(method, f"{LOGS}/1/1", headers=headers) for method in ("HEAD", "GET"))
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == get.headers["content-type"]


def test_a_log_that_grows_is_read_as_it_is(server: Server, waiting: tuple[int, Path]) -> None:
    path = f"/api/repos/{SLUG}/builds/{waiting[0]}/logs/1/1"

    assert server.ask("GET", path, headers=PLAIN).text.endswith("started\n")
    assert server.json("GET", path)[-1]["out"] == "started\n"


def test_the_log_of_a_step_that_runs_is_not_deleted(server: Server, waiting: tuple[int, Path]) -> None:
    number, file = waiting
    path = f"/api/repos/{SLUG}/builds/{number}/logs/1/1"

    refused = server.ask("DELETE", path)

    assert (refused.status_code, refused.json()["code"]) == (409, "step_running")
    assert "step wait is running" in refused.json()["message"]
    assert "cancel" in refused.json()["message"]
    file.touch()
    server.finished(SLUG, number)
    assert "started" in server.ask("GET", path).text
    assert server.ask("DELETE", path).status_code == 204


def test_a_deleted_log_is_gone_and_may_be_deleted_again(server: Server) -> None:
    file_of(server, "json", step=2).write_bytes(b'[{"pos":0,"out":"a","time":0}]')
    assert server.ask("GET", f"{LOGS}/1/2", headers=PLAIN).text == "a"

    answers = [server.ask("DELETE", f"{LOGS}/1/2") for _ in range(3)]

    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 3
    assert server.ask("GET", f"{LOGS}/1/2").status_code == 404


@pytest.mark.parametrize(
    ("rights", "read", "delete"),
    [(None, 404, 404), ({"read": True}, 200, 403), ({"write": True}, 200, 403), ({"admin": True}, 200, 204)],
)
def test_only_an_administrator_of_the_repository_deletes(
    server: Server, rights: dict[str, bool] | None, read: int, delete: int
) -> None:
    login = "-".join(rights or ["none"])
    file_of(server, "json", step=2).write_bytes(b"[]")
    with server.account(login) as client:
        if rights:
            server.json("PUT", f"/api/repos/{SLUG}/collaborators/{login}", json=rights)
        assert client.get(f"{LOGS}/1/2").status_code == read
        assert client.delete(f"{LOGS}/1/2").status_code == delete
    with server.visitor() as anybody:
        assert (anybody.get(f"{LOGS}/1/2").status_code, anybody.delete(f"{LOGS}/1/2").status_code) == (401, 401)
    server.ask("DELETE", f"{LOGS}/1/2")


@pytest.mark.parametrize("kind", ["json", "ndjson"])
def test_a_log_of_many_megabytes_is_not_held_in_memory(server: Server, kind: str) -> None:
    assert server.process is not None
    process = psutil.Process(server.process.pid)
    line = json.dumps({"pos": 0, "out": "\x1b[31m" + "x" * 16_000 + "\x1b[m\n", "time": 0}, separators=(",", ":"))
    count = 40_000_000 // len(line)
    ends = ("[", ",", "]") if kind == "json" else ("", "\n", "\n")
    file_of(server, kind, step=2).write_text(ends[0] + ends[1].join([line] * count) + ends[2])
    before, largest = process.memory_info().rss, 0
    over = threading.Event()

    def watch() -> None:
        nonlocal largest
        while not over.wait(0.01):
            largest = max(largest, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        sizes = [_size(server, path, headers) for path, headers in (("", {}), ("?ansi=strip", PLAIN))]
    finally:
        over.set()
        watcher.join()

    assert sizes == [len(line) * count + count + 1, 16_001 * count]
    assert largest - before < 25 * 1024 * 1024
    server.ask("DELETE", f"{LOGS}/1/2")


def _size(server: Server, query: str, headers: dict[str, str]) -> int:
    with server.client.stream("GET", f"{LOGS}/1/2{query}", headers=headers) as answer:
        assert answer.status_code == 200
        return sum(len(piece) for piece in answer.iter_raw())


def test_a_reader_that_leaves_in_the_middle_leaves_no_file_open(server: Server) -> None:
    assert server.process is not None
    process = psutil.Process(server.process.pid)
    path = file_of(server, "json", step=2)
    path.write_text("[" + ",".join(['{"pos":0,"out":"x","time":0}'] * 1_000_000) + "]")
    for _ in range(5):
        with server.client.stream("GET", f"{LOGS}/1/2") as answer:
            next(answer.iter_raw())

    server.until(lambda: str(path) not in {file.path for file in process.open_files()}, "the log is closed")
    server.ask("DELETE", f"{LOGS}/1/2")


def _lines(answer: httpx2.Response) -> list[Any]:
    return [data(frame) for frame in Frames(answer) if frame.startswith("id: ")]


def test_who_comes_back_to_a_log_gets_the_lines_after_the_last(server: Server, waiting: tuple[int, Path]) -> None:
    number, file = waiting
    path = f"/api/stream/{SLUG}/{number}/1/1"
    threading.Timer(0.3, file.touch).start()

    with server.client.stream("GET", path, headers={"Last-Event-ID": "0"}) as answer:
        lines = _lines(answer)

    whole = server.json("GET", f"/api/repos/{SLUG}/builds/{number}/logs/1/1")
    assert len(lines) > 1
    assert [line["out"] for line in lines] == [line["out"] for line in whole if line["pos"] > 0]


@pytest.mark.parametrize("last_id", ["", "nonsense", "-1", "99999999999999999999", "abc-1", "1.0"])
def test_another_id_than_that_of_a_line_gets_all_of_them(
    server: Server, waiting: tuple[int, Path], last_id: str
) -> None:
    number, file = waiting
    file.touch()

    with server.client.stream("GET", f"/api/stream/{SLUG}/{number}/1/1", headers={"Last-Event-ID": last_id}) as answer:
        assert _lines(answer)[0]["pos"] == 0


@pytest.fixture
def numbered(server: Server) -> Iterator[None]:
    """A log of which the first 40 lines were cut off, in the place of a step's."""
    note = {"pos": 39, "out": "[40 lines (400 bytes) came before: only the end of a long log is kept]\n", "time": 0}
    lines = [{"pos": n, "out": f"\x1b[31mErr\x1b[0mor {n}\n", "time": 1} for n in range(40, 9040)]
    file_of(server, "json", step=2).write_text(json.dumps([note, *lines], separators=(",", ":")))
    yield
    server.ask("DELETE", f"{LOGS}/1/2")


def test_a_part_of_a_log_keeps_the_numbers_of_its_lines(server: Server, numbered: None) -> None:
    part = server.json("GET", f"{LOGS}/1/2?from=8000&limit=3")
    end = server.json("GET", f"{LOGS}/1/2?from=-2")
    start = server.json("GET", f"{LOGS}/1/2?limit=1")

    assert [(line["pos"], line["time"]) for line in part["lines"]] == [(8000, 1), (8001, 1), (8002, 1)]
    assert (part["first"], part["end"], part["next"]) == (39, 9040, 8003)
    assert [line["pos"] for line in end["lines"]] == [9038, 9039]
    assert "next" not in end
    assert start["lines"][0]["out"].startswith("[40 lines (400 bytes) came before")
    assert "GANTRY_LOG_LIMIT" in start["cut"]
    assert len(server.json("GET", f"{LOGS}/1/2")) == 9001


def test_lines_with_a_text_are_counted(server: Server, numbered: None) -> None:
    found = server.json("GET", f"{LOGS}/1/2?find=ERROR%20905&limit=2&from=100")
    text = server.ask("GET", f"{LOGS}/1/2?find=error%20905&ansi=strip", headers=PLAIN)

    assert [line["pos"] for line in found["lines"]] == [905]
    assert (found["matches"], found["searched"]) == (1, 9040)
    assert text.text == "Error 905\n"


def test_lines_that_look_like_errors_are_found(server: Server, numbered: None) -> None:
    found = server.json("GET", f"{LOGS}/1/2?errors=true&from=41&limit=2")
    none = server.json("GET", f"{LOGS}/1/2?errors=true&find=came%20before")
    all_lines = server.json("GET", f"{LOGS}/1/2?errors=false&limit=1")

    assert [line["pos"] for line in found["lines"]] == [41, 42]
    assert found["next"] == 43
    assert found["matches"] == found["searched"] - 41
    assert (none["lines"], none["matches"], none["searched"]) == ([], 0, 9040)
    assert "matches" not in all_lines


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("from=x", ["from"]),
        ("from=", ["from"]),
        ("from=1.5", ["from"]),
        ("from=99999999999999999999", ["from"]),
        ("limit=0", ["limit"]),
        ("limit=-1", ["limit"]),
        ("limit=5001", ["limit"]),
        ("find=", ["find"]),
        ("find=" + "x" * 201, ["find"]),
        ("from=%D9%A1&limit=%00&find=&errors=", ["from", "limit", "find"]),
    ],
)
def test_a_part_that_cannot_be_is_refused_with_all_reasons(server: Server, query: str, fields: list[str]) -> None:
    answer = server.ask("GET", f"{LOGS}/1/1?{query}")

    assert answer.status_code == 400
    assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [(name, "bad_part") for name in fields]


def test_only_errors_are_asked_for_by_a_boolean(server: Server) -> None:
    answer = server.ask("GET", f"{LOGS}/1/1?errors=yes")

    assert answer.status_code == 400
    assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [("errors", "wrong_type")]


@pytest.mark.parametrize("query", ["from=0", "from=99999", "find=nowhere", "find=%00", "find=%ED%A0%80", "from=-99999"])
def test_a_part_without_lines_is_an_ordinary_answer(server: Server, query: str) -> None:
    assert server.ask("GET", f"{LOGS}/1/1?{query}").status_code == 200
    assert server.ask("GET", f"{LOGS}/1/2?{query}").status_code == 404
