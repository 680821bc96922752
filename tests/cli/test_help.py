"""Help: every command has examples that work, nothing is cut, and misspelt words are answered with near ones."""

import itertools
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from app.cli import COMMANDS, SECTIONS, main
from app.cli.build import build
from app.cli.terminal.commands import BUILD, Command, Group
from app.cli.terminal.options import BuildArgument
from app.cli.terminal.program import INTERRUPTED
from app.cli.terminal.topics import TOPICS
from tests.cli.conftest import Gantry


def walk(group: click.Group, ctx: click.Context) -> Iterator[click.Context]:
    """The contexts of all commands and groups below a group."""
    for name in group.list_commands(ctx):
        found = group.get_command(ctx, name)
        assert found is not None
        inner = click.Context(found, parent=ctx, info_name=name)
        yield inner
        if isinstance(found, click.Group):
            yield from walk(found, inner)


def everything() -> list[click.Context]:
    return list(walk(main, click.Context(main, info_name="gantry", **main.context_settings)))


EVERYTHING = everything()
LEAVES = [ctx for ctx in EVERYTHING if not isinstance(ctx.command, click.Group)]


def path(ctx: click.Context) -> str:
    return ctx.command_path


def reached(line: str) -> click.Command:
    """The command that a command line names, after all of the line was parsed; nothing is run."""
    words = shlex.split(line)
    words = list(itertools.takewhile(lambda word: word not in {"<", ">"}, words))
    assert words[0] == "gantry"
    ctx = main.make_context("gantry", words[1:])
    while isinstance(ctx.command, click.Group):
        name, found, rest = ctx.command.resolve_command(ctx, [*ctx._protected_args, *ctx.args])
        assert found is not None
        ctx = found.make_context(name, rest, parent=ctx)
    return ctx.command


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A current folder with the files that examples name as files that are there."""
    monkeypatch.chdir(tmp_path)
    for name in ("dist/app.zip", "shop-1.0.tar", ".drone.star", "secrets.env"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("ctx", LEAVES, ids=path)
def test_every_command_has_examples_that_parse_and_name_it(ctx: click.Context) -> None:
    assert isinstance(ctx.command, Command)
    assert ctx.command.examples
    for line in ctx.command.examples:
        assert reached(line) is ctx.command


@pytest.mark.parametrize("ctx", LEAVES, ids=path)
def test_the_help_of_a_command_ends_with_its_examples_each_in_one_line(ctx: click.Context) -> None:
    assert isinstance(ctx.command, Command)
    examples = ctx.command.examples

    assert [line.strip() for line in ctx.get_help().splitlines()[-len(examples) :]] == examples


WITH_BUILD = [ctx for ctx in LEAVES if any(isinstance(one, BuildArgument) for one in ctx.command.params)]


@pytest.mark.parametrize("ctx", WITH_BUILD, ids=path)
def test_the_help_of_a_command_that_takes_a_build_says_what_names_one(ctx: click.Context) -> None:
    assert BUILD in " ".join(ctx.get_help().split())


@pytest.mark.parametrize("ctx", EVERYTHING, ids=path)
def test_no_line_of_help_is_cut(ctx: click.Context) -> None:
    assert isinstance(ctx.command, Command | Group)
    assert not [line for line in ctx.get_help().splitlines() if line.endswith("...") and "Usage:" not in line]


@pytest.mark.parametrize("ctx", [one for one in EVERYTHING if isinstance(one.command, click.Group)], ids=path)
def test_a_group_alone_shows_its_help_and_is_no_failure(ctx: click.Context) -> None:
    done = CliRunner().invoke(main, ctx.command_path.split()[1:], prog_name="gantry")

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: {ctx.command_path} ")


def test_the_program_alone_shows_its_commands_in_sections() -> None:
    done = CliRunner().invoke(main, [])

    assert (done.exit_code, done.stderr) == (0, "")
    for title, section in SECTIONS.items():
        shown = done.stdout.partition(f"{title}:\n")[2].partition("\n\n")[0]
        assert [line.split()[0] for line in shown.splitlines()] == list(section)
    topics = done.stdout.partition("Help topics:\n")[2]
    assert [line.split()[0] for line in topics.splitlines()] == list(TOPICS)


@pytest.mark.parametrize("name", ["promote", "rollback", "approve", "decline", "cancel"])
def test_a_verb_at_the_top_is_the_old_spelling_s_command(name: str) -> None:
    ctx = click.Context(main)

    assert main.get_command(ctx, name) is build.get_command(ctx, name)


def test_other_names_of_one_command() -> None:
    ctx = click.Context(main)

    assert main.get_command(ctx, "builds") is build.get_command(ctx, "ls")
    assert build.get_command(ctx, "stop") is build.get_command(ctx, "cancel")


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_shown_as_it_stands(topic: str) -> None:
    done = CliRunner().invoke(main, ["help", topic])

    assert (done.exit_code, done.stdout) == (0, TOPICS[topic].text + "\n")
    assert all(len(line) <= 120 for line in TOPICS[topic].text.splitlines())


@pytest.mark.parametrize("words", [[], ["build"], ["build", "promote"], ["promote"], ["repo", "credentials"]])
def test_help_of_a_command_is_what_its_option_shows(words: list[str]) -> None:
    asked = CliRunner().invoke(main, ["help", *words], prog_name="gantry")

    assert asked.exit_code == 0
    assert asked.stdout == CliRunner().invoke(main, [*words, "--help"], prog_name="gantry").stdout


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["promot"], "No such command 'promot'. Did you mean 'promote'?"),
        (["build", "promot"], "No such command 'promot'. Did you mean 'promote'?"),
        (["exit-codes"], "'exit-codes' is a topic: gantry help exit-codes"),
        (["help", "exit-code"], "'exit-code' is no command and no topic. Did you mean 'exit-codes'?"),
        (["help", "build", "promot"], "'build promot' is no command and no topic. Did you mean 'promote'?"),
        (["help", "whoami", "x"], "'whoami x' is no command and no topic."),
        (["--sever", "x"], "No such option '--sever'. (Did you mean one of: '--server'"),
        (["build", "ls", "a/b", "--brnch", "x"], "No such option '--brnch'. Did you mean '--branch'?"),
        (["collaborator", "set", "a/b", "me", "wirte"], "Did you mean 'write'?"),
        (["repo", "update", "a/b", "--visibility", "pubic"], "Did you mean 'public'?"),
    ],
)
def test_a_misspelt_word_is_answered_with_the_nearest(args: list[str], complaint: str) -> None:
    done = CliRunner().invoke(main, ["-s", "http://127.0.0.1:1", "-t", "x", *args])

    assert (done.exit_code, done.stdout) == (2, "")
    assert complaint in done.stderr


def test_the_summary_of_a_command_stands_in_the_program_s_help() -> None:
    for name, one in COMMANDS.items():
        assert one.summary.endswith("."), name


def test_the_topic_names_the_exit_codes_that_there_are(gantry: Gantry) -> None:
    """130 is seen by the test of an interrupt, and what --follow does with 1 by those of following."""
    codes = [line.split()[0] for line in TOPICS["exit-codes"].text.splitlines() if not line.startswith(" ")]

    assert codes == ["0", "1", "2", str(INTERRUPTED)]
    assert gantry("help").returncode == 0
    assert gantry("whoami").returncode == 1  # the server of the tests does not know the path
    assert gantry("whoami", "--no-such-option").returncode == 2
