"""The outermost group: finds its commands without importing them, and turns errors into messages and exit codes."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

import click

from app.cli.terminal.commands import Group, nearest
from app.cli.terminal.topics import TOPICS
from app.errors import AppError

#: The exit code after an interrupt (Ctrl-C), as shells have it: 128 and the number of the signal.
INTERRUPTED = 130


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

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AppError as error:
            raise click.ClickException(_explain(error)) from error
        except KeyboardInterrupt:
            click.echo(err=True)
            ctx.exit(INTERRUPTED)


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
