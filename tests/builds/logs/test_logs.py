"""Logs of steps: followed while they grow, one record when they are over, and whole in between."""

import asyncio
import resource
import tracemalloc
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path

import orjson
import pytest

from app.builds.logs import files
from app.builds.logs.logs import Logs, Pieces
from app.builds.model import Line
from app.encoding import encode
from app.errors import Unavailable
from tests.builds.farside import read_log
from tests.soon import soon


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path / "logs")


def lines(*texts: str, start: int = 0) -> list[Line]:
    return [Line(number, text, 0) for number, text in enumerate(texts, start)]


def texts(log: bytes | None) -> list[str]:
    assert log is not None
    return [line["out"] for line in orjson.loads(log)]


async def followed(logs: Logs, step_id: int = 1, seen: list[str] | None = None) -> list[str]:
    """What a follower gets until the end, and in `seen` as it comes."""
    seen = [] if seen is None else seen
    async for lines in logs.follow(step_id):
        seen.extend(orjson.loads(line)["out"] for line in lines)
    return seen


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """As on a full disk: what a file may not hold is not written, and the system says so."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_step_that_never_ran_has_no_log(logs: Logs) -> None:
    assert await read_log(logs, 1) is None
    assert await followed(logs) == []


async def test_a_step_that_runs_has_a_log_before_its_first_line(logs: Logs) -> None:
    logs.open(1)

    assert await read_log(logs, 1) == b"[]"


async def test_batches_are_read_as_one_array_in_drones_form(logs: Logs) -> None:
    logs.open(1)
    await logs.write(1, lines("one\n", "two\n"))
    await logs.write(1, [Line(2, "naïve ☃ <b>\x00\n", 7)])

    log = await read_log(logs, 1)

    assert log is not None
    assert orjson.loads(log) == [
        {"pos": 0, "out": "one\n", "time": 0},
        {"pos": 1, "out": "two\n", "time": 0},
        {"pos": 2, "out": "naïve ☃ <b>\x00\n", "time": 7},
    ]


async def test_many_lines_of_one_batch_come_whole_even_when_they_look_like_json(logs: Logs) -> None:
    printed = [f'}},{{"pos":{number},"out":"\n' if number % 3 else "x\n" for number in range(2000)]
    logs.open(1)
    following = asyncio.create_task(followed(logs))

    await logs.write(1, lines(*printed))
    log = await read_log(logs, 1)
    logs.close(1)

    assert texts(log) == printed
    assert await following == printed


async def test_what_was_uploaded_takes_the_place_of_what_was_live(logs: Logs, tmp_path: Path) -> None:
    logs.open(1)
    await logs.write(1, lines("live"))

    await logs.store(1, b'[{"pos":0,"out":"whole","time":0}]')
    logs.close(1)

    assert await read_log(logs, 1) == b'[{"pos":0,"out":"whole","time":0}]'
    assert kept(tmp_path) == ["1.json"]


async def test_an_upload_may_be_repeated_also_at_one_moment(logs: Logs, tmp_path: Path) -> None:
    await logs.store(1, b"[1]")

    await asyncio.gather(*(logs.store(1, b"[2]") for _ in range(20)))

    assert await read_log(logs, 1) == b"[2]"
    assert kept(tmp_path) == ["1.json"]


async def test_without_an_upload_the_live_log_is_kept(logs: Logs) -> None:
    logs.open(1)
    await logs.write(1, lines("a", "b"))
    logs.close(1)

    assert texts(await read_log(logs, 1)) == ["a", "b"]
    assert texts(await read_log(Logs(logs._folder), 1)) == ["a", "b"]


async def test_a_line_that_was_torn_by_a_crash_is_left_out(logs: Logs, tmp_path: Path) -> None:
    await logs.write(1, lines("whole"))
    with (tmp_path / "logs" / "0" / "1.ndjson").open("ab") as file:
        file.write(b'{"pos":1,"out":"torn')

    assert texts(await read_log(logs, 1)) == ["whole"]


async def test_logs_lie_a_thousand_in_a_folder(logs: Logs, tmp_path: Path) -> None:
    for step_id in (1, 999, 1000, 123456):
        await logs.store(step_id, b"[]")

    assert kept(tmp_path / "logs" / "0") == ["1.json", "999.json"]
    assert kept(tmp_path / "logs" / "1") == ["1000.json"]
    assert kept(tmp_path / "logs" / "123") == ["123456.json"]


async def test_who_comes_late_gets_what_was_and_what_comes(logs: Logs) -> None:
    logs.open(1)
    await logs.write(1, lines("early"))
    async with aclosing(reading(logs)) as reader:
        assert await anext(reader) == "early"

        await logs.write(1, lines("late", start=1))
        assert await anext(reader) == "late"
        logs.close(1)
        assert await anext(reader, None) is None


async def reading(logs: Logs, step_id: int = 1) -> AsyncGenerator[str, None]:
    """As `followed`, line by line; closing it leaves."""
    follower = logs.follow(step_id)
    assert isinstance(follower, AsyncGenerator)
    async with aclosing(follower):
        async for lines in follower:
            for line in lines:
                yield orjson.loads(line)["out"]


async def test_everybody_gets_every_line_once_and_in_order(logs: Logs) -> None:
    logs.open(1)
    readers = [asyncio.create_task(followed(logs)) for _ in range(5)]
    for number in range(40):
        if number % 10 == 5:
            readers.append(asyncio.create_task(followed(logs)))
        await logs.write(1, lines(f"a{number}", f"b{number}"))
    logs.close(1)

    expected = [f"{letter}{number}" for number in range(40) for letter in "ab"]
    assert await asyncio.gather(*readers) == [expected] * len(readers)


async def test_the_last_lines_come_before_the_end(logs: Logs) -> None:
    for step_id in range(20):
        logs.open(step_id)
        reader = asyncio.create_task(followed(logs, step_id))
        await asyncio.sleep(0)

        await logs.write(step_id, lines("last"))
        await logs.store(step_id, b'[{"pos":0,"out":"last","time":0}]')
        logs.close(step_id)

        assert await reader == ["last"]
        assert await followed(logs, step_id) == []


async def test_a_reader_who_leaves_disturbs_nobody(logs: Logs, tmp_path: Path) -> None:
    logs.open(1)
    await logs.write(1, lines("a"))
    stayer = asyncio.create_task(followed(logs))
    leaver = reading(logs)
    assert await anext(leaver) == "a"
    await leaver.aclose()

    await logs.write(1, lines("b", start=1))
    await logs.store(1, b"[]")
    logs.close(1)

    assert await stayer == ["a", "b"]
    assert kept(tmp_path) == ["1.json"]


async def test_the_live_log_stays_as_long_as_somebody_reads_it(logs: Logs, tmp_path: Path) -> None:
    logs.open(1)
    await logs.write(1, lines("a", "b"))
    reader = reading(logs)
    assert await anext(reader) == "a"

    await logs.store(1, b"[]")
    logs.close(1)

    assert await anext(reader) == "b"
    assert await anext(reader, None) is None
    assert kept(tmp_path) == ["1.json"]


async def test_when_the_server_stops_every_stream_ends(logs: Logs) -> None:
    for step_id in (1, 2):
        logs.open(step_id)
        await logs.write(step_id, lines("a"))
    readers = [asyncio.create_task(followed(logs, step_id)) for step_id in (1, 2)]
    await asyncio.sleep(0)

    logs.close_all()

    async with asyncio.timeout(20):
        assert all(set(read) <= {"a"} for read in await asyncio.gather(*readers))


async def test_a_batch_that_does_not_fit_leaves_no_part_of_it(logs: Logs) -> None:
    await logs.write(1, lines("before"))

    with no_file_larger_than(200), pytest.raises(Unavailable):
        await logs.write(1, lines("x" * 60, "x" * 600, start=1))
    await logs.write(1, lines("after", start=1))

    assert texts(await read_log(logs, 1)) == ["before", "after"]


async def test_an_upload_that_does_not_fit_leaves_the_earlier_one(logs: Logs, tmp_path: Path) -> None:
    await logs.store(1, b"[1]")

    with no_file_larger_than(200), pytest.raises(Unavailable):
        await logs.store(1, b"[" + b"1," * 600 + b"1]")

    assert await read_log(logs, 1) == b"[1]"
    assert kept(tmp_path) == ["1.json"]


async def test_a_folder_that_cannot_be_used_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    logs = Logs(tmp_path / "logs")

    with pytest.raises(Unavailable, match="log"):
        await logs.write(1, lines("a"))


async def test_a_log_that_another_server_writes_is_followed_to_its_end(logs: Logs, tmp_path: Path) -> None:
    other = Logs(tmp_path / "logs")
    logs.shared = True
    logs.open(1)
    seen = list[str]()
    reader = asyncio.create_task(followed(logs, seen=seen))
    other.open(1)
    await other.write(1, [Line(0, "a\n", 0)])
    await soon(lambda: seen)
    await other.write(1, [Line(1, "b\n", 0)])
    await other.store(1, encode([Line(0, "a\n", 0), Line(1, "b\n", 0), Line(2, "c\n", 0)]))
    logs.close(1)  # word of the end comes after the live log is gone

    assert await asyncio.wait_for(reader, 20) == ["a\n", "b\n", "c\n"]


async def test_what_an_odd_runner_has_stored_ends_a_stream_well(logs: Logs, tmp_path: Path) -> None:
    logs.shared = True
    logs.open(1)
    reader = asyncio.create_task(followed(logs))
    await Logs(tmp_path / "logs").store(1, b'[1, null, {"pos": "x"}, {"pos": 4}]')
    logs.close(1)

    assert await asyncio.wait_for(reader, 20) == [""]


async def test_a_log_that_is_stored_after_the_end_of_its_step_leaves_no_live_one(logs: Logs, tmp_path: Path) -> None:
    logs.open(1)
    await logs.write(1, lines("a\n"))
    logs.close(1)
    assert texts(await read_log(logs, 1)) == ["a\n"]
    await logs.store(1, encode(lines("a\n", "b\n")))

    assert [path.name for path in (tmp_path / "logs").rglob("1.*")] == ["1.json"]
    assert texts(await read_log(logs, 1)) == ["a\n", "b\n"]


async def test_logs_that_are_removed_are_gone_and_their_followers_get_the_end(logs: Logs, tmp_path: Path) -> None:
    logs.open(1)
    await logs.write(1, lines("a"))
    await logs.store(2, b"[]")
    await logs.store(3, b"[]")
    seen = list[str]()
    following = asyncio.create_task(followed(logs, seen=seen))
    await soon(lambda: seen)

    await logs.remove([1, 2, 99])
    await logs.remove([1, 2, 99])

    assert await asyncio.wait_for(following, 20) == ["a"]
    assert kept(tmp_path / "logs") == ["3.json"]
    assert [await read_log(logs, step_id) for step_id in (1, 2)] == [None, None]


async def test_a_long_log_is_followed_and_read_in_pieces_and_whole(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "CHUNK", 64)
    logs.open(1)
    said = [f"{number} ☃ {'x' * (number % 90)}\n" for number in range(200)]
    await logs.write(1, lines(*said))

    assert texts(await read_log(logs, 1)) == said
    reader = asyncio.create_task(followed(logs))
    await asyncio.sleep(0)
    logs.close(1)
    assert await reader == said


async def test_of_a_long_log_a_torn_line_at_its_end_is_left_out(
    logs: Logs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHUNK", 16)
    for number, whole in enumerate((["whole"], [], ["whole", "again"]), start=1):
        if whole:
            await logs.write(number, lines(*whole))
        (tmp_path / "logs" / "0").mkdir(parents=True, exist_ok=True)
        with (tmp_path / "logs" / "0" / f"{number}.ndjson").open("ab") as file:
            file.write(b'{"pos":1,"out":"torn ' + b"x" * 100)

        assert texts(await read_log(logs, number)) == whole


async def test_a_log_that_is_read_stays_whole_whatever_happens_to_it(logs: Logs) -> None:
    await logs.store(1, b'[{"pos":0,"out":"old","time":0}]')
    record = await logs.open_record(1)
    assert record is not None

    await logs.store(1, b'[{"pos":0,"out":"new","time":0}]')
    await logs.remove([1])

    async with aclosing(Pieces(record, record.array())) as pieces:
        assert texts(b"".join([piece async for piece in pieces])) == ["old"]
    assert record.file.closed


async def test_a_log_that_nobody_reads_after_all_is_closed(logs: Logs) -> None:
    await logs.store(1, b"[]")
    record = await logs.open_record(1)
    assert record is not None

    await Pieces(record, record.array()).aclose()

    assert record.file.closed


async def test_memory_is_bounded_however_long_a_log_is(logs: Logs, tmp_path: Path) -> None:
    path = tmp_path / "logs" / "0" / "1.ndjson"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        for number in range(0, 400_000, 10_000):
            file.write(
                b"".join(
                    encode({"pos": p, "out": "x" * 200, "time": 0}) + b"\n" for p in range(number, number + 10_000)
                )
            )
    logs.open(1)
    logs.close(2)
    tracemalloc.start()

    record = await logs.open_record(1)
    assert record is not None
    async with aclosing(Pieces(record, record.array())) as pieces:
        assert sum([len(piece) async for piece in pieces]) == record.length > 90_000_000
    count, reader = 0, logs.follow(1)
    async for some in reader:
        count += len(some)
        if count == 400_000:
            break

    assert tracemalloc.get_traced_memory()[1] < 8_000_000
    tracemalloc.stop()
