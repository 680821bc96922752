"""Reads the pipeline file of a checkout as a server would: the same conversion, parsing and plan."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from app.builds.config.files import Configs
from app.cli.local.checkout import Checkout
from app.convert.convert import Converter, FindTemplate
from app.convert.limits import Limits

F = TypeVar("F", bound=Callable[..., Any])

_templates = click.option(
    "--templates",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder of the templates that the file may load; a server keeps them itself.",
)
_imports = click.option(
    "--jsonnet-imports",
    type=click.IntRange(min=0),
    default=0,
    envvar="GANTRY_JSONNET_IMPORT_LIMIT",
    show_envvar=True,
    help="Files that a Jsonnet file may import, as the server's setting says.",
)


def config_options(command: F) -> F:
    """Give a command the options of how files are read; it gets them as `reads`, which makes Configs of a checkout."""

    @wraps(command)
    def gathered(*args: Any, templates: Path | None, jsonnet_imports: int, **given: Any) -> Any:
        converter = Converter(_finder(templates), Limits(imports=jsonnet_imports))
        return command(*args, reads=lambda checkout: Configs(checkout, converter), **given)

    return cast(F, _templates(_imports(gathered)))


Reads = Callable[[Checkout], Configs]


def _finder(templates: Path | None) -> FindTemplate:
    async def find(_: str, __: str, name: str) -> str | None:
        if templates is None:
            raise click.UsageError(f"the file loads the template {name}, which a server keeps: give --templates FOLDER")
        file = templates / Path(name).name
        return file.read_text(encoding="utf-8") if file.name == name and file.is_file() else None

    return find
