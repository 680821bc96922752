import pytest

from app.cli.terminal.plain import Log, Plain
from tests.cli.farside import build

SLUG = "acme/web"


def test_one_step_speaks_below_its_header(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    plain = Plain(SLUG)

    plain.open("deploy/clone")
    plain.write("deploy/clone", "a\n")
    plain.write("deploy/clone", "b\n")
    plain.close("deploy/clone", "")
    plain.open("deploy/release")
    plain.write("deploy/release", "c\n")

    assert capfdbinary.readouterr().out == b"[deploy/clone]\na\nb\n[deploy/release]\nc\n"


def test_each_line_is_named_while_several_steps_speak(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    plain = Plain(SLUG)

    plain.open("a")
    plain.write("a", "1\n")
    plain.open("b")
    plain.write("b", "2\n\n3\n")
    plain.write("a", "4\n")
    plain.close("b", "")
    plain.write("a", "5\n")
    plain.close("a", "")
    plain.open("c")
    plain.write("c", "6\n")

    assert capfdbinary.readouterr().out == b"[a]\n1\n[b] 2\n[b] \n[b] 3\n[a] 4\n[a] 5\n[c]\n6\n"


def test_the_log_of_one_step_stands_alone(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    log = Log(SLUG)

    log.open("a")
    log.write("a", "1\n")
    log.close("a", "[a] failure: exit code 1")

    assert capfdbinary.readouterr() == (b"1\n", b"[a] failure: exit code 1\n")


def test_line_waits_for_its_end(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    plain = Plain(SLUG)
    plain.open("a")
    plain.open("b")

    plain.write("a", "one ")
    plain.write("b", "two\n")
    plain.write("a", "whole\nand a rest")
    plain.close("a", "")

    assert capfdbinary.readouterr().out == b"[b] two\n[a] one whole\n[a] and a rest\n"


def test_step_without_output_leaves_no_header(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    plain = Plain(SLUG)

    plain.open("a")
    plain.close("a", "")

    assert capfdbinary.readouterr().out == b""


def test_state_is_told_once_and_cannot_command_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    plain = Plain(SLUG)
    waiting = build("pending")
    waiting["stages"][0]["pending_reason"] = "no runner\x1b[2J"

    plain.state(waiting)
    plain.state(waiting)

    assert capfd.readouterr() == ("", "s waits: no runner\ufffd[2J\n")


def test_each_outage_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    plain = Plain(SLUG)

    for _ in range(2):
        plain.lost("cannot reach http://ci")
        plain.found()

    assert capfd.readouterr().err == "Trying again: cannot reach http://ci\nThe server answers again\n" * 2


@pytest.mark.parametrize(
    ("status", "shown"), [("running", False), ("success", False), ("failure", True), ("error", True), ("killed", True)]
)
def test_log_of_a_clone_is_shown_only_if_it_failed(status: str, shown: bool) -> None:
    clone, other = build("running", ("clone", status), ("clone", status))["stages"][0]["steps"]

    assert Plain(SLUG).shows(clone) == shown
    assert Plain(SLUG).shows(other)
    assert Log(SLUG).shows(clone)


def test_last_lines_of_a_failed_step_are_told_again_when_others_spoke_since(capfd: pytest.CaptureFixture[str]) -> None:
    plain = Plain(SLUG)
    for label, lines in (("s/a", 25), ("s/b", 1), ("s/c", 30)):
        plain.open(label)
        plain.write(label, "".join(f"{label} {n}\n" for n in range(lines)))
        plain.close(label, "")
    capfd.readouterr()

    plain.end(build("failure", ("a", "failure"), ("b", "success"), ("c", "failure"), finished=75, started=10))

    assert capfd.readouterr().err.splitlines() == [
        "[s/a] failure: exit code 1",
        *(f"  s/a {n}" for n in range(5, 25)),
        "The whole log: gantry log acme/web 2 s a",
        "The whole log: gantry log acme/web 2 s c",
        "Build 2 ended after 1 min 5 s: failure",
    ]


def test_command_for_more_can_be_pasted(capfd: pytest.CaptureFixture[str]) -> None:
    Plain(SLUG).end(build("failure", ("run it; now\x1b", "failure")))

    assert "gantry log acme/web 2 s 'run it; now\ufffd'\n" in capfd.readouterr().err
