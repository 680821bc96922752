"""The API's description, OpenAPI 3.1, made from the rows that route and check requests, so both always agree."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from inspect import getdoc, signature
from types import MappingProxyType
from typing import Any, TypeAlias, get_args, get_origin

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode
from starlette.responses import Response

from app.web.codes import Code
from app.web.errors import ErrorJSON
from app.web.examples import PARAMETER, Example, body, curl, form, value
from app.web.failures import Failures
from app.web.reply import HTML, JSON, Empty, Encoded, Lines, Made, Piped, SeeOther
from app.web.route import Endpoint, Param

Schema = dict[str, Any]
ErrorOf: TypeAlias = Callable[[Endpoint], Any]

_SCHEMES: Schema = {
    "token": {"type": "http", "scheme": "bearer", "description": "The token of an account."},
    "query": {"type": "apiKey", "in": "query", "name": "access_token", "description": "The same, in the address."},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "_session_", "description": "A browser's session."},
}


def describe(
    rows: Sequence[Endpoint],
    version: str,
    error_of: ErrorOf = lambda _: ErrorJSON,
    codes: Sequence[Code] = (),
    examples: Mapping[str, Example] = MappingProxyType({}),
) -> Schema:
    """The whole document. `error_of` gives the type of the body of a row's errors, `codes` are the codes of errors.

    `examples` complete the examples of operations, by their names.
    """
    schemas = _Schemas()
    failures = Failures(schemas.of, codes)
    paths: Schema = {}
    for row in rows:
        paths.setdefault(str(row.path), {})[row.method.lower()] = _operation(row, schemas, failures, error_of(row))
    components, found = schemas.resolved({"paths": paths, "responses": failures.made})
    by_reference = {f"{_COMPONENTS}{name}": schema for name, schema in components.items()}
    failures.show(found["responses"], by_reference)
    for row in rows:
        shown = examples.get(row.operation, Example())
        _show(found["paths"][str(row.path)][row.method.lower()], row, shown, by_reference)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Gantry", "version": version, "description": _ABOUT, "license": {"name": "Apache-2.0"}},
        "paths": found["paths"],
        "components": {"schemas": components, "responses": found["responses"], "securitySchemes": _SCHEMES},
        "x-error-codes": [
            {"code": one.name, "status": one.status, "means": one.means, "wayOut": one.way_out} for one in codes
        ],
    }


_ABOUT = (
    "Promote builds, and all that belongs to it, over Drone's API. Times are Unix seconds, 0 = not yet. Keys that are "
    "not required are left out when they are empty. Every path may end with a slash. Errors say what is wrong in "
    "`message`, for programs in `code`, and one by one in `errors`; the table of the codes is at `/docs/api#codes`."
)
_COMPONENTS = "#/components/schemas/"


class _Schemas:
    """Collects the types of bodies and answers, and makes the schemas of all of them together."""

    def __init__(self) -> None:
        self._wanted: dict[str, tuple[Any, JsonSchemaMode]] = {}

    def of(self, kind: Any, mode: JsonSchemaMode = "serialization") -> Schema:
        """A placeholder for the schema of a type, which `resolved` replaces."""
        key = f"{mode} {kind!r}"
        self._wanted[key] = (kind, mode)
        return {"schema": {"$later": key}}

    def resolved(self, described: Schema) -> tuple[Schema, Schema]:
        """The named schemas, and the description with every placeholder replaced by its schema."""
        made, rest = TypeAdapter.json_schemas(
            [(key, mode, TypeAdapter(kind)) for key, (kind, mode) in self._wanted.items()],
            ref_template=_COMPONENTS + "{model}",
        )
        found = {str(key[0]): schema for key, schema in made.items()}
        return rest.get("$defs", {}), _replaced(described, found)


def _replaced(value: Any, found: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        if "$later" in value:
            return found[value["$later"]]
        return {key: _replaced(item, found) for key, item in value.items()}
    return [_replaced(item, found) for item in value] if isinstance(value, list) else value


def _operation(row: Endpoint, schemas: _Schemas, failures: Failures, error: Any) -> Schema:
    summary, _, more = (getdoc(row.handler) or "").partition("\n\n")
    operation: Schema = {
        "operationId": row.operation,
        "tags": [row.tag],
        "summary": " ".join(summary.split()),
        "description": "\n\n".join(filter(None, (more, f"For: {row.needs.means}", _scope(row)))),
        "parameters": [*_path_parameters(row), *_query_parameters(row), *_header_parameters(row)],
        "responses": dict(sorted({**failures.of(row, error), **_answers(row, schemas)}.items())),
        "security": _security(row),
    }
    if content := _body(row, schemas):
        operation["requestBody"] = {"content": content, "required": row.body is not None}
    return operation


def _scope(row: Endpoint) -> str:
    """What a token must be good for, if a token may be needed."""
    if not row.needs.refusals:
        return ""
    if row.needs.judges_scope:
        return "Scope of a token: any; the scope bounds what the call may do."
    return f"Scope of a token: `{row.scope}`."


def _security(row: Endpoint) -> list[Schema]:
    known: list[Schema] = [{name: []} for name in _SCHEMES]
    return [*known, {}] if row.needs.strangers else known


def _path_parameters(row: Endpoint) -> Iterator[Schema]:
    for word in row.path.words:
        yield {
            "name": word.name,
            "in": "path",
            "required": True,
            "description": word.means,
            "schema": {"type": "integer" if isinstance(word.example, int) else "string"},
            "example": word.example,
        }


def _query_parameters(row: Endpoint) -> Iterator[Schema]:
    for param in row.query:
        yield {
            "name": param.name,
            "in": "query",
            "required": param.required,
            "description": param.means,
            "schema": {"type": "string"},
            **({"example": param.example} if param.example else {}),
        }
    if row.free:
        yield {
            "name": "parameters",
            "in": "query",
            "description": "Every other word is a parameter of the build, an environment variable of its steps.",
            "style": "form",
            "explode": True,
            "schema": {"type": "object", "additionalProperties": {"type": "string"}},
            "example": PARAMETER,
        }


def _header_parameters(row: Endpoint) -> Iterator[Schema]:
    for header in row.headers:
        yield {
            "name": header.name,
            "in": "header",
            "required": header.required,
            "description": header.means,
            "schema": {"type": "string"},
            **({"example": header.example} if header.example else {}),
        }


def _body(row: Endpoint, schemas: _Schemas) -> Schema:
    content: Schema = {}
    if row.body is not None:
        content["application/json"] = schemas.of(row.body, "validation")
    if form := [param for param in row.query if param.form]:
        content["application/x-www-form-urlencoded"] = {"schema": _form(form)}
    return content


def _form(params: Sequence[Param]) -> Schema:
    words = {param.name: {"type": "string", "description": param.means} for param in params}
    return {"type": "object", "properties": words}


def _answers(row: Endpoint, schemas: _Schemas) -> Schema:
    """The answers by status, from the handler's return type."""
    annotation = signature(row.handler).return_annotation
    kinds = [annotation] if isinstance(annotation, type) or get_origin(annotation) in _JSON else get_args(annotation)
    answers: Schema = {}
    for kind in kinds:
        status, content = _answer(kind, schemas)
        answer = answers.setdefault(status, {"description": HTTPStatus(int(status)).phrase})
        for media, schema in content.items():
            _add(answer.setdefault("content", {}), media, schema)
    return answers


