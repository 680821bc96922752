"""Reads the bodies, queries and path numbers of requests; checks their size before it parses them."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from starlette.requests import Request

from app.errors import Invalid, Problem, TooLarge
from app.web.route import row

#: The most bytes of a request's body that are read, unless the route gives another limit.
LIMIT = 1024 * 1024
#: The most parameters of a query or a urlencoded body that are read: more than a build may have.
FIELDS = 20_000
_INT64 = 2**63
#: Keys of a request's scope under which its parsed parts are stored, so that no part is parsed twice.
_BODY, _FORM, _PAIRS, _QUERY = "gantry.body", "gantry.form", "gantry.pairs", "gantry.query"
#: Words in the parser's errors about JSON that may be valid but is not read, and the messages for them.
_UNPARSED = {
    "recursion limit": "the body is JSON that nests too deep",
    "number out of range": "the body is JSON with a number that is too long",
    "hex escape": "the body is JSON with a text that is no Unicode",
    "unicode": "the body is JSON with a text that is no Unicode",
}

M = TypeVar("M", bound=BaseModel)


class Input(BaseModel):
    """A JSON body: unknown keys are ignored, types are strict (contract drone-rest 1.3)."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", str_max_length=LIMIT)

    @model_validator(mode="before")
    @classmethod
    def _as_go_reads(cls, data: Any) -> Any:
        """Names match in any letter case, and null means absent."""
        if not isinstance(data, dict):
            return data
        return {str(name).lower(): value for name, value in data.items() if value is not None}


def required(*names: str) -> ConfigDict:
    """The configuration of a model whose fields `names` are required, and refuse an absent value in their own words.

    The fields need a default that their validator refuses; the API's description says only that they are required.
    """

    def describe(schema: dict[str, Any]) -> None:
        schema["required"] = list(names)
        for name in names:
            del schema["properties"][name]["default"]

    return ConfigDict(validate_default=True, json_schema_extra=describe)


async def read(request: Request[Any], limit: int = LIMIT) -> bytes:
    """The body, also at a second call; TooLarge beyond `limit` bytes, and the rest is not read."""
    if (known := request.scope.get(_BODY)) is not None:
        return bytes(known)
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > limit:
        raise TooLarge(f"the body has {length} bytes; at most {limit} are read")
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"the body is too large; at most {limit} bytes are read")
        chunks.append(chunk)
    request.scope[_BODY] = b"".join(chunks)
    return bytes(request.scope[_BODY])


async def parse(request: Request[Any], model: type[M]) -> M:
    """The JSON body as a value of the model that the row names; Invalid lists every problem with its field.

    The content type does not matter (contract drone-rest 1.3).
    """
    if row(request).body is not model:
        raise TypeError(f"the row of {request.url.path} does not say that it reads {model.__name__}")
    data = await read(request)
    if not data.strip():
        raise Invalid.of([Problem("", "empty_body", "the body is empty; a JSON object is due")])
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise _invalid(error) from None


def checked(model: type[M], values: Mapping[str, Any]) -> M:
    """The fields of a form as a value of a model, by the rules of a JSON body; Invalid lists every problem."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> Invalid:
    return Invalid.of([_problem(detail) for detail in error.errors(include_url=False, include_input=False)])


def _problem(detail: Any) -> Problem:
    if detail["type"] == "json_invalid":
        return _unparsed(detail["ctx"]["error"])
    if detail["type"] == "model_type" and not detail["loc"]:
        return Problem("", detail["type"], "the body must be a JSON object")
    field = ".".join(str(part) for part in detail["loc"])
    message = detail["msg"].removeprefix("Value error, ")
    return Problem(field, detail["type"], f"{field}: {message}" if field else message)


def _unparsed(error: str) -> Problem:
    """The problem for an error of the parser, whose text ends with "at line 1 column 2"."""
    words, _, place = error.rpartition(" at ")
    rule = next((ours for theirs, ours in _UNPARSED.items() if theirs in words), "the body is not JSON")
    return Problem("", "invalid_json", f"{rule}: see {place.replace(' column', ', column')}")


async def form(request: Request[Any]) -> Mapping[str, str]:
    """The fields of a urlencoded body, the first value of each name; empty for any other body."""
    if (known := request.scope.get(_FORM)) is None:
        is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        known = _first_values(_parsed((await read(request)).decode("utf-8", "replace"))) if is_form else {}
        request.scope[_FORM] = known
    found: Mapping[str, str] = known
    return found


def _parsed(text: str) -> Sequence[tuple[str, str]]:
    """Names and values in their order; Invalid when there are more than FIELDS."""
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError:
        words = f"there are too many parameters; at most {FIELDS} are read"
        raise Invalid.of([Problem("", "too_many_parameters", words)]) from None


def _first_values(pairs: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    """The first value of each name (contract drone-rest 4.1)."""
    values: dict[str, str] = {}
    for name, value in pairs:
        values.setdefault(name, value)
    return values


def query(request: Request[Any]) -> Mapping[str, str]:
    """The query's first values of the names that the request's row declares; empty values are kept."""
    known, values = row(request), whole_query(request)
    return values if known.free else {name: value for name, value in values.items() if name in known.names}


def whole_query(request: Request[Any]) -> Mapping[str, str]:
    """The query's first values, of all names."""
    if (known := request.scope.get(_QUERY)) is None:
        known = request.scope[_QUERY] = _first_values(query_pairs(request))
    found: Mapping[str, str] = known
    return found


def query_pairs(request: Request[Any]) -> Sequence[tuple[str, str]]:
    """All names and values of the query, in its order."""
    if (known := request.scope.get(_PAIRS)) is None:
        text = request.scope["query_string"]
        known = request.scope[_PAIRS] = _parsed(text.decode("latin-1")) if text else ()
    found: Sequence[tuple[str, str]] = known
    return found


async def words(request: Request[Any]) -> Mapping[str, str]:
    """The parameters in the query and in a urlencoded body; the body wins (contract drone-rest 4.1)."""
    allowed = row(request).form_names
    said = {name: value for name, value in (await form(request)).items() if name in allowed}
    return {**query(request), **said}


def number(request: Request[Any], name: str, what: str) -> int:
    """A number in the path; Invalid when the text is no number."""
    return _number(request.path_params[name], name, what)


def flag(request: Request[Any], name: str) -> bool | None:
    """A boolean of the query; None without one. Invalid for what is neither true nor false: one of them is meant."""
    text = query(request).get(name, "").strip().lower()
    if text in ("", "1", "true", "0", "false"):
        return text in ("1", "true") if text else None
    raise Invalid.of([Problem(name, "wrong_type", f"{name}: {text[:100]!r} is neither true nor false")])


def query_number(request: Request[Any], name: str, what: str) -> int:
    """A required number in the query; Invalid when it is missing or no number."""
    if not (text := query(request).get(name, "")):
        raise Invalid.of([Problem(name, f"missing_{name}", f"the {what} is missing: say ?{name}=")])
    return _number(text, name, what)


def _number(text: str, name: str, what: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 19 or int(digits) >= _INT64:
        raise Invalid.of([Problem(name, "not_a_number", f"the {what} must be a number, not {text[:100]!r}")])
    return int(text)
