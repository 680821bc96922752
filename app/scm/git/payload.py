"""Reading and checking the delivery of a plain git repository's hook (contract scm-webhooks 9)."""

import re
from collections.abc import Callable, Mapping

import orjson

from app.errors import Invalid, Problem
from app.scm import hook, refs
from app.scm.hook import Delivery, Notice, Push

#: Returns what is wrong with a value, as words after the name of its field; None for a right value.
Rule = Callable[[str], str | None]
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SLUG = re.compile(r"[^/\s]+/[^/\s]+")
_DELIVERY = re.compile(r"[0-9A-Za-z-]{16,64}")
#: No time is beyond this: the last second of the year 9999.
_LATEST = 253_402_300_799


_LONGEST_SLUG = 250


_LONGEST_SENDER = 250


_LONGEST_OPTION = 1024


_MOST_OPTIONS = 100


def notice(headers: Mapping[str, str]) -> Notice | None:
    """What the headers of a post-receive hook tell; None for any other request."""
    match headers.get("x-gantry-event"):
        case None | "":
            return None
        case "ping":
            return "ping"
        case "push":
            return "push" if hook.is_signature(headers.get("x-hub-signature-256")) else "unsigned"
    return "other"


def read(headers: Mapping[str, str], body: bytes) -> Delivery | None:
    """The delivery of a post-receive hook; None for any other request. Invalid lists all faults of a push."""
    match headers.get("x-gantry-event"):
        case None | "":
            return None
        case "ping":
            return Delivery("ping")
        case "push":
            push = parse_push(body)
            signature = headers.get("x-hub-signature-256")
            return Delivery("push", push.slug, push, lambda key: hook.verify(key, body, signature))
    return Delivery("other")


def is_slug(text: str) -> bool:
    """Whether `text` is namespace/name."""
    return _slug_problem(text) is None


def parse_push(body: bytes) -> Push:
    """The push in a body, whose signature may not be verified yet; Invalid lists all faults of the body."""
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        message = f"the body is not JSON in UTF-8: see line {error.lineno}, column {error.colno}"
        raise Invalid.of([Problem("body", "bad_json", message)]) from None
    if not isinstance(payload, dict):
        raise Invalid.of([Problem("body", "wrong_type", "the body must be a JSON object")])
    form = _Form(payload)
    push = Push(
        slug=form.text("repository.full_name", _slug_problem),
        before=form.text("before", _id_problem),
        after=form.text("after", _id_problem),
        ref=form.text("ref", _ref_problem),
        sender=form.text("pusher.name", _sender_problem, optional=True),
        options=form.options(),
        delivery=form.text("delivery.id", _delivery_problem, optional=not form.has("delivery")),
        sent=form.number("delivery.time", optional=not form.has("delivery")),
    )
    if not form.problems and len(push.before) != len(push.after):
        form.refuse("before", "invalid", "must have as many digits as `after`")
    if form.problems:
        raise Invalid.of(form.problems)
    return push


def _id_problem(value: str) -> str | None:
    return None if refs.is_full_id(value) else "must be 40 or 64 lower-case hex digits"


def _ref_problem(value: str) -> str | None:
    return refs.problem(value) if value.startswith("refs/") else "must start with refs/"


def _slug_problem(value: str) -> str | None:
    if len(value) > _LONGEST_SLUG:
        return f"is longer than {_LONGEST_SLUG} characters"
    if _CONTROL.search(value) or not _SLUG.fullmatch(value):
        return "must be namespace/name"
    return None


def _sender_problem(value: str) -> str | None:
    return _line_problem(value, _LONGEST_SENDER)


def _delivery_problem(value: str) -> str | None:
    return None if _DELIVERY.fullmatch(value) else "must have 16 to 64 letters, digits or dashes"


def _option_problem(value: str) -> str | None:
    return _line_problem(value, _LONGEST_OPTION)


def _line_problem(value: str, longest: int) -> str | None:
    if len(value) > longest:
        return f"is longer than {longest} characters"
    return "contains a control character" if _CONTROL.search(value) else None


class _Form:
    """Reads fields of a JSON object and collects their faults."""

    def __init__(self, payload: dict[str, object]) -> None:
        self._payload = payload
        self.problems: list[Problem] = []

    def refuse(self, field: str, code: str, rule: str) -> None:
        self.problems.append(Problem(field, code, f"{field} {rule}"))

    def text(self, field: str, rule: Rule, *, optional: bool = False) -> str:
        """A string that keeps a rule; a wrong value is added to the problems, and the result is empty."""
        value = self._find(field)
        if value is None and optional:
            return ""
        if value is None:
            self.refuse(field, "missing", "is missing")
        elif not isinstance(value, str):
            self.refuse(field, "wrong_type", "must be a string")
        elif broken := rule(value):
            self.refuse(field, "invalid", broken)
        else:
            return value
        return ""

    def has(self, field: str) -> bool:
        """Whether the object has a field that is not null."""
        return self._payload.get(field) is not None

    def number(self, field: str, *, optional: bool) -> int:
        """A time in Unix seconds; a wrong value is added to the problems, and the result is 0."""
        value = self._find(field)
        if value is None and optional:
            return 0
        if value is None:
            self.refuse(field, "missing", "is missing")
        elif type(value) is not int or not 0 < value <= _LATEST:
            self.refuse(field, "invalid", "must be a time in Unix seconds")
        else:
            return value
        return 0

    def options(self) -> tuple[str, ...]:
        given = self._payload.get("push_options")
        if given is None:
            return ()
        if not isinstance(given, list) or not all(isinstance(option, str) for option in given):
            self.refuse("push_options", "wrong_type", "must be a list of strings")
        elif len(given) > _MOST_OPTIONS:
            self.refuse("push_options", "invalid", f"has more than {_MOST_OPTIONS} entries")
        elif broken := next(filter(None, map(_option_problem, given)), None):
            self.refuse("push_options", "invalid", f"has an entry that {broken}")
        else:
            return tuple(given)
        return ()

    def _find(self, field: str) -> object:
        """The value at `a.b`; None when it is absent, or when `a` is not an object."""
        outer, _, inner = field.rpartition(".")
        if not outer:
            return self._payload.get(inner)
        around = self._payload.get(outer)
        if around is not None and not isinstance(around, dict):
            self.refuse(outer, "wrong_type", "must be an object")
        return around.get(inner) if isinstance(around, dict) else None
