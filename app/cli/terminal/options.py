"""The parts that commands share: server and token, printing of answers, and types of arguments."""

import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import quote

import click

from app.errors import Invalid

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from app.cli.remote.client import Client, Connection

F = TypeVar("F", bound=Callable[..., Any])
#: Finds what a shell can complete a word to, as click asks for it.
Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem[str]]"]

#: The variables that name the server, and those that hold the token; the first that is set counts.
SERVER_VARIABLES = ("GANTRY_SERVER", "DRONE_SERVER", "GANTRY_URL")
TOKEN_VARIABLES = ("GANTRY_TOKEN", "DRONE_TOKEN")
#: The form of a build's number.
NUMBER_FORM = "[1-9][0-9]{0,17}"
#: Seconds of the units that an age or a period may have.
_UNITS = {"m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Session:
    """The global options. The connection is checked only when a command needs it."""

    server: str
    token: str = field(repr=False)
    as_json: bool
    #: The name of the context that completes server and token; without a name, the context in use does.
    context: str = ""
    #: The expression of jq that selects from the JSON.
    query: str = ""

    def connection(self) -> "Connection":
        """The checked server and token; `click.UsageError` says what to do without one."""
        from app.cli.remote.client import Connection

        server, token = self._kept()
        if not server:
            raise click.UsageError(
                "no server is set: log in with gantry login URL, or set GANTRY_SERVER (or DRONE_SERVER), "
                "for example: export GANTRY_SERVER=http://127.0.0.1:8080"
            )
        if not token:
            raise click.UsageError(
                f"no token is set for {server}: log in with gantry login {server}, or set GANTRY_TOKEN "
                "(or DRONE_TOKEN), for example: export GANTRY_TOKEN=<your token>"
            )
        return Connection.checked(server, token)

    def _kept(self) -> tuple[str, str]:
        """Server and token as they are given, and what is not given as `gantry login` has kept it."""
        server, token = self.server.strip().rstrip("/"), self.token.strip()
        if server and token:
            if self.context:
                from app.cli.terminal import output

                output.write(f"Note: the server and token that are given win over context {self.context}", err=True)
            return server, token
        from app.cli.remote import contexts

        return contexts.read().completed(server, token, self.context)

    @contextmanager
    def client(self) -> Iterator["Client"]:
        """The client of the server: one for all blocks of a command, as a client costs time, and so does to connect."""
        from app.cli.remote.client import Client

        root = click.get_current_context().find_root()
        if CLIENT not in root.meta:
            root.meta[CLIENT] = root.with_resource(Client(self.connection()))
        yield root.meta[CLIENT]

    def show(self, answer: Any, render: Callable[[Any], str]) -> None:
        """Print the server's answer: with --json as JSON, else the text that `render` makes, if there is any."""
        from app.cli.terminal import output

        if self.as_json:
            self.print_json(answer)
        elif text := render(answer):
            output.write(text)

    def print_json(self, value: Any) -> None:
        """Print a value as JSON, or what --jq selects from it."""
        from app.cli.terminal import output

        output.write(output.queried(value, self.query) if self.query else output.as_json(value))

    def tell(self, words: str) -> None:
        """Print what was done, for calls whose answer has no body; with --json print nothing."""
        from app.cli.terminal import output

        if not self.as_json:
            output.write(words)


def _want_json(ctx: click.Context, option: click.Parameter, value: bool | str | None) -> None:
    if not value:
        return
    ctx.meta[JSON] = True
    if isinstance(value, str):
        ctx.meta[QUERY] = value
    if ctx.obj is not None:
        ctx.obj = replace(ctx.obj, as_json=True, query=ctx.meta.get(QUERY, ""))


#: The keys of what the options have said in the context: whether JSON is wanted, and what of it.
JSON, QUERY = f"{__name__}.json", f"{__name__}.query"
#: The key of the command's client in the context.
CLIENT = f"{__name__}.client"
_json = click.option(
    "--json", is_flag=True, expose_value=False, callback=_want_json, help="Print the server's answer as JSON."
)
_jq = click.option(
    "--jq",
    metavar="EXPR",
    expose_value=False,
    callback=_want_json,
    help="Print what a jq expression selects of it.",
)


def json_option(function: F) -> F:
    """Let a command print JSON: all of the answer with --json, a part of it with --jq."""
    return _json(_jq(function))


def completes(kind: Literal["repositories", "builds", "targets", "branches", "contexts"]) -> Completer:
    """Complete a word from what the server knows of a kind."""

    def found(ctx: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem[str]]":
        from app.cli.remote import completion

        return completion.of(kind, ctx, incomplete)

    return found


def slug(value: str) -> str:
    """A repository, as `NAMESPACE/NAME`; groups of GitLab nest, as in `GROUP/SUBGROUP/NAME`."""
    parts = value.split("/")
    if len(parts) < 2 or not all(parts) or {".", ".."} & set(parts) or re.search(r"\s", value):
        raise click.BadParameter(f"{value!r} is not a repository: write NAMESPACE/NAME, as in demo/hello")
    return value


def is_slug(value: str) -> bool:
    """Whether an argument has the form of a repository's name, where it could be another argument as well."""
    return re.fullmatch(r"(?!\.)[\w.-]+(/(?!\.)[\w.-]+)+", value) is not None


def build(value: str) -> str:
    """A word that stands for a build (see `remote.builds`), perhaps after its repository: `acme/web#42`."""
    from app.cli.remote import builds

    repo, _, word = value.rpartition("#")
    try:
        builds.meanings(word if is_slug(repo) else value)
    except Invalid as error:
        raise click.BadParameter(error.message) from error
    return value


def parameter(value: str) -> tuple[str, str]:
    """A build parameter, as `NAME=VALUE`; the value may be empty and may contain `=`."""
    name, equals, text = value.partition("=")
    if not name or not equals:
        raise click.BadParameter(f"{value!r} is not NAME=VALUE")
    return name, text


def minutes(value: str) -> int:
    """Minutes, as a number or as a duration: `90`, `90m`, `1h30m`."""
    match = re.fullmatch(r"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m?)?", value, re.ASCII)
    if not match or not any(match.groups()):
        raise click.BadParameter(f"{value!r} is no time: write minutes, as in 90, or 1h30m")
    return int(match[1] or 0) * 60 + int(match[2] or 0)


def past(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """Unix seconds of a day or time in UTC (ISO 8601), or of an age: `90m`, `12h`, `7d`."""
    return None if value is None else _time(value, -1, "an age")


def ahead(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """Unix seconds of a day or time in UTC (ISO 8601), or of the end of a period from now on: `90m`, `12h`, `7d`."""
    return None if value is None else _time(value, 1, "a period")


def _time(value: str, sign: int, what: str) -> int:
    if found := re.fullmatch(r"([0-9]{1,6})([mhd])", value, re.ASCII):
        return int(time.time()) + sign * int(found[1]) * _UNITS[found[2]]
    try:
        then = datetime.fromisoformat(value)
        seconds = int((then if then.tzinfo else then.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError) as error:
        words = f"{value!r} is no time: write a day or time (UTC), as in 2026-01-31T12:00, or {what}, as in 12h or 7d"
        raise click.BadParameter(words) from error
    return max(seconds, 0)


def confirm(question: str, yes: bool) -> None:
    """Abort unless the user confirms, by `--yes` or at the terminal."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Give --yes if so: there is no terminal to ask at")
    click.confirm(question, abort=True, err=True)


yes_option = click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")
NUMBER = click.IntRange(min=1)


_GIVEN = click.core.ParameterSource.COMMANDLINE


class RepoArgument(click.Argument):
    """A repository as the first argument, which may be left out: see `Command.parse_args`.

    With `from_clone`, the repository is then that of the git clone in the current folder; else there is none.
    """

    def __init__(self, declared: Sequence[str], *, from_clone: bool, **given: Any) -> None:
        super().__init__(declared, required=False, **given)
        self.from_clone = from_clone

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        if ctx.meta.get(NAMED, True):
            super().add_to_parser(parser, ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[str]]":
        """Repositories, and what the next argument can be, for the repository may be left out."""
        given = [one for one in ctx.command.params if ctx.get_parameter_source(one.name or "") is _GIVEN]
        others = [one for one in ctx.command.params if isinstance(one, click.Argument) and one is not self]
        following = next((one for one in others if one not in given), None)
        found = [] if any(one in given for one in others) else completes("repositories")(ctx, self, incomplete)
        return [*found, *(following.shell_complete(ctx, incomplete) if following else ())]


#: The key of what `Command.parse_args` has found in the context: whether the first argument is the repository.
NAMED = f"{__name__}.named"


def repo_argument(*options: str, from_clone: bool = True, without: str = "") -> Callable[[F], F]:
    """Let a command take a repository, as `slug`: first, or with -R, --repo or one more option.

    `without`: what the help says that the command takes else.
    """
    without = without or ("else that of the git clone you are in." if from_clone else "else all.")
    argument = click.argument("slug", cls=RepoArgument, type=slug, metavar="[REPO]", from_clone=from_clone)
    option = click.option(
        *("-R", "--repo", *options, "repo"),
        type=slug,
        metavar="NAMESPACE/NAME",
        shell_complete=completes("repositories"),
        help=f"The repository; {without}",
    )
    return lambda function: option(argument(function))


class BuildArgument(click.Argument):
    """A build, as a word: see `build`. A repository before the word, as in `acme/web#42`, is the command's."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[str]]":
        return completes("builds")(ctx, self, incomplete)


build_argument = click.argument("word", cls=BuildArgument, type=build, metavar="BUILD")
slug_argument = repo_argument()
#: For commands that destroy, or that register what the server does not know: the repository must be named.
named_slug_argument = click.argument(
    "slug", type=slug, metavar="NAMESPACE/NAME", shell_complete=completes("repositories")
)
params_option = click.option(
    "-p",
    "--param",
    "params",
    type=parameter,
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter for the steps; repeatable.",
)


def params_query(params: Iterable[tuple[str, str]], *, reserved: Iterable[str]) -> dict[str, str]:
    """The parameters as a query; the last value of a name wins. Reserved names, which the route reads, are refused."""
    query = dict(params)
    for name in {"access_token", "dry_run", *reserved} & set(query):
        raise click.UsageError(f"-p {name}=… cannot be a parameter: the server gives this name a meaning of its own")
    return query


def repo_path(slug: str, *more: str | int) -> str:
    """The path of a repository's resource in the API, each part escaped."""
    return api_path("repos", *slug.rsplit("/", 1), *more)


def api_path(*parts: str | int) -> str:
    """`/api/…`, each part escaped; a part that a proxy would remove (`.`, `..`, empty) is refused."""
    for part in parts:
        if str(part) in {"", ".", ".."}:
            raise Invalid(f"{part!r} cannot be a name")
    try:
        return "/api/" + "/".join(quote(str(part), safe="") for part in parts)
    except UnicodeEncodeError as error:
        raise Invalid("a name is not valid UTF-8") from error
