"""The description of the API: as OpenAPI for programs, and as a page for people that loads nothing from other sites."""

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import Any

from markupsafe import Markup, escape
from starlette.requests import Request

from app import DISTRIBUTION
from app.encoding import encode
from app.web import pages
from app.web.errors import ErrorJSON
from app.web.openapi import ErrorOf, Schema, describe
from app.web.reply import CSS, HTML, Encoded, SeeOther
from app.web.route import Endpoint

_METHODS = ("get", "post", "put", "patch", "delete", "options")


def routes(described: Sequence[Endpoint], error_of: ErrorOf = lambda _: ErrorJSON) -> list[Endpoint]:
    """The rows that serve the description of `described` and of themselves. The first request makes the texts."""

    async def openapi(_: Request[Any]) -> Encoded[dict[str, Any]]:
        """This API as an OpenAPI 3.1 document."""
        return Encoded(encode(document()))

    async def docs(_: Request[Any]) -> HTML:
        """This API as a page to read."""
        return HTML(page())

    async def home(_: Request[Any]) -> SeeOther:
        """The first page there is to see: how to use this server."""
        return SeeOther("/docs/api")

    async def style(_: Request[Any]) -> CSS:
        """The style sheet of that page."""
        return CSS((resources.files("app.web") / "pages" / "api.css").read_bytes())

    rows = [
        Endpoint("GET", "/", home, operation="server.home"),
        Endpoint("GET", "/openapi.json", openapi, operation="server.openapi"),
        Endpoint("GET", "/docs/api", docs, operation="server.docs"),
        Endpoint("GET", "/docs/api.css", style, operation="server.style"),
    ]

    @cache
    def document() -> Schema:
        return describe([*described, *rows], version(DISTRIBUTION), error_of)

    @cache
    def page() -> str:
        return render(document())

    return rows


def render(document: Schema) -> str:
    """The page of a document: its operations by tag, in the document's order."""
    sections: dict[str, list[tuple[str, str, Schema]]] = {}
    for path, methods in document["paths"].items():
        for method in filter(methods.__contains__, _METHODS):
            operation = methods[method]
            sections.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    pages.environment().filters |= {"kind": kind, "marked": marked}
    schemas = document["components"]["schemas"]
    return pages.render("api.html", info=document["info"], sections=sections, schemas=schemas)


def marked(text: str) -> Markup:
    """The text escaped, with text in backticks marked as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just here


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