_JSON = (JSON, Made, Encoded, Piped, Lines)


def _answer(kind: Any, schemas: _Schemas) -> tuple[str, Schema]:
    if (origin := get_origin(kind)) in _JSON:
        return str(getattr(origin, "status", 200)), {origin.media_type: schemas.of(get_args(kind)[0])}
    if isinstance(kind, type) and issubclass(kind, Empty):
        return str(kind.status), {}
    if kind is SeeOther:
        return "303", {}
    media: str | None = kind.media_type
    status = str(getattr(kind, "status", 200))
    return status, {media: {"schema": {"type": "string"}}} if kind is not Response and media else {}


def _add(content: Schema, media: str, more: Schema) -> None:
    """Add a schema for a media type; with several schemas, any of them may apply."""
    if media in content:
        content[media] = {"schema": {"anyOf": [content[media]["schema"], more["schema"]]}}
    else:
        content[media] = more


def _show(operation: Schema, row: Endpoint, example: Example, components: Mapping[str, Schema]) -> None:
    """Add the examples of an operation: the call of curl, the bodies of the request and of the success."""
    operation["x-codeSamples"] = [{"lang": "Shell", "label": "curl", "source": curl(row, example)}]
    sent = {"application/json": body(row, example), "application/x-www-form-urlencoded": form(row)}
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        content.update({"example": sent[media]} if sent.get(media) else {})
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            _show_answer(answer.get("content", {}), example, components)


def _show_answer(contents: Schema, example: Example, components: Mapping[str, Schema]) -> None:
    """Add the example of an answer for each media type: of JSON by its type or as told, of text as told."""
    told = example.answer
    for media, content in contents.items():
        if media in _OF_TYPES:
            is_told = told is not None and not isinstance(told, str)
            content["example"] = told if is_told else value(content["schema"], components, example.known)
        elif isinstance(told, str) and media != HTML.media_type:
            content["example"] = told


#: Media types whose examples follow from the type of the answer.
_OF_TYPES = (JSON.media_type, Lines.media_type)
