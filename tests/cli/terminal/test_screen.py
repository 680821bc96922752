import pytest

from app.cli.terminal.screen import Screen

CLEAR = "\r\x1b[K"


def test_one_step_speaks_below_its_header(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    screen = Screen()

    screen.open("deploy/clone")
    screen.write("deploy/clone", "a\n")
    screen.write("deploy/clone", "b\n")
    screen.close("deploy/clone")
    screen.open("deploy/release")
    screen.write("deploy/release", "c\n")

    assert capfdbinary.readouterr().out == b"[deploy/clone]\na\nb\n[deploy/release]\nc\n"


def test_each_line_is_named_while_several_steps_speak(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    screen = Screen()

    screen.open("a")
    screen.write("a", "1\n")
    screen.open("b")
    screen.write("b", "2\n\n3\n")
    screen.write("a", "4\n")
    screen.close("b")
    screen.write("a", "5\n")
    screen.close("a")
    screen.open("c")
    screen.write("c", "6\n")

    assert capfdbinary.readouterr().out == b"[a]\n1\n[b] 2\n[b] \n[b] 3\n[a] 4\n[a] 5\n[c]\n6\n"


def test_line_waits_for_its_end(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    screen = Screen()
    screen.open("a")
    screen.open("b")

    screen.write("a", "one ")
    screen.write("b", "two\n")
    screen.write("a", "whole\nand a rest")
    screen.close("a")

    assert capfdbinary.readouterr().out == b"[b] two\n[a] one whole\n[a] and a rest\n"


def test_step_without_output_leaves_no_header(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    screen = Screen()

    screen.open("a")
    screen.close("a")

    assert capfdbinary.readouterr().out == b""


def test_note_is_told_once_and_cannot_command_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    screen = Screen()

    screen.note("waits\x1b[2J")
    screen.note("waits\x1b[2J")

    assert capfd.readouterr() == ("", "waits\ufffd[2J\n")


def test_terminal_has_a_status_line_that_makes_room_for_output(capfd: pytest.CaptureFixture[str]) -> None:
    screen = Screen(terminal=True)
    screen.open("a")

    screen.status(lambda now: "running")
    screen.write("a", "text\n")
    screen.progress("needless")
    screen.status(None)

    assert capfd.readouterr() == (
        "[a]\ntext\n",
        f"{CLEAR}running{CLEAR}{CLEAR}running{CLEAR}",
    )


def test_status_line_never_wraps(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "11")

    Screen(terminal=True).status(lambda now: "0123456789abc")

    assert capfd.readouterr().err == f"{CLEAR}0123456789"


def test_elsewhere_progress_is_plain_lines(capfd: pytest.CaptureFixture[str]) -> None:
    screen = Screen(terminal=False)

    screen.status(lambda now: "running")
    screen.progress("deploy: running")

    assert capfd.readouterr().err == "deploy: running\n"
