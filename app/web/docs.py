"""The description of the API: as OpenAPI for programs, and as a page for people that loads nothing from other sites.

The texts are made at the first request, in a thread, and kept. A search is answered from the parts of the page.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib import resources
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

from markupsafe import Markup, escape
from starlette.requests import Request

from app import DISTRIBUTION, threads
from app.encoding import encode
from app.web import body, pages
from app.web.codes import Code
from app.web.errors import ErrorJSON
from app.web.examples import Example
from app.web.kept import Kept
from app.web.openapi import ErrorOf, Schema, describe
from app.web.reply import CSS, HTML, Encoded, JavaScript
from app.web.route import Endpoint, Param

_METHODS = ("get", "post", "put", "patch", "delete", "options")
#: Characters of a search that are read.
_LONGEST_SEARCH = 100
#: So many operations that a search finds are shown open.
_OPEN = 3


def routes(
    described: Sequence[Endpoint],
    error_of: ErrorOf = lambda _: ErrorJSON,
    codes: Sequence[Code] = (),
    examples: Mapping[str, Example] = MappingProxyType({}),
) -> list[Endpoint]:
    """The rows that serve the description of `described` and of themselves; the rest is as in `describe`."""

    async def openapi(request: Request[Any]) -> Encoded[dict[str, Any]]:
        """This API as an OpenAPI 3.1 document."""
        return Encoded(*(await threads.run(text)).form(request))

    async def docs(request: Request[Any]) -> HTML:
        """This API as a page to read; with `q`, the routes that have all its words."""
        search = body.query(request).get("q", "").strip()[:_LONGEST_SEARCH]
        if search:
            return HTML((await threads.run(page)).found(search))
        text, headers = (await threads.run(whole)).form(request)
        return HTML(text, headers=dict(headers))

    async def style(_: Request[Any]) -> CSS:
        """The style sheet of that page."""
        return CSS(_file("api.css"))

    async def script(_: Request[Any]) -> JavaScript:
        """The script of that page: a search while one types. The page works without it."""
        return JavaScript(_file("api.js"))

    rows = [
        Endpoint("GET", "/openapi.json", openapi, operation="server.openapi"),
        Endpoint("GET", "/docs/api", docs, operation="server.docs", query=[Param("q", "Words to search for.")]),
        Endpoint("GET", "/docs/api.css", style, operation="server.style"),
        Endpoint("GET", "/docs/api.js", script, operation="server.script"),
    ]

    @cache
    def document() -> Schema:
        return describe([*described, *rows], version(DISTRIBUTION), error_of, codes, examples)

    @cache
    def text() -> Kept:
        return Kept(encode(document()))

    @cache
    def page() -> Page:
        return Page(document(), codes)

    @cache
    def whole() -> Kept:
        return Kept(page().whole().encode())

    return rows


def _file(name: str) -> bytes:
    return (resources.files("app.web") / "pages" / name).read_bytes()


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the page: its section, the text that is searched, and its part of the page."""

    tag: str
    text: str
    html: Markup


class Page:
    """The page of a document: its operations by tag in the document's order, the codes of errors, the schemas."""

    def __init__(self, document: Schema, codes: Sequence[Code]) -> None:
        pages.environment().filters |= {"kind": kind, "marked": marked, "shown": shown}
        self._document = document
        self._codes: dict[str, list[Code]] = {}
        for code in codes:
            self._codes.setdefault(f"{code.status} {HTTPStatus(code.status).phrase}", []).append(code)
        self._operations = [
            self._operation(method, path, methods[method])
            for path, methods in document["paths"].items()
            for method in _METHODS
            if method in methods
        ]

    def _operation(self, method: str, path: str, operation: Schema) -> Operation:
        name, tag = operation["operationId"], operation["tags"][0]
        responses = {status: self._response(one) for status, one in operation["responses"].items()}
        explained = {key.partition(" ")[0] for key in self._codes}
        html = pages.render(
            "operation.html",
            path=path,
            method=method.upper(),
            operation=operation,
            responses=responses,
            codes=explained,
        )
        text = f"{method} {path} {operation['summary']} {tag} {name}".lower()
        return Operation(tag, text, Markup(html))  # noqa: S704 - the template escapes

    def _response(self, response: Schema) -> Schema:
        name = str(response.get("$ref", "")).rpartition("/")[2]
        found: Schema = self._document["components"]["responses"][name] if name else response
        return found

    def whole(self) -> str:
        """The page with everything."""
        schemas = self._document["components"]["schemas"]
        return self._render(self._operations, lambda one: one.html, schemas=schemas, codes=self._codes)

    def found(self, search: str) -> str:
        """The page with the operations that have all words of a search, in any letter case; a few of them open."""
        words = search.lower().split()
        found = [one for one in self._operations if all(word in one.text for word in words)]
        few = len(found) <= _OPEN
        return self._render(found, lambda one: _opened(one.html) if few else one.html, search=search)

    def _render(self, found: Sequence[Operation], part: Callable[[Operation], Markup], **more: Any) -> str:
        sections: dict[str, list[Markup]] = {}
        for one in found:
            sections.setdefault(one.tag, []).append(part(one))
        info = self._document["info"]
        return pages.render("api.html", info=info, sections=sections, count=len(found), **more)


def _opened(html: Markup) -> Markup:
    return Markup(str(html).replace("<details", "<details open", 1))  # noqa: S704 - a part of the page, made by its template


def marked(text: str) -> Markup:
    """The text escaped, with text in backticks marked as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just here


def shown(example: Any) -> str:
    """An example of a body as it is read: a text as it is, everything else as JSON with indentation."""
    return example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)


def kind(schema: Schema) -> str:
    """A schema in a few words: `integer`, `list of StepJSON`, `one of "public", "private"`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(kind(part) for part in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return "one of " + ", ".join(str(value) for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {kind(schema.get('items', {}))}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {kind(schema['additionalProperties'])}"
    return str(schema.get("type", "anything"))
