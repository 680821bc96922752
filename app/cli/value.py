"""A value that stays secret: out of a file, of standard input, asked for, or of the command line; never shown."""

import sys

import click

from app.cli.terminal import arguments

#: What names it.
METAVAR = "VALUE|@FILE|-"
option = click.option("--data", metavar=METAVAR, help="The value, a file that holds it, or - for standard input.")
argument = click.argument("given", required=False, metavar=f"[{METAVAR}]")


def either(argument: str | None, option: str | None) -> str | None:
    """The value of two places where it may stand; a usage error when it stands in both."""
    if argument is not None and option is not None:
        raise click.UsageError("the value is given twice: as an argument and with --data")
    return option if argument is None else argument


def read(data: str | None) -> str:
    """What `data` names; without it a terminal is asked, and standard input read. A usage error when it is empty."""
    if data is None and sys.stdin.isatty():
        return str(click.prompt("Value", hide_input=True, err=True))
    value = arguments.text(data, "the secret's value", "encode it first, for example with base64")
    if data in (None, "-"):
        value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise click.UsageError("the secret's value is empty: give --data @FILE, or the value on standard input")
    return value
