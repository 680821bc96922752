"""Examples for the description of the API: a request as a call of curl, and values that fit a schema.

All are made from the rows and from the types of bodies and answers, so that they say what the server checks. The same
row always has the same example.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from inspect import signature
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode

from app.web.needs import NOTHING
from app.web.path import Word
from app.web.route import Endpoint
from app.web.samples import OMITTED, VALUES
from app.web.sse import Stream

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """What the example of a call shows where the row's types do not tell it. A room has its own in `examples.py`.

    `body` is JSON, or a text that is sent as it is. `headers` are words of a shell, where `$body` is that text.
    `answer` is the body of a success: JSON, or a text. Without it, the type of the answer makes the body, with `known`
    values in place of those of `samples`; a property whose value is None is left out where it may be.
    """

    body: Any = None
    headers: Sequence[str] = ()
    answer: Any = None
    known: Mapping[str, Any] = field(default_factory=dict)


_NONE = Example()

#: A parameter of the build, for rows that take every word of the query.
PARAMETER = {"VERSION": "1.2.3"}
_JSON_HEADER = "'Content-Type: application/json'"
_TOKEN_HEADER = '"Authorization: Bearer $GANTRY_TOKEN"'


def address(row: Endpoint) -> str:
    """The path of a row with the examples of its words, and a query with the examples of its parameters."""
    parts = (_encoded(part) if isinstance(part, Word) else part for part in row.path.parts)
    query = {param.name: param.example for param in row.query if param.example and not _in_form(row, param.form)}
    more = PARAMETER if row.free else {}
    return "/" + "/".join(parts) + ("?" if query | more else "") + urlencode(query | more, quote_via=quote)


def _encoded(word: Word) -> str:
    return quote(str(word.example), safe="/" if word.rest else "")


def _in_form(row: Endpoint, form: bool) -> bool:
    """Whether an example sends a parameter in a form: where it may be, but for builds, whose clients use the query."""
    return form and not row.free


def form(row: Endpoint) -> dict[str, str]:
    """The fields of the form that an example sends; empty for most rows."""
    return {param.name: param.example for param in row.query if param.example and _in_form(row, param.form)}


def body(row: Endpoint, example: Example = _NONE) -> Any:
    """The JSON or text that an example sends; None without a body.

    Of a model these are the required fields; of a model without any, the first field.
    """
    if example.body is not None or row.body is None:
        return example.body
    schema = row.body.model_json_schema()
    names = schema.get("required") or list(schema["properties"])[:1]
    components = {f"#/$defs/{name}": one for name, one in schema.get("$defs", {}).items()}
    maker = _Maker(components, VALUES)
    return {name: maker.of(schema["properties"][name], name, (row.body.__name__,)) for name in names}


def curl(row: Endpoint, example: Example = _NONE) -> str:
    """The call of curl, with a line for each header and for the body. Server and token are variables of the shell."""
    sent = body(row, example)
    text = sent if isinstance(sent, str) else json.dumps(sent, ensure_ascii=False) if sent is not None else ""
    named = any("$body" in header for header in example.headers)
    method = "" if row.method == "GET" else f"-X {row.method} "
    stream = "-N " if signature(row.handler).return_annotation is Stream else ""
    lines = [f'curl {stream}{method}"$GANTRY_SERVER{address(row)}"']
    if row.needs is not NOTHING and row.needs.refusals:
        lines.append(f"-H {_TOKEN_HEADER}")
    if text and not isinstance(sent, str):
        lines.append(f"-H {_JSON_HEADER}")
    lines += [f"-H {header}" for header in example.headers]
    lines += [f"--data-urlencode {shlex.quote(f'{name}={value}')}" for name, value in form(row).items()]
    if text:
        lines.append('--data-binary "$body"' if named else f"--data-binary {shlex.quote(text)}")
    return (f"body={shlex.quote(text)}\n" if named else "") + " \\\n  ".join(lines)


def value(schema: Schema, components: Mapping[str, Schema], known: Mapping[str, Any] = MappingProxyType({})) -> Any:
    """A value that fits a JSON schema; `components` are the schemas by reference.

    An example of the schema itself comes first, then a known value, then one that fits the type. The items of a list
    have no lists that they may leave out, such as the stages of builds.
    """
    return _Maker(components, {**VALUES, **known}, brief=schema.get("type") == "array").of(schema, "", ())


class _Maker:
    """Makes the values of schemas that refer to each other."""

    def __init__(self, components: Mapping[str, Schema], values: Mapping[str, Any], *, brief: bool = False) -> None:
        self._components = components
        self._values = values
        self._brief = brief

    def of(self, schema: Schema, name: str, inside: Sequence[str]) -> Any:
        """A value; `name` is that of the property, `inside` are the references of the schemas around it."""
        if "$ref" in schema:
            place = schema["$ref"]
            return self.of(self._components[place], name, (*inside, place))
        if "examples" in schema:
            return schema["examples"][0]
        if "const" in schema or "enum" in schema:
            allowed = schema.get("enum") or [schema["const"]]
            known = self._known(name, "string", inside)
            return known if known in allowed else next((one for one in allowed if one), allowed[0])
        if "anyOf" in schema:
            parts = [part for part in schema["anyOf"] if part.get("type") != "null"]
            return self.of(next((part for part in parts if part.get("$ref") not in inside), parts[0]), name, inside)
        return self._of_type(schema, name, inside)

    def _of_type(self, schema: Schema, name: str, inside: Sequence[str]) -> Any:
        match schema.get("type"):
            case "object":
                return self._object(schema, name, inside)
            case "array":
                return self._array(schema, name, inside)
            case "null":
                return None
            case "boolean":
                return self._known(name, "boolean", inside) or False
            case "integer" | "number" as kind:
                known = self._known(name, kind, inside)
                return max(1 if known is None else known, schema.get("minimum", 0))
        known = self._known(name, "string", inside)
        return known if known is not None else "text"

    def _known(self, name: str, kind: str, inside: Sequence[str]) -> Any:
        """A known value of a property that has this type: of the property in its schema, or of every such property."""
        within = inside[-1].rpartition("/")[2].rpartition("__")[2] if inside else ""
        names = (f"{within}.{name}", f"{name}:{kind}", name)
        found = [self._values[one] for one in names if one in self._values]
        return next((one for one in found if type(one) in _TYPES[kind]), None)

    def _object(self, schema: Schema, name: str, inside: Sequence[str]) -> Any:
        if "properties" not in schema:
            known = self._values.get(name)
            more = schema.get("additionalProperties")
            if isinstance(known, dict) and isinstance(more, dict) and more.get("type") == "string":
                return known
            return {"key": self.of(more, name, inside)} if isinstance(more, dict) else {}
        required = schema.get("required", [])
        return {
            key: self.of(one, key, inside)
            for key, one in schema["properties"].items()
            if key in required or self._is_shown(key, one, inside)
        }

    def _is_shown(self, key: str, schema: Schema, inside: Sequence[str]) -> bool:
        """Whether an example has a property that may be left out: not what is rare, and no schema inside of itself."""
        listed = schema.get("items", {}).get("$ref")
        if self._brief and listed:
            return False
        places = {listed, *(part.get("$ref") for part in [schema, *schema.get("anyOf", ())])}
        omitted = key in OMITTED or self._values.get(key, key) is None
        return not omitted and not places & set(inside)

    def _array(self, schema: Schema, name: str, inside: Sequence[str]) -> list[Any]:
        items = schema.get("prefixItems") or [schema.get("items", {})]
        if any(item.get("$ref") in inside for item in items):
            return []
        known = self._values.get(name)
        if isinstance(known, list) and items[0].get("type") == "string":
            return known
        return [self.of(item, name.removesuffix("s"), inside) for item in items]


_TYPES: Mapping[str, Sequence[type]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
