"""Pages for people: templates in this folder, rendered with all values escaped."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


@cache
def environment() -> Environment:
    """The environment of the templates; callers may add filters."""
    return Environment(
        loader=PackageLoader("app.web", "pages"), autoescape=select_autoescape(), undefined=StrictUndefined
    )


def render(name: str, **values: Any) -> str:
    """The text of a template with these values."""
    return environment().get_template(name).render(values)
