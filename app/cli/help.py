"""`gantry help`: a topic, or the help of a command."""

import click

from app.cli.terminal.commands import command
from app.cli.terminal.program import Program


@command("help", example=["gantry help exit-codes", "gantry help build create"])
@click.argument("words", nargs=-1, metavar="[TOPIC|COMMAND]...")
@click.pass_context
def help_(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Show a topic, or the help of a command."""
    root = ctx.find_root()
    assert isinstance(root.command, Program)
    click.echo(root.command.help_of(root, words), color=ctx.color)
