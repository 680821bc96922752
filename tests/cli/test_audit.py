import json
import time
from typing import Any

import pytest

from tests.cli.conftest import Gantry
from tests.cli.farside import FarSide, answer

ROW: dict[str, Any] = {
    "id": 7,
    "seq": 5,
    "time": 1_700_000_000,
    "verb": "build.promote",
    "actor": {"kind": "person", "name": "ada", "id": 2, "address": "10.0.0.7", "way": "token"},
    "subject": "octocat/hello#42",
    "repo_id": 1,
    "before": {"status": "blocked"},
    "after": {"status": "pending", "target": "production", "n": 2},
    "request_id": "r1",
    "previous": "0" * 64,
    "hash": "a" * 64,
}
VERDICT = {"status": "whole", "holds": 5, "unsealed": 1, "head": {"seq": 5, "hash": "abc"}, "broken": None}


def test_ls_shows_who_did_what_to_what(gantry: Gantry, far: FarSide) -> None:
    job = ROW | {"actor": {"kind": "cron", "name": "nightly"}, "before": {}, "after": {}}
    far.on("GET", "/api/audit", answer([ROW, job]))

    first, second = gantry("audit", "ls").stdout.splitlines()

    assert first.split("\t") == [
        "2023-11-14T22:13:20Z",
        "ada",
        "build.promote",
        "octocat/hello#42",
        "status: blocked → pending, target: production, n: 2",
    ]
    assert second.split()[1:] == ["cron", "nightly", "build.promote", "octocat/hello#42"]


def test_ls_of_a_repository_asks_its_own_list_for_what_is_wanted(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", "/api/repos/octocat/hello/audit", answer([ROW]))
    wanted = ("--verb", "build.", "--by", "ada", "--since", "2023-11-14", "--until", "2023-11-15T01:00+01:00")

    shown = gantry("audit", "ls", "octocat/hello", *wanted, "--limit", "7", "--json").stdout

    assert json.loads(shown) == [ROW]
    times = {"since": "1699920000", "until": "1700006400"}
    assert far.asked[0].query == {"verb": "build.", "actor": "ada", "per_page": "7", **times}


def test_an_age_counts_from_now(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", "/api/audit", answer([]))

    gantry("audit", "ls", "--since", "2d")

    assert abs(int(far.asked[0].query["since"]) - (time.time() - 2 * 86400)) < 60


def test_an_odd_time_is_refused_with_the_way_out(gantry: Gantry, far: FarSide) -> None:
    done = gantry("audit", "ls", "--since", "yesterday")

    assert (done.returncode, far.asked) == (2, [])
    assert "'yesterday' is no time: write a day or time (UTC)" in done.stderr.replace("\n", " ")


def test_export_prints_every_row_on_a_line_page_after_page(gantry: Gantry, far: FarSide) -> None:
    rows = [ROW | {"seq": n, "subject": f"é\n{n}"} for n in range(1, 1003)]
    far.on("GET", "/api/audit/chain", answer(rows[:1000]), answer(rows[1000:]))

    done = gantry("audit", "export")

    assert [json.loads(line) for line in done.stdout.splitlines()] == rows
    assert [asked.query["cursor"] for asked in far.asked] == ["after:0", "after:1000"]


def test_verify_says_how_many_rows_hold(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", "/api/audit/verify", answer(VERDICT))

    done = gantry("audit", "verify")

    assert done.returncode == 0
    assert done.stdout.splitlines() == ["Rows that hold:  5", "Not sealed yet:  1", "Last of them:    5 abc"]


@pytest.mark.parametrize("json_option", [(), ("--json",)])
def test_verify_names_the_first_broken_row_and_fails(
    gantry: Gantry, far: FarSide, json_option: tuple[str, ...]
) -> None:
    broken = {"seq": 6, "id": 0, "fault": "missing", "message": "row 6 is missing"}
    far.on("GET", "/api/audit/verify", answer(VERDICT | {"status": "broken", "broken": broken}))

    done = gantry("audit", "verify", *json_option)

    assert done.returncode == 1
    assert "the record does not hold: row 6 is missing" in done.stderr


def test_who_may_not_is_told_so(gantry: Gantry, far: FarSide) -> None:
    far.on("GET", "/api/audit", answer({"message": "this is for administrators of the server"}, 403))

    done = gantry("audit", "ls")

    assert done.returncode == 1
    assert "this is for administrators of the server" in done.stderr
