"""A value that stays secret: out of a file, of standard input, asked for, or of the command line; never shown."""

import sys
from pathlib import Path

import click

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
    value = _read(data)
    if not value:
        raise click.UsageError("the secret's value is empty: give --data @FILE, or the value on standard input")
    return value


def _read(data: str | None) -> str:
    try:
        if data is None or data == "-":
            return _without_line_end(sys.stdin.buffer.read().decode())
        return Path(data[1:]).read_bytes().decode() if data.startswith("@") else data
    except UnicodeDecodeError as error:
        raise click.UsageError(
            "the secret's value is not UTF-8 text: encode it first, for example with base64"
        ) from error
    except (OSError, ValueError) as error:
        raise click.UsageError(f"cannot read {data[1:] if data else 'standard input'}: {error}") from error


def _without_line_end(value: str) -> str:
    return value.removesuffix("\n").removesuffix("\r")
