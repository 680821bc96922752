"""The kinds of commands, groups and choices that all of the command line is made of.

Each command has examples, which its help shows. A group without a command shows its help. A misspelt word is answered
with the nearest words that are known.
"""

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

import click

from app.cli.terminal.options import NAMED, BuildArgument, RepoArgument, is_slug

__all__ = ["Command", "Group", "OneOf", "command", "group", "nearest"]

#: What the help of each command that takes a build says of the build.
BUILD = "BUILD is a number, last, last:success, a branch, a tag or a commit; acme/web#42 names the repository as well."


def nearest(word: str, known: Iterable[str]) -> str:
    """A sentence, in the words of click, with the known words most like this one, after a space; empty for none."""
    found = [repr(one) for one in get_close_matches(word, list(known))]
    if len(found) > 1:
        return f" (Did you mean one of: {', '.join(found)}?)"
    return f" Did you mean {found[0]}?" if found else ""


class OneOf(click.Choice[str]):
    """One of some words."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        return super().get_invalid_choice_message(value, ctx) + nearest(str(value), self.choices)


class Command(click.Command):
    """A command with an example or several: command lines as a user types them.

    The repository of a command is its first argument, or an option, or that of the git clone in the current folder.
    """

    def __init__(self, *args: Any, example: str | Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = [example] if isinstance(example, str) else list(example)
        self._repo = next((one for one in self.params if isinstance(one, RepoArgument)), None)
        self._build = next((one.name for one in self.params if isinstance(one, BuildArgument)), None)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if ctx.resilient_parsing and args and args[-1].startswith("-"):
            args = args[:-1]  # the option whose value a shell completes: click would give up all arguments for it
        if self._repo is None:
            return super().parse_args(ctx, args)
        arguments = [one for one in self.params if isinstance(one, click.Argument) and one is not self._repo]
        given, option = self._split(ctx, args)
        # While a shell completes a word, the number of arguments is not known yet.
        named = bool(given) and is_slug(given[0]) if ctx.resilient_parsing else first_is_repository(given, arguments)
        if named and option and is_slug(given[0]) and not ctx.resilient_parsing:
            raise click.UsageError(f"the repository is given twice, as {given[0]!r} and as {option!r}", ctx)
        ctx.meta[NAMED] = named and not option
        rest = super().parse_args(ctx, args)
        if option := ctx.params.pop("repo"):
            ctx.params["slug"] = option
        if self._build is not None:
            self._split_build(ctx, self._build)
        return rest

    @staticmethod
    def _split_build(ctx: click.Context, name: str) -> None:
        """Take the repository of a build such as `acme/web#42` as the command's."""
        repo, _, word = str(ctx.params[name]).rpartition("#")
        if not is_slug(repo):
            return
        if ctx.params["slug"] not in (None, repo) and not ctx.resilient_parsing:
            raise click.UsageError(f"the repository is given twice, as {ctx.params['slug']!r} and as {repo!r}", ctx)
        ctx.params |= {"slug": repo, name: word}

    def _split(self, ctx: click.Context, args: list[str]) -> tuple[Sequence[str], str]:
        """The arguments without the options between them, and the option that names the repository."""
        options = [one for one in self.get_params(ctx) if isinstance(one, click.Option)]
        every = click.Command(None, params=[*options, click.Argument(["given"], nargs=-1)], add_help_option=False)
        found, _, _ = every.make_parser(ctx).parse_args(list(args))
        given, option = found.get("given"), found.get("repo")  # what is not given has a value of click's own
        return given if isinstance(given, tuple) else (), option if isinstance(option, str) else ""

    def invoke(self, ctx: click.Context) -> Any:
        if self._repo is not None and self._repo.from_clone and ctx.params["slug"] is None:
            ctx.params["slug"] = _repository_here(ctx)
        return super().invoke(ctx)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_help_text(ctx, formatter)
        if self._build is not None:
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(BUILD)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples" if len(self.examples) > 1 else "Example"):
            for line in self.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
        super().format_epilog(ctx, formatter)


class Group(click.Group):
    """A group of commands; its help says the whole first sentence of each command."""

    command_class = Command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), color=ctx.color)
            ctx.exit()
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing:
            self.unknown(ctx, args[0])
        return super().resolve_command(ctx, args)

    def unknown(self, ctx: click.Context, word: str) -> NoReturn:
        """Refuse a word that is no command of the group."""
        raise click.UsageError(f"No such command {word!r}.{nearest(word, self.list_commands(ctx))}", ctx=ctx)

    def sections(self, ctx: click.Context) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
        """The titles of the help's sections, each with its commands and what they do."""
        found = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        return [("Commands", [(name, summary(one)) for name, one in found if one and not one.hidden])]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, rows in self.sections(ctx):
            with formatter.section(title):
                formatter.write_dl(rows)


def first_is_repository(given: Sequence[str], others: Sequence[click.Argument]) -> bool:
    """Whether the first of the arguments that are given is the repository. `others`: what else the command takes.

    The number of arguments decides where that is possible, elsewhere the form of the first argument.
    """
    fewest = sum(abs(one.nargs) for one in others if one.required)
    most = sum(abs(one.nargs) for one in others) if all(one.nargs > 0 for one in others) else len(given)
    if len(given) > most:
        return True
    return bool(given) and len(given) != fewest and is_slug(given[0])


def _repository_here(ctx: click.Context) -> str:
    """The repository of the git clone in the current folder."""
    from app.cli.remote import clone

    try:
        with ctx.obj.client() as client:
            return clone.repository(client)
    except clone.NoRemote as error:
        way_out = "name it first, as in demo/hello, or with -R"
        raise click.UsageError(f"no repository is given, and {error.message}: {way_out}", ctx) from error


def summary(one: click.Command) -> str:
    """The first line of a command's help, whole."""
    return (one.help or "").partition("\n")[0]


def command(
    name: str | None = None, *, example: str | Sequence[str], **given: Any
) -> Callable[[Callable[..., Any]], Command]:
    """Make a command of a function."""
    return click.command(name, cls=Command, example=example, **given)


def group(name: str | None = None) -> Callable[[Callable[..., Any]], Group]:
    """Make a group of a function."""
    return click.group(name, cls=Group)
