"""What a command is given in one of several ways: argument or option, value or file or standard input."""

import sys
from pathlib import Path
from typing import Any

import click

from app.cli.remote.client import Json


def either(argument: str | None, option: str | None, what: str) -> str:
    """The one that is there; UsageError for none and for both."""
    if argument and option:
        raise click.UsageError(f"{what} is given twice, as {argument!r} and as {option!r}")
    if given := argument or option:
        return given
    raise click.UsageError(f"{what} is missing")


def present(**values: Any) -> Json:
    """A body of what was given; what is None was not."""
    return {name: value for name, value in values.items() if value is not None}


def text(data: str | None, what: str, way_out: str) -> str:
    """A value as it is, the content of `@FILE`, or for None and `-` standard input; UsageError when it is no text."""
    try:
        if data is None or data == "-":
            return sys.stdin.buffer.read().decode()
        return content(data[1:], what, way_out) if data.startswith("@") else data
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{what} is not UTF-8 text: {way_out}") from error


def content(file: str, what: str, way_out: str) -> str:
    """The text of a file, line ends and all; UsageError when it cannot be read."""
    try:
        return Path(file).read_bytes().decode()
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{what} is not UTF-8 text: {way_out}") from error
    except (OSError, ValueError) as error:
        raise click.UsageError(f"cannot read {file}: {error}") from error
