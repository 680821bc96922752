"""The answers of failures in the description of the API: by the rows, which say when, and by the codes of errors."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from inspect import signature
from typing import Any, TypeAlias, get_args

from app.web.codes import Code
from app.web.errors import STATUS
from app.web.examples import value
from app.web.reply import HTML
from app.web.route import Endpoint

Schema: TypeAlias = dict[str, Any]

#: Statuses that any call may be answered with: too many requests, and unavailable.
_ALWAYS = (429, 503)
#: The code that the example of a failure shows, by status.
_USUAL = {status: kind.code for kind, status in reversed(STATUS.items())}


class Failures:
    """The answers of failures: each is described once, and the operations refer to its description.

    `schema_of` gives the content of a body of a type.
    """

    def __init__(self, schema_of: Callable[[Any], Schema], codes: Sequence[Code]) -> None:
        self._schema_of = schema_of
        self._codes = codes
        #: The answers by name.
        self.made: Schema = {}

    def of(self, row: Endpoint, error: Any) -> Schema:
        """The failures of a row by status, with bodies of the type `error`, or as a page where the row has pages.

        They follow from the row's other fields, or stand in its `errors`.
        """
        statuses = {*row.needs.refusals, *row.errors, *_ALWAYS}
        if row.body is not None or any(param.form for param in row.query):
            statuses |= {400, 413}
        if any(isinstance(word.example, int) for word in row.path.words):
            statuses.add(400)
        if row.path.words:
            statuses.add(404)
        pages = [HTML.media_type] if HTML in get_args(signature(row.handler).return_annotation) else []
        return {str(status): self._reference(status, error, pages) for status in statuses}

    def _reference(self, status: int, error: Any, pages: Sequence[str]) -> Schema:
        name = f"{error.__name__.removesuffix('JSON')}{status}{'Page' if pages else ''}"
        if name not in self.made:
            self.made[name] = self._made(status, error, pages)
        return {"$ref": f"#/components/responses/{name}"}

    def _made(self, status: int, error: Any, pages: Sequence[str]) -> Schema:
        words = HTTPStatus(status).phrase
        if any(code.status == status for code in self._codes):
            words += f". Its `code` is one of the table at `/docs/api#codes-{status}`."
        answer: Schema = {
            "description": words,
            "content": {
                "application/json": self._schema_of(error),
                **{media: {"schema": {"type": "string"}} for media in pages},
            },
        }
        if status in _ALWAYS:
            answer["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
        return answer

    def show(self, answers: Schema, components: Mapping[str, Schema]) -> None:
        """Add an example to each of the answers, whose schemas are known now."""
        usual = {code.status: code for code in self._codes if _USUAL.get(code.status, code.name) == code.name}
        for name, answer in answers.items():
            status = int("".join(filter(str.isdigit, name)))
            if status in usual:
                content = answer["content"]["application/json"]
                content["example"] = _telling(value(content["schema"], components), usual[status])


def _telling(shown: Any, known: Code) -> Any:
    """The example of an error, with the words of a code in it."""
    if isinstance(shown, list):
        return [_telling(one, known) for one in shown]
    if not isinstance(shown, dict):
        return shown
    told = {"message": known.means, "code": known.name, "status": known.status}
    return {key: told.get(key, _telling(one, known)) for key, one in shown.items()}
