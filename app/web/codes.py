"""The stable codes of errors: what each means, and the way out. A room lists its own codes in its `codes.py`.

Here are those that several rooms share, and those of HTTP itself. The list is part of the API's description.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A code of errors with one of the statuses that it is answered with: what it means, and the way out."""

    name: str
    status: int
    means: str
    way_out: str


def of(told: Mapping[int, Mapping[str, tuple[str, str]]]) -> Sequence[Code]:
    """The codes of a table: by status and name, what the code means, and the way out."""
    return [Code(name, status, *words) for status, rows in told.items() for name, words in rows.items()]


def ordered(codes: Sequence[Code]) -> Sequence[Code]:
    """The codes by status and name; ValueError when a code is there twice with the same status."""
    places = [(code.status, code.name) for code in codes]
    if twice := {place for place in places if places.count(place) > 1}:
        raise ValueError(f"these codes are explained twice: {sorted(twice)}")
    return sorted(codes, key=lambda code: (code.status, code.name))


_READ_THE_MODEL = "Send the type that the body's schema names."

CODES = of(
    {
        400: {
            "bad_cursor": ("The cursor is not one of this list.", "Take the whole address from the header `Link`."),
            "bad_key": ("A key is not written as keys are.", "Write it as the message says."),
            "bad_name": ("A name has characters that no name has.", "Choose a name as the message says."),
            "bad_path": ("The path is not percent-encoded UTF-8, or has a NUL.", "Encode each part of the path."),
            "bad_request": ("The bytes are no HTTP request.", "Use an HTTP client; encode the address."),
            "bad_state": ("There is no such state.", "Say a state of the message."),
            "bad_time": ("A time cannot be read.", "Write the time in the form that the message names."),
            "bad_type": ("A kind of thing is not known.", "Choose one of the kinds in the message."),
            "bad_url": ("The address of a repository cannot be used.", "Write an address in a form of the message."),
            "empty_body": ("The request has no body.", "Send the body that the route describes."),
            "invalid": ("Several rules are broken, or one without its own code.", "Read `errors`: each has a code."),
            "invalid_json": ("The body is no JSON that is read.", "Correct the body at the place of the message."),
            "name_too_long": ("A name is longer than names may be.", "Choose a shorter name."),
            "not_a_number": ("A number in the path or the query is no number.", "Write digits only."),
            "too_deep": ("The body or the query nests too deep.", "Send less nested data."),
            "too_long": ("A value or the work for the request is too long.", "Send less, or ask for less."),
            "too_many_parameters": ("The query or the form has too many fields.", "Send fewer fields."),
            "wrong_type": ("A value has another type than its field.", "Send the type that the message names."),
        },
        401: {"unauthorized": ("The caller is not known.", "Send a valid token in the header `Authorization`.")},
        403: {
            "forbidden": ("The caller is known and lacks the right.", "Ask somebody with the right, or to get it."),
            "foreign_page": (
                "A page of another site used the browser's session.",
                "Use the server's own pages, or send a token.",
            ),
        },
        404: {
            "not_found": ("The thing is not there, or you may not see it.", "Check the name; then check your rights.")
        },
        405: {"method_not_allowed": ("The path has no such method.", "Use a method of the header `Allow`.")},
        408: {"timeout": ("The request came too slowly.", "Send the request at once, over a faster line.")},
        409: {"conflict": ("The state of the thing does not allow it.", "Read the thing again, then decide anew.")},
        413: {"too_large": ("The body has more bytes than are read.", "Send a smaller body.")},
        414: {"too_large": ("The address of the request is too long.", "Send long values in the body.")},
        422: {"unreadable": ("Something that the request names cannot be used.", "Mend it as the message says.")},
        429: {"rate_limited": ("The caller asks too often.", "Wait as many seconds as `Retry-After` says.")},
        431: {"too_large": ("The head of the request is too large.", "Send fewer or shorter headers.")},
        500: {
            "bad_database": ("The database cannot be used.", "Tell the operator; the server's log has the reason."),
            "bug": ("The server met an internal error.", "Tell the operator the answer's `X-Request-ID`."),
            "cannot_open": ("A sealed value has no key.", "Let the operator restore the keys of the data folder."),
            "damaged_database": ("The database file is damaged.", "Let the operator restore a backup."),
            "error": ("The server could not do it.", "Tell the operator the answer's `X-Request-ID`."),
        },
        503: {
            "damaged_database": ("The database file is damaged.", "Let the operator restore a backup."),
            "timeout": ("A program that the server called took too long.", "Try again later."),
            "unavailable": ("A passing state of the server.", "Try again after the seconds of `Retry-After`."),
        },
        507: {"no_room": ("The disk is full.", "Let the operator make room.")},
    }
)

#: The codes of a body's fields that its model refuses: the names of pydantic's errors.
MODELS = of(
    {
        400: {
            "bool_parsing": ("A field must be `true` or `false`.", _READ_THE_MODEL),
            "bool_type": ("A field must be `true` or `false`.", _READ_THE_MODEL),
            "dict_type": ("A field must be an object.", _READ_THE_MODEL),
            "enum": ("A field has none of its values.", "Choose one of the values in the message."),
            "greater_than_equal": ("A number is too small.", "Send at least the number in the message."),
            "int_type": ("A field must be a whole number.", _READ_THE_MODEL),
            "less_than_equal": ("A number is too large.", "Send at most the number in the message."),
            "list_type": ("A field must be a list.", _READ_THE_MODEL),
            "literal_error": ("A field has none of its values.", "Choose one of the values in the message."),
            "missing": ("A required field is missing.", "Send the field."),
            "model_type": ("The body or a field must be an object.", _READ_THE_MODEL),
            "string_too_long": ("A text is too long.", "Send at most as many characters as the message says."),
            "string_too_short": ("A text is too short.", "Send at least as many characters as the message says."),
            "string_type": ("A field must be a text.", _READ_THE_MODEL),
            "text_type": ("A field must be a text.", _READ_THE_MODEL),
            "value_error": ("A field breaks a rule.", "Read the rule in the message."),
        },
    }
)
