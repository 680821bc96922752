"""The templates of the pages: every value is escaped, and a name that a page does not give is an error."""

from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, tzinfo
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from app import size
from app.builds.logs import signs
from app.ui import addresses, views
from app.ui.assets import asset

#: How many parts of pages are kept as HTML, of some 1 to 6 kB each.
KEPT = 3000
#: The clock that the page which is being made shows times by.
_clock: ContextVar[tzinfo] = ContextVar("clock", default=UTC)


class _Views:
    """The functions of `views`, for templates: a time is shown by the clock of the page."""

    def __getattr__(self, name: str) -> Any:
        return getattr(views, name)

    def exact_time(self, then: int) -> str:
        """A time with its zone."""
        return views.exact_time(then, _clock.get())

    def clock(self, then: int) -> str:
        """The time of day."""
        return views.clock(then, _clock.get())

    def clock_of_line(self, then: int) -> str:
        """The time of day, to the second."""
        return views.clock_of_line(then, _clock.get())


_kept: OrderedDict[Hashable, str] = OrderedDict()


def _keep(macro: Any, content: Hashable, *values: Any) -> str:
    """What a macro draws of values. Values of equal content are drawn once, for an open board is drawn every second."""
    key = (macro.name, _clock.get(), content)
    if (drawn := _kept.get(key)) is None:
        drawn = _kept[key] = macro(*values)
        if len(_kept) > KEPT:
            _kept.popitem(last=False)
    else:
        _kept.move_to_end(key)
    return drawn


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
    made.globals.update(asset=asset, addresses=addresses, views=_Views(), signs=signs, size=size.text, keep=_keep)
    return made


@contextmanager
def by_clock_of(values: Mapping[str, Any]) -> Iterator[None]:
    """Show times by the clock of the frame among these values of a template, while the block lasts."""
    frame = values.get("frame")
    token = _clock.set(frame.clock if frame is not None else UTC)
    try:
        yield
    finally:
        _clock.reset(token)


def whole(name: str, **values: Any) -> str:
    """The text of a template with these values."""
    with by_clock_of(values):
        return environment().get_template(name).render(values)
