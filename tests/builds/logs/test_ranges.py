"""A part of a log is found without reading what is before it, whatever its form, and however long it is."""

import json
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.builds.logs import entries, files, ranges, signs
from app.builds.logs.files import Record
from app.builds.logs.logs import Logs, place
from app.builds.logs.ranges import Range, Wanted
from app.builds.model import Line
from app.encoding import encode
from app.errors import TooLong

MANY = 1_000_000


def lines(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Lines of different lengths, some with what could be taken for the beginning of a line."""
    odd = {7: '{"pos":3,"out":"', 8: '\\\\"{', 11: "naïve ☃ ERR\x1b[31mOR\n", 13: "x" * 3000 + "\n"}
    return [{"pos": n, "out": odd.get(n % 17, f"line {n}\n"), "time": n // 10} for n in range(start, start + count)]


def stored(found: Sequence[dict[str, Any]]) -> bytes:
    return encode(found)


def live(found: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(encode(line) + b"\n" for line in found)


def of_others(found: Sequence[dict[str, Any]]) -> bytes:
    """Another order of keys, spaces, and what is no line."""
    turned = [{"out": line["out"], "time": line["time"], "pos": line["pos"]} for line in found]
    return json.dumps([None, {"pos": "x"}, *turned, {"pos": True, "out": "no"}], indent=1).encode()


FORMS = {"stored": stored, "live": live, "of others": of_others}


def opened(path: Path, form: str, data: bytes) -> Record:
    path.write_bytes(data)
    return Record.open(path, live=form == "live")


async def part(path: Path, form: str, data: bytes, start: int, limit: int, find: str = "") -> Range:
    record = opened(path, form, data)
    found = await ranges.read(record, Wanted(start, limit, find))
    assert record.file.closed
    return found


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("start", [0, 1, 5_000, 7_499, 14_990, 14_999, 15_000, 99_999])
async def test_a_part_has_the_lines_of_its_positions(tmp_path: Path, form: str, start: int) -> None:
    whole = lines(15_000)

    found = await part(tmp_path / "log", form, FORMS[form](whole), start, 25)

    assert found.lines == whole[start : start + 25]
    assert (found.first, found.end, found.matches) == (0, 15_000, None)
    assert found.next == (start + 25 if start + 25 < 15_000 else None)


@pytest.mark.parametrize("form", FORMS)
async def test_parts_follow_one_another_to_the_end(tmp_path: Path, form: str) -> None:
    whole, start, read = lines(3_000, 400), 0, []
    while True:
        found = await part(tmp_path / "log", form, FORMS[form](whole), start, 700)
        read += found.lines
        if found.next is None:
            break
        start = found.next

    assert read == whole
    assert (found.first, found.end) == (400, 3_400)


@pytest.mark.parametrize(("start", "due"), [(-1, 499), (-25, 475), (-500, 0), (-501, 0)])
async def test_a_negative_start_counts_from_the_end(tmp_path: Path, start: int, due: int) -> None:
    whole = lines(500)

    assert (await part(tmp_path / "log", "stored", stored(whole), start, 10)).lines == whole[due : due + 10]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("data", [[], [{"pos": 0, "out": "", "time": 0}]])
async def test_a_log_may_have_nothing_or_one_line(tmp_path: Path, form: str, data: list[dict[str, Any]]) -> None:
    found = await part(tmp_path / "log", form, FORMS[form](data), 0, 10)

    assert (found.lines, found.end, found.next) == (data, len(data), None)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("find", ["error", "ERROR", "LINE 12", "☃", "naÏve", '{"pos":3', '\\"', "nowhere", "\n"])
async def test_lines_with_a_text_are_counted_and_found_in_any_letter_case(tmp_path: Path, form: str, find: str) -> None:
    whole = lines(15_000)
    due = [one for one in whole if find.lower() in one["out"].replace("\x1b[31m", "").lower()]

    found = await part(tmp_path / "log", form, FORMS[form](whole), 0, 5, find)

    assert found.lines == due[:5]
    assert (found.matches, found.searched, found.end) == (len(due), 15_000, 15_000)
    assert found.next == (due[5]["pos"] if len(due) > 5 else None)


async def test_a_search_goes_on_after_the_lines_that_it_has_found(tmp_path: Path) -> None:
    whole, read = lines(4_000), []
    start: int | None = 100
    while start is not None:
        found = await part(tmp_path / "log", "stored", stored(whole), start, 30, "ERROR")
        read += found.lines
        start = found.next

    assert read == [one for one in whole[100:] if "\x1b" in one["out"]]


async def test_a_search_that_takes_too_long_says_how_far_it_came(tmp_path: Path) -> None:
    data = stored(lines(40_000))
    record = opened(tmp_path / "log", "stored", data)

    found = await ranges.read(record, Wanted(0, 10, "nowhere"), patience=0.0)
    rest = await part(tmp_path / "log", "stored", data, found.searched, 10, "nowhere")

    assert 0 < found.searched < found.end == 40_000
    assert found.next == found.searched
    assert (rest.searched, rest.next) == (40_000, None)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("start", "limit"), [(0, 1), (12, 1), (9_000, 3), (14_990, 5), (15_000, 5), (0, 5_000)])
async def test_lines_that_look_like_errors_are_found_up_to_as_many_as_are_wanted(
    tmp_path: Path, form: str, start: int, limit: int
) -> None:
    whole = lines(15_000)
    due = [one for one in whole[start:] if signs.looks_wrong(one["out"])]

    found = await errors(tmp_path / "log", form, FORMS[form](whole), start, limit)

    assert found.lines == due[:limit]
    assert found.matches == sum(1 for one in due if one["pos"] < found.searched)
    assert (found.next is None) == (found.searched == 15_000 and len(due) <= limit)


async def test_the_search_for_errors_ends_with_enough_of_them(tmp_path: Path) -> None:
    found = await errors(tmp_path / "log", "stored", stored(lines(15_000)), 0, 1)

    assert found.searched < 1_000
    assert found.next == 28


async def test_of_the_lines_with_a_text_those_that_look_like_errors_are_found(tmp_path: Path) -> None:
    whole = [{"pos": n, "out": f"{'error' if n % 2 else 'fine'} of {n}\n", "time": 0} for n in range(100)]
    record = opened(tmp_path / "log", "stored", stored(whole))

    found = await ranges.read(record, Wanted(0, 100, "of 1", errors=True))

    assert [one["pos"] for one in found.lines] == [1, 11, 13, 15, 17, 19]


async def errors(path: Path, form: str, data: bytes, start: int, limit: int) -> Range:
    return await ranges.read(opened(path, form, data), Wanted(start, limit, errors=True))


async def test_an_answer_has_few_characters_also_when_lines_are_long(tmp_path: Path) -> None:
    whole = [{"pos": n, "out": "y" * 60_000, "time": 0} for n in range(100)]

    found = await part(tmp_path / "log", "live", live(whole), 0, 100)

    assert sum(len(one["out"]) for one in found.lines) < ranges.MOST + 60_000
    assert found.next == len(found.lines) < 100


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[",
        b'[{"pos":',
        b'[{"pos":1',
        b'[{"pos":0,"out":"a","time":0},{"pos":',
        b'[{"pos":-5,"out":"a","time":0}]',
        b'[{"pos":99999999999999999999,"out":"a","time":0}]',
        b'[{"pos":0,"out":7,"time":0},{"pos":1,"out":"a","time":1e400}]',
        b'[{"pos":0,"x":{"pos":1,"y":[]},"out":"a"}]',
        b'[{"out":"\\ud800","pos":0}]',
        b'[{"out":"a","pos":123456789012345678901234567890}]',
        b'{"pos":0}',
        b"nonsense \xff\xfe" * 50_000,
        b'[{"pos":0,"out":"' + b"z" * 600_000,
        b'[{"pos":5,"out":"a","time":0},{"pos":2,"out":"b","time":0},{"pos":9,"out":"c","time":0}]',
    ],
)
@pytest.mark.parametrize("form", ["stored", "live"])
@pytest.mark.parametrize("find", ["", "a"])
async def test_what_is_no_log_is_no_error(tmp_path: Path, form: str, data: bytes, find: str) -> None:
    found = await part(tmp_path / "log", form, data, 0, 10, find)

    assert all(entries.is_line(one) for one in found.lines)
    orjson.dumps(found.lines)


async def test_a_log_of_another_form_that_is_too_long_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "_PATIENCE", -1.0)

    with pytest.raises(TooLong):
        await part(tmp_path / "log", "of others", of_others(lines(10)), 0, 10)


async def test_the_log_of_a_running_step_is_read_up_to_its_last_whole_line(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    logs.open(1)
    await logs.write(1, [Line(0, "one\n", 0), Line(1, "two\n", 1)])
    files.append(place(tmp_path, 1, "ndjson"), b'{"pos":2,"out":"thr')
    record = await logs.open_record(1)

    assert record is not None
    found = await ranges.read(record, Wanted(1, 10))
    assert ([one["out"] for one in found.lines], found.end) == (["two\n"], 2)


@pytest.fixture(scope="module")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("logs") / "long"
    with path.open("wb") as file:
        for at in range(0, MANY, 10_000):
            some = stored([{"pos": n, "out": f"line {n} of a log\n", "time": n} for n in range(at, at + 10_000)])
            file.write((b"[" if at == 0 else b",") + some[1:-1])
        file.write(b"]")
    return path


async def test_a_line_of_a_million_is_found_by_reading_little(long_log: Path) -> None:
    record = Record.open(long_log, live=False)
    real, read = record.file.read, list[int]()
    counted = type("Counted", (), {"read": lambda _, n: _noted(real(n), read), "seek": record.file.seek})()
    counted.close = record.file.close
    began = time.monotonic()

    found = await ranges.read(Record(counted, record.end, live=False), Wanted(765_432, 500))

    assert [one["pos"] for one in found.lines] == list(range(765_432, 765_932))
    assert sum(read) < 3 * 1024 * 1024 < record.end / 10
    assert time.monotonic() - began < 2


def _noted(data: bytes, read: list[int]) -> bytes:
    read.append(len(data))
    return data


async def test_a_million_lines_are_searched_through(long_log: Path) -> None:
    found = await ranges.read(Record.open(long_log, live=False), Wanted(0, 5, "LINE 99999"), patience=60.0)

    assert [one["pos"] for one in found.lines] == [99_999, 999_990, 999_991, 999_992, 999_993]
    assert (found.matches, found.searched) == (11, MANY)


async def test_a_search_holds_little_in_memory(long_log: Path) -> None:
    tracemalloc.start()
    try:
        await ranges.read(Record.open(long_log, live=False), Wanted(MANY - 100_000, 5, "nowhere"), patience=60.0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 8 * 1024 * 1024
