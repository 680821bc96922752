"""Values that a command takes in several ways: as argument or option, as text, file or standard input.

The value of a secret is such a value: it is never shown, and at a terminal the command asks for it.
"""

import sys
from pathlib import Path
from typing import Any

import click

from app.cli.remote.client import Json

#: The ways to give the value of a secret.
VALUE = "VALUE|@FILE|-"
value_option = click.option("--data", metavar=VALUE, help="The value, a file that holds it, or - for standard input.")
value_argument = click.argument("given", required=False, metavar=f"[{VALUE}]")


def either(argument: str | None, option: str | None, what: str) -> str:
    """The argument or the option, whichever is given; UsageError for neither and for both."""
    if argument and option:
        raise click.UsageError(f"{what} is given twice, as {argument!r} and as {option!r}")
    if given := argument or option:
        return given
    raise click.UsageError(f"{what} is missing")


def present(**values: Any) -> Json:
    """A request's body with the values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def text(data: str | None, what: str, way_out: str) -> str:
    """The text of `data`: the content of `@FILE`, standard input for None and `-`, else `data` itself.

    UsageError when the text is not UTF-8.
    """
    try:
        if data is None or data == "-":
            return sys.stdin.buffer.read().decode()
        return content(data[1:], what, way_out) if data.startswith("@") else data
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{what} is not UTF-8 text: {way_out}") from error


def content(file: str, what: str, way_out: str) -> str:
    """The text of a file, with its line ends unchanged; UsageError when the file cannot be read."""
    try:
        return Path(file).read_bytes().decode()
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{what} is not UTF-8 text: {way_out}") from error
    except (OSError, ValueError) as error:
        raise click.UsageError(f"cannot read {file}: {error}") from error


def one_value(argument: str | None, option: str | None) -> str | None:
    """The argument or the option that gives the value of a secret, or None; UsageError for both."""
    if argument is not None and option is not None:
        raise click.UsageError("the value is given twice: as an argument and with --data")
    return option if argument is None else argument


def read_value(data: str | None) -> str:
    """The value of a secret that `data` gives; UsageError when the value is empty.

    Without `data`, asks for the value if standard input is a terminal, and reads standard input otherwise.
    """
    if data is None and sys.stdin.isatty():
        return str(click.prompt("Value", hide_input=True, err=True))
    value = text(data, "the secret's value", "encode it first, for example with base64")
    if data in (None, "-"):
        value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise click.UsageError("the secret's value is empty: give --data @FILE, or the value on standard input")
    return value
