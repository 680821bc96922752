"""Pages for people: templates beside this file, rendered with everything escaped."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


@cache
def environment() -> Environment:
    """Where templates come from; filters may be added."""
    return Environment(
        loader=PackageLoader("app.web", "pages"), autoescape=select_autoescape(), undefined=StrictUndefined
    )


def render(name: str, **values: Any) -> str:
    """A template with these values."""
    return environment().get_template(name).render(values)
