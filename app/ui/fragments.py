"""Regions of a page by themselves: a script that shows a page asks for the parts that may have changed.

A region is a block of the page's template. The request for regions is that of the page, with the header
`Gantry-Region`, which names them with commas between.
The attributes of a region and of what is in it tell `live.js` what to do:

- `<section id="builds" data-live="repo:acme/web">` in the block `region_builds`: the region is asked for again when a
  build of the repository changes; with `data-live="build:acme/web:42"` when this build does, with `data-live="repos"`
  when any build does.
- Rows that come and go have an `id`, so that a row stays the same element, and keeps the focus, when others come.
- The macro `newer` on top of a list: where the list is filtered or scrolled, new rows wait behind this button.
- `data-still`: nothing moves in the region while the pointer is there.
- `data-asks`, for a region in a form: the region is asked for with what is in the form, as soon as that changes; with
  `data-asks="target"`, as soon as the field of this name does.
- `data-own`, which a script sets: what is in this element is the script's, and is left as it is. So the request for
  the region names the element, by its `id`, in the header `Gantry-Own`, and the answer has the element without content.
  After each change the region gets the event `gantry:renewed`.
- `data-title` and `data-icon`: the title of the page and the icon of its tab, from now on.
- The macros `age` and `took` show times that move on by themselves; so the text of a time does not make a region new.
- `data-key="p"` or `data-key="g b"`, anywhere: the keys of `keys.js` that press a link or a button, or focus a box.
- The class `scripted`: what is of use only with scripts, and is not shown without.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from jinja2 import Template
from jinja2.runtime import Context
from starlette.requests import Request

from app.errors import Invalid, Problem
from app.ui.render import by_clock_of, environment
from app.web.reply import HTML

#: The header that names regions; and the beginning of the names of blocks that are regions.
HEADER, BLOCK = "Gantry-Region", "region_"
#: The header that names the element of a region that a script owns.
OWN = "Gantry-Own"
#: The header of an answer that names the account whose region it is; 0 for a region as everybody sees it.
ACCOUNT = "Gantry-Account"
#: What scripts keep up to date by themselves: the text of a time.
_MOVING = re.compile(rb"(<(?:time|span)[^>]* data-(?:age|since)[^>]*>)[^<]*")


def asked(request: Request[Any]) -> Sequence[str]:
    """The regions that a request is for, each once; none for a request for a whole page."""
    named = request.headers.get(HEADER, "")
    return [*dict.fromkeys(one.strip() for one in named.split(","))] if named.strip() else []


def has(request: Request[Any], region: str) -> bool:
    """Whether the answer to a request has this region: a whole page has all of its regions."""
    regions = asked(request)
    return not regions or region in regions


def is_owned(request: Request[Any], element: str) -> bool:
    """Whether the element of this id is the script's, so that the answer needs no content for the element."""
    return bool(asked(request)) and request.headers.get(OWN) == element


def answer(request: Request[Any], regions: Sequence[str], name: str, values: Mapping[str, Any]) -> HTML:
    """The regions of a template with these values; 304 where the browser shows them already.

    Invalid for what is no region of the page.
    """
    template = environment().get_template(name)
    blocks = [_block(template, region) for region in regions]
    with by_clock_of(values):
        context = template.new_context(dict(values))
        text = "".join(part for block in blocks for part in block(context)).encode()
    lasting = _MOVING.sub(rb"\1", text)
    tag = f'W/"{hashlib.sha256(lasting).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Vary": f"{HEADER}, {OWN}", ACCOUNT: str(values["frame"].account)}
    if request.headers.get("if-none-match") == tag:
        return HTML(status_code=304, headers=headers)
    return HTML(text, headers=headers)


def _block(template: Template, region: str) -> Callable[[Context], Iterator[str]]:
    block = template.blocks.get(BLOCK + region)
    if block is None:
        known = ", ".join(sorted(one.removeprefix(BLOCK) for one in template.blocks if one.startswith(BLOCK)))
        words = f"this page has no region {region[:80]!r}; it has: {known or 'none'}"
        raise Invalid.of([Problem(HEADER, "unknown_region", words)])
    return block
