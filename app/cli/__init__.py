"""The `gantry` command: a subcommand's module is imported only when the subcommand is called."""

import importlib
import os
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import click

from app import DISTRIBUTION
from app.cli.terminal.options import Session, json_option
from app.errors import AppError

__all__ = ["main"]


class Lazy(NamedTuple):
    """The place of a command, as `module:attribute`, and its line in the help of the group."""

    where: str
    summary: str


COMMANDS = {
    "approvals": Lazy("app.cli.approvals:approvals", "List what waits for your approval."),
    "artifact": Lazy("app.cli.artifact:artifact", "Put, get, list, copy, move and remove artifacts."),
    "artifact-repo": Lazy("app.cli.artifact_repo:artifact_repo", "Keep artifact repositories, and who may use them."),
    "audit": Lazy("app.cli.audit:audit", "See, export and verify the record of who did what."),
    "backup": Lazy("app.cli.backup:backup", "Write all that the server keeps into one file, while it runs."),
    "bench": Lazy("app.cli.bench.command:bench", "Measure real servers under load, beside what they should reach."),
    "build-info": Lazy("app.cli.build_info:build_info", "Publish, compare and promote what builds made."),
    "build": Lazy("app.cli.build:build", "List, start, promote, follow, approve, cancel and purge builds."),
    "bundle": Lazy("app.cli.bundle:bundle", "Create, promote, verify and carry release bundles."),
    "collaborator": Lazy("app.cli.collaborator:collaborator", "Say who may do what in a repository."),
    "cron": Lazy("app.cli.cron:cron", "Build or promote by the clock."),
    "encrypt": Lazy("app.cli.encrypt:encrypt", "Encrypt a value for a pipeline file."),
    "environment": Lazy(
        "app.cli.environment:environment", "Keep environments, and the order of promotions through them."
    ),
    "key": Lazy("app.cli.key:key", "Keep the key pairs that sign release bundles."),
    "log": Lazy("app.cli.log:log", "Print the log of a step."),
    "migrate": Lazy("app.cli.migrate:migrate", "Move over from another server."),
    "orgsecret": Lazy("app.cli.orgsecret:orgsecret", "Keep the secrets that the repositories of a namespace share."),
    "outbox": Lazy("app.cli.outbox:outbox", "See what waits to be told to git hosts (administrators)."),
    "queue": Lazy("app.cli.queue:queue", "See, pause and resume the queue (administrators)."),
    "repo": Lazy("app.cli.repo:repo", "Register repositories and their hooks, and change them."),
    "restore": Lazy("app.cli.backup:restore", "Check a backup, and put it into an empty data folder."),
    "runner": Lazy("app.cli.runner:runner", "Run the exec pipelines of a server that is elsewhere."),
    "secret": Lazy("app.cli.secret:secret", "Keep the secrets of a repository."),
    "serve": Lazy("app.cli.serve:serve", "Run the server."),
    "service": Lazy("app.cli.service:service", "Print what a service manager needs to run the server."),
    "sign": Lazy("app.cli.sign:sign", "Sign the pipeline file of a protected repository."),
    "targets": Lazy("app.cli.targets:targets", "Show what runs where, and what was begun there since."),
    "template": Lazy("app.cli.template:template", "Keep the templates of a namespace."),
    "token": Lazy("app.cli.token:token", "Make, list and remove your tokens."),
    "user": Lazy("app.cli.user:user", "Manage accounts (administrators)."),
    "whoami": Lazy("app.cli.whoami:whoami", "Show your account, or where it is logged in."),
}


class LazyGroup(click.Group):
    """A group that knows the names of its commands without importing them."""

    def __init__(self, *args: Any, lazy: Mapping[str, Lazy], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            return None
        module, _, attribute = self._lazy[cmd_name].where.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._lazy[name].summary) for name in self.list_commands(ctx)])


class Program(LazyGroup):
    """The outermost group: prints one message for an error, and ends with an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except AppError as error:
            raise click.ClickException(_explain(error)) from error
        except KeyboardInterrupt:
            click.echo(err=True)
            ctx.exit(130)


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


def _any_text(stream: Any) -> None:
    """Make the stream print characters that its encoding lacks as escapes; otherwise they would raise an error."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")


@click.group(cls=Program, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-s",
    "--server",
    envvar=["GANTRY_SERVER", "DRONE_SERVER", "GANTRY_URL"],
    show_envvar=True,
    metavar="URL",
    help="Address of the server; it may have a path.",
)
@click.option(
    "-t",
    "--token",
    envvar=["GANTRY_TOKEN", "DRONE_TOKEN"],
    show_envvar=True,
    metavar="TOKEN",
    help="Token of your account. Prefer the variable: other users of this machine can see a command line.",
)
@json_option
@click.version_option(package_name=DISTRIBUTION, prog_name="gantry", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context, server: str | None, token: str | None) -> None:
    """Promote builds, and run the server that does it.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted. With --follow, 0 says that the build
    succeeded and 1 that it did not.
    """
    _any_text(sys.stdout)
    _any_text(sys.stderr)
    ctx.color = False if os.environ.get("NO_COLOR") else None
    ctx.obj = Session(server or "", token or "", as_json=ctx.meta.get("json", False))
