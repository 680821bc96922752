"""One region of a page by itself: a script that shows a page asks for the part that may have changed.

A region is a block of the page's template. The request for it is that of the page, with the header `Gantry-Region`.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from app.errors import Invalid, Problem
from app.ui.render import by_clock_of, environment
from app.web.reply import HTML

#: The header that names the region; and the beginning of the names of blocks that are regions.
HEADER, BLOCK = "Gantry-Region", "region_"


def answer(request: Request[Any], region: str, name: str, values: Mapping[str, Any]) -> HTML:
    """The region of a template with these values; 304 where the browser shows it already. Invalid for no region."""
    template = environment().get_template(name)
    block = template.blocks.get(BLOCK + region)
    if block is None:
        known = ", ".join(sorted(one.removeprefix(BLOCK) for one in template.blocks if one.startswith(BLOCK)))
        words = f"this page has no region {region[:80]!r}; it has: {known or 'none'}"
        raise Invalid.of([Problem(HEADER, "unknown_region", words)])
    with by_clock_of(values):
        text = "".join(block(template.new_context(dict(values)))).encode()
    tag = f'W/"{hashlib.sha256(text).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Vary": HEADER}
    if request.headers.get("if-none-match") == tag:
        return HTML(status_code=304, headers=headers)
    return HTML(text, headers=headers)
