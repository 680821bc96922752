"""The `gantry` command: a subcommand's module is imported only when the subcommand is called."""

import os
import sys
from typing import Any

import click

from app import DISTRIBUTION
from app.cli.terminal.options import JSON, QUERY, SERVER_VARIABLES, TOKEN_VARIABLES, Session, completes, json_option
from app.cli.terminal.program import Lazy, Program, wants_colours

__all__ = ["main"]

#: The sections of the help, each with its commands. A command may stand at the top and in a group: one implementation.
SECTIONS = {
    "Core commands": {
        "promote": Lazy("app.cli.build:promote", "Promote a build or a commit to a target."),
        "rollback": Lazy("app.cli.build:rollback", "Roll a target back to a build."),
        "approve": Lazy("app.cli.build:approve", "Let what is blocked of a build run."),
        "decline": Lazy("app.cli.build:decline", "Refuse what is blocked of a build, and with it the build."),
        "cancel": Lazy("app.cli.build:cancel", "Stop a build."),
        "watch": Lazy("app.cli.watch:watch", "Watch a build until it has ended."),
        "builds": Lazy("app.cli.build:ls", "List the builds of a repository, the newest first."),
        "build": Lazy("app.cli.build:build", "List, start, promote, follow, approve, cancel and purge builds."),
        "targets": Lazy("app.cli.targets:targets", "Show what runs where, and what was begun there since."),
        "approvals": Lazy("app.cli.approvals:approvals", "List what waits for your approval."),
        "log": Lazy("app.cli.log:log", "Print the log of a step, or a part of it."),
        "search": Lazy("app.cli.search:search", "Find a repository, a build, a commit or a target."),
        "lint": Lazy("app.cli.lint:lint", "Say what a pipeline file would start, and what is wrong with it."),
        "open": Lazy("app.cli.browse:browse", "Show a build, or the board, in the browser."),
        "exec": Lazy("app.cli.execute:execute", "Run the exec pipelines of a file here, without a server."),
        "login": Lazy("app.cli.login:login", "Keep the token of a server, and use that server from now on."),
        "logout": Lazy("app.cli.login:logout", "Forget the token of a server: of the context in use, or another."),
        "context": Lazy("app.cli.context:context", "List the servers that you are logged in to; say which to use."),
        "whoami": Lazy("app.cli.whoami:whoami", "Show your account, or where it is logged in."),
        "disconnect": Lazy("app.cli.disconnect:disconnect", "Take an account at a git host away from yours here."),
        "completion": Lazy("app.cli.completion:completion", "Print what completes commands in your shell."),
        "help": Lazy("app.cli.help:help_", "Show a topic, or the help of a command."),
    },
    "Repository commands": {
        "repo": Lazy("app.cli.repo:repo", "Register repositories and their hooks, and change them."),
        "secret": Lazy("app.cli.secret:secret", "Keep the secrets of a repository."),
        "orgsecret": Lazy("app.cli.orgsecret:orgsecret", "Keep the secrets that a namespace's repositories share."),
        "template": Lazy("app.cli.template:template", "Keep the templates of a namespace."),
        "cron": Lazy("app.cli.cron:cron", "Build or promote by the clock."),
        "collaborator": Lazy("app.cli.collaborator:collaborator", "Say who may do what in a repository."),
        "webhook": Lazy("app.cli.webhook:webhook", "Tell other programs and chats what happens."),
        "sign": Lazy("app.cli.sign:sign", "Sign the pipeline file of a protected repository."),
        "encrypt": Lazy("app.cli.encrypt:encrypt", "Encrypt a value for a pipeline file."),
        "artifact": Lazy("app.cli.artifact:artifact", "Put, get, list, copy, move and remove artifacts."),
        "build-info": Lazy("app.cli.build_info:build_info", "Publish, compare and promote what builds made."),
        "bundle": Lazy("app.cli.bundle:bundle", "Create, promote, verify and carry release bundles."),
    },
    "Administration commands": {
        "chat": Lazy("app.cli.chat:chat", "Link what you are in a chat to your account here."),
        "token": Lazy("app.cli.token:token", "Make, list and remove your tokens."),
        "user": Lazy("app.cli.user:user", "Manage accounts (administrators)."),
        "artifact-repo": Lazy("app.cli.artifact_repo:artifact_repo", "Keep artifact repositories and their rights."),
        "environment": Lazy("app.cli.environment:environment", "Keep environments and the order of promotions."),
        "key": Lazy("app.cli.key:key", "Keep the key pairs that sign release bundles."),
        "queue": Lazy("app.cli.queue:queue", "See, pause and resume the queue (administrators)."),
        "outbox": Lazy("app.cli.outbox:outbox", "See what waits to be told to git hosts (administrators)."),
        "audit": Lazy("app.cli.audit:audit", "See, export and verify the record of who did what."),
    },
    "Server commands": {
        "serve": Lazy("app.cli.serve:serve", "Run the server."),
        "service": Lazy("app.cli.service:service", "Print what a service manager needs to run the server."),
        "runner": Lazy("app.cli.runner:runner", "Run the exec pipelines of a server that is elsewhere."),
        "backup": Lazy("app.cli.backup:backup", "Write all that the server keeps into one file, while it runs."),
        "restore": Lazy("app.cli.backup:restore", "Check a backup, and put it into an empty data folder."),
        "migrate": Lazy("app.cli.migrate:migrate", "Move over from another server."),
        "bench": Lazy("app.cli.bench.command:bench", "Measure real servers under load, beside what they should reach."),
    },
}
COMMANDS = {name: one for section in SECTIONS.values() for name, one in section.items()}


def _any_text(stream: Any) -> None:
    """Make the stream print characters that its encoding lacks as escapes; otherwise they would raise an error."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")


@click.group(cls=Program, lazy=SECTIONS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-s",
    "--server",
    envvar=SERVER_VARIABLES,
    show_envvar=True,
    metavar="URL",
    help="Address of the server; it may have a path.",
)
@click.option(
    "-t",
    "--token",
    envvar=TOKEN_VARIABLES,
    show_envvar=True,
    metavar="TOKEN",
    help="Token of your account. Prefer the variable: other users of this machine can see a command line.",
)
@click.option(
    "--context",
    metavar="NAME",
    shell_complete=completes("contexts"),
    help="A server that you are logged in to; see gantry context.",
)
@json_option
@click.version_option(package_name=DISTRIBUTION, prog_name="gantry", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context, server: str | None, token: str | None, context: str | None) -> None:
    """Promote builds, and run the server that does it.

    The exit code is 0 only when what was asked for is done: see gantry help exit-codes.
    """
    _any_text(sys.stdout)
    _any_text(sys.stderr)
    ctx.color = wants_colours(os.environ)
    ctx.obj = Session(server or "", token or "", ctx.meta.get(JSON, False), context or "", ctx.meta.get(QUERY, ""))
