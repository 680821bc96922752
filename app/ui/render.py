"""The templates of the pages: every value is escaped, and a name that a page does not give is an error."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from app import size
from app.ui import addresses, views
from app.ui.assets import asset


@cache
def environment() -> Environment:
    """The environment of all templates."""
    made = Environment(
        loader=PackageLoader("app.ui", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(asset=asset, addresses=addresses, views=views, size=size.text)
    return made


def whole(name: str, **values: Any) -> str:
    """The text of a template with these values."""
    return environment().get_template(name).render(values)
