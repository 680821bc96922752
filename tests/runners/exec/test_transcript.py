"""The bounded log of a step."""

import tracemalloc
from typing import Any

import orjson
import pytest

from app.runners.exec.transcript import LONGEST, Piece, Transcript, entries
from app.settings.values import LOG_LIMIT


def logged(*texts: str, time: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The lines stored of these pieces, and the bytes they take."""
    transcript, pos = Transcript(), 0
    for text in texts:
        piece = Piece.of(pos, time, text)
        transcript.add(piece)
        pos = piece.end
    dump = transcript.dump()
    return orjson.loads(dump), len(dump)


def test_lines_keep_their_ends() -> None:
    lines, _ = logged("one\ntwo\n", "\nthr", "ee\n", time=4)

    assert [line["out"] for line in lines] == ["one\n", "two\n", "\n", "thr", "ee\n"]
    assert [line["pos"] for line in lines] == [0, 1, 2, 3, 4]
    assert {line["time"] for line in lines} == {4}
    assert list(lines[0]) == ["pos", "out", "time"]


def test_nothing_is_an_empty_array() -> None:
    assert logged() == ([], 2)


@pytest.mark.parametrize("length", [LONGEST - 1, LONGEST, LONGEST + 1, 3 * LONGEST])
@pytest.mark.parametrize("end", ["", "\n", "\nnext"])
def test_long_lines_are_split_and_lose_nothing(length: int, end: str) -> None:
    text = "x" * length + end

    parts = list(entries(text))

    assert "".join(parts) == text
    assert max(map(len, parts)) <= LONGEST
    assert Piece.of(0, 0, text).count == len(parts)


@pytest.mark.parametrize("line", ["y\n", '"\\\x01\n', "é\n", "\U0001f600" * 10 + "\n", "x" * 5000 + "\n"])
def test_a_long_log_is_cut_at_its_beginning_and_says_so(line: str) -> None:
    texts = [line * (16384 // len(line) + 1)] * (2 * LOG_LIMIT // 16384)
    total = sum(text.count("\n") for text in texts)

    lines, size = logged(*texts)

    assert LOG_LIMIT - 24 * 1024 <= size <= LOG_LIMIT
    dropped = lines[1]["pos"]
    assert lines[0]["pos"] == dropped - 1
    assert lines[0]["out"].startswith(f"[{dropped:,} lines ({dropped * len(line.encode()):,} bytes) came before")
    assert lines[-1]["pos"] == total - 1
    assert {line["out"] for line in lines[1:]} == {line}


@pytest.mark.parametrize("over", [-3, -2, -1, 0, 1])
def test_the_limit_holds_to_the_byte(over: int) -> None:
    line = "x" * 1000 + "\n"
    count = LOG_LIMIT // len('{"pos":0000,"out":"\\n","time":0},' + "x" * 1000) - 1
    rest = LOG_LIMIT + over - logged(*[line] * count)[1]

    lines, size = logged(*[line] * count, "z" * (rest - len(',{"pos":5075,"out":"","time":0}')))

    assert size <= LOG_LIMIT
    assert "".join(entry["out"] for entry in lines).endswith("z")


def test_two_bytes_a_line_cost_no_more_memory_than_the_log() -> None:
    transcript, pos = Transcript(), 0
    tracemalloc.start()
    for _ in range(3000):
        piece = Piece.of(pos, 0, "y\n" * 8192)
        transcript.add(piece)
        pos = piece.end
    transcript.dump()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 20 * 1024 * 1024
