"""The outermost group: finds its commands without importing them, and turns errors into messages and exit codes."""

import importlib
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, NoReturn

import click
from click.shell_completion import CompletionItem

from app.cli.terminal.commands import Group, nearest
from app.cli.terminal.topics import TOPICS
from app.errors import AppError

#: The exit code after an interrupt (Ctrl-C), as shells have it: 128 and the number of the signal.
INTERRUPTED = 130


#: The variable by which a shell asks for completions.
COMPLETE = "_GANTRY_COMPLETE"


class Lazy(NamedTuple):
    """The place of a command, as `module:attribute`, and its line in the help."""

    where: str
    summary: str


class Program(Group):
    """The outermost group. Its commands stand in sections; each command's module is imported when it is called."""

    def __init__(self, *args: Any, lazy: Mapping[str, Mapping[str, Lazy]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sections = lazy
        self._lazy = {name: one for section in lazy.values() for name, one in section.items()}

    def main(self, *args: Any, **extra: Any) -> Any:
        if os.environ.get(COMPLETE, "").endswith("_complete"):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # errors would stand in the line that the user types
        return super().main(*args, **extra)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        """Commands and options; no module of a command is imported."""
        commands = [
            CompletionItem(name, help=one.summary) for name, one in self._lazy.items() if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            return None
        module, _, attribute = self._lazy[cmd_name].where.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def sections(self, ctx: click.Context) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
        commands = [
            (title, [(name, one.summary) for name, one in section.items()]) for title, section in self._sections.items()
        ]
        return [*commands, ("Help topics", [(name, topic.summary) for name, topic in TOPICS.items()])]

    def unknown(self, ctx: click.Context, word: str) -> NoReturn:
        if word in TOPICS:
            raise click.UsageError(f"{word!r} is a topic: gantry help {word}", ctx=ctx)
        super().unknown(ctx, word)

    def help_of(self, ctx: click.Context, words: Sequence[str]) -> str:
        """The text of a topic, or the help of a command that these words name; without words, of the program."""
        if len(words) == 1 and words[0] in TOPICS:
            return TOPICS[words[0]].text
        found: click.Command = self
        for word in words:
            inside = found if isinstance(found, click.Group) else None
            below = inside.get_command(ctx, word) if inside else None
            if below is None:
                known = [*(inside.list_commands(ctx) if inside else ()), *(TOPICS if inside is self else ())]
                raise click.UsageError(f"{' '.join(words)!r} is no command and no topic.{nearest(word, known)}")
            found, ctx = below, click.Context(below, parent=ctx, info_name=word)
        return found.get_help(ctx)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        as_json = "--json" in itertools.takewhile(lambda word: word != "--", args)
        with _told(as_json):
            ctx = super().make_context(info_name, args, parent, **extra)
        ctx.meta[_AS_JSON] = as_json
        return ctx

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _told(ctx.meta[_AS_JSON]):
                return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo(err=True)
            ctx.exit(INTERRUPTED)


#: The key, in a context, of whether errors are printed as JSON. An error may come before the option --json is read.
_AS_JSON = f"{__name__}.as_json"


class Failed(click.ClickException):
    """An error of the domain."""

    def __init__(self, error: AppError) -> None:
        super().__init__(_explain(error))
        self.error = error


class AsJson(click.ClickException):
    """Any error, printed as JSON."""

    def __init__(self, error: click.ClickException | click.Abort) -> None:
        super().__init__(str(error))
        self.body = _body(error)

    def show(self, file: Any = None) -> None:
        from app.cli.terminal.output import as_json

        click.echo(as_json(self.body), file=file, err=True)


class UsageAsJson(AsJson):
    """A wrong usage, printed as JSON."""

    exit_code = click.UsageError.exit_code


def _body(error: click.ClickException | click.Abort) -> dict[str, Any]:
    """An error in the form of the server's errors."""
    if isinstance(error, Failed):
        problems = getattr(error.error, "problems", ())
        listed = [{"field": one.field, "code": one.code, "message": one.message} for one in problems]
        return {"code": error.error.code, "message": error.error.message, "errors": listed}
    if isinstance(error, click.Abort):
        return {"code": "aborted", "message": "Aborted", "errors": []}
    code = "usage" if isinstance(error, click.UsageError) else "error"
    return {"code": code, "message": error.format_message(), "errors": []}


@contextmanager
def _told(as_json: bool) -> Iterator[None]:
    """Make errors of the domain errors of the command line; all errors are printed as JSON if that is wanted."""
    try:
        try:
            yield
        except AppError as error:
            raise Failed(error) from error
    except (click.ClickException, click.Abort) as error:
        if not as_json:
            raise
        raise (UsageAsJson if isinstance(error, click.UsageError) else AsJson)(error) from error


def wants_colours(environment: Mapping[str, str]) -> bool | None:
    """What NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE and CLICOLOR say, the first first; None: colours on a terminal."""
    if environment.get("NO_COLOR"):
        return False
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE"):
        if environment.get(name, "0").lower() not in ("", "0", "false"):
            return True
    return False if environment.get("CLICOLOR") == "0" else None


def _explain(error: AppError) -> str:
    """The error's message, and below it each problem if there are several."""
    from app.cli.terminal.output import printable

    problems = getattr(error, "problems", ())
    if len(problems) < 2:
        return printable(error.message)
    listed = [f"  {p.message}" if p.field in p.message else f"  {p.field}: {p.message}" for p in problems]
    repeated = all(p.message in error.message for p in problems)
    head = f"{len(problems)} problems:" if repeated else error.message
    return printable("\n".join([head, *listed]))
