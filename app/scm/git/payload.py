"""Reading and checking the delivery of a plain git repository's hook (contract scm-webhooks 9)."""

import re
from collections.abc import Mapping

from app.scm import hook
from app.scm.fields import LATEST, Fields, id_problem, line_problem, ref_problem, slug_problem
from app.scm.hook import Delivery, Notice, Push

_DELIVERY = re.compile(r"[0-9A-Za-z-]{16,64}")
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
            return "event" if hook.is_signature(headers.get("x-hub-signature-256")) else "unsigned"
    return "other"


def read(headers: Mapping[str, str], body: bytes) -> Delivery | None:
    """The delivery of a post-receive hook; None for any other request. Invalid lists all faults of a push."""
    event, signature = headers.get("x-gantry-event"), headers.get("x-hub-signature-256")
    if not event:
        return None
    if event != "push":
        return Delivery()
    return parse_push(body, lambda key: hook.verify(key, body, signature))


def parse_push(body: bytes, signed_with: hook.SignedWith = hook.unsigned) -> Delivery:
    """The push in a body, whose signature may not be verified yet; Invalid lists all faults of the body."""
    fields = Fields.read(body)
    slug = fields.text("repository.full_name", _slug_problem)
    push = Push(
        before=fields.text("before", id_problem),
        after=fields.text("after", id_problem),
        ref=fields.text("ref", ref_problem),
        sender=fields.text("pusher.name", line_problem, optional=True),
        options=_options(fields),
    )
    name, sent = "", 0
    if fields.has("delivery"):  # older hooks give none
        name = fields.text("delivery.id", _delivery_problem)
        sent = fields.number("delivery.time", LATEST, "must be a time in Unix seconds")
    if not fields.problems and len(push.before) != len(push.after):
        fields.refuse("before", "invalid", "must have as many digits as `after`")
    fields.check()
    return Delivery(slug=slug, id=name, sent=sent, change=push, signed_with=signed_with)


def is_slug(text: str) -> bool:
    """Whether `text` is namespace/name."""
    return _slug_problem(text) is None


def _slug_problem(value: str) -> str | None:
    return slug_problem(value) or ("must be namespace/name" if value.count("/") > 1 else None)


def _delivery_problem(value: str) -> str | None:
    return None if _DELIVERY.fullmatch(value) else "must have 16 to 64 letters, digits or dashes"


def _options(fields: Fields) -> tuple[str, ...]:
    given = fields.find("push_options")
    if given is None:
        return ()
    if not isinstance(given, list) or not all(isinstance(option, str) for option in given):
        fields.refuse("push_options", "wrong_type", "must be a list of strings")
    elif len(given) > _MOST_OPTIONS:
        fields.refuse("push_options", "invalid", f"has more than {_MOST_OPTIONS} entries")
    elif broken := next(filter(None, (line_problem(option, _LONGEST_OPTION) for option in given)), None):
        fields.refuse("push_options", "invalid", f"has an entry that {broken}")
    else:
        return tuple(given)
    return ()
