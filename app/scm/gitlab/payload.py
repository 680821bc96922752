"""Webhooks of GitLab (contract scm-webhooks 1, 2, 3)."""

import re
from collections.abc import Mapping
from hashlib import sha256

from app.scm import hook
from app.scm.fields import LATEST, Fields, id_problem, ref_problem
from app.scm.hook import Action, Change, Comment, Delivery, Notice, PullRequest, Push
from app.scm.refs import is_zero

KIND = "gitlab"
#: Events that are read. The body of a system hook tells of which kind the event is.
EVENTS = frozenset({"Push Hook", "Tag Push Hook", "Merge Request Hook", "Note Hook", "System Hook"})
_ACTIONS: dict[str, Action] = {
    "open": "opened",
    "update": "synchronized",
    "reopen": "reopened",
    "close": "closed",
    "merge": "closed",
}
#: Logins of accounts that stand for access tokens of a project or of a group.
_BOT = re.compile(r"(?:project|group)_[0-9]+_bot(?:[0-9]+|_[0-9a-z]+)?")
_HIDDEN = "[REDACTED]"
_STANDARD = re.compile(r"v1,[0-9A-Za-z+/]{43}=")
_TIME = re.compile(r"[1-9][0-9]{0,11}")


def notice(headers: Mapping[str, str]) -> Notice | None:
    """What the headers of a webhook of GitLab tell; None for any other request."""
    if not (event := headers.get("x-gitlab-event")):
        return None
    if event not in EVENTS:
        return "other"
    return "event" if headers.get("x-gitlab-token") or _is_standard(headers) else "unsigned"


def read(headers: Mapping[str, str], body: bytes) -> Delivery | None:
    """The delivery of a webhook of GitLab; None for any other request. Invalid lists all faults of the body.

    No body of GitLab tells when: a branch that is moved to and fro has equal ones. The id that GitLab signs differs.
    """
    if not headers.get("x-gitlab-event"):
        return None
    fields = Fields.read(body)
    if not fields.has("project"):  # a system hook about something else
        return None
    change, said = _change(fields), _note(fields) if fields.look("object_kind") == "note" else None
    slug = fields.slug("project", fields.word("project.path_with_namespace"))
    fields.check()
    return Delivery(
        host=KIND,
        uid=fields.uid("project.id") or fields.uid("project_id"),
        slug=slug,
        id=_name(headers, body),
        digest=sha256(headers["webhook-id"].encode()).hexdigest() if _is_standard(headers) else "",
        sent=_sent(headers),
        change=change,
        comment=said,
        signed_with=lambda key: _is_signed(key, headers, body),
    )


def _is_signed(key: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the key signs the body, or is shown: GitLab is given the key as the one, as the other, or as both."""
    shown = hook.verify_token(key, headers.get("x-gitlab-token"))
    return hook.verify_standard(key, body, headers) or shown


def _is_standard(headers: Mapping[str, str]) -> bool:
    given = headers.get("webhook-signature", "").split(" ")
    return bool(headers.get("webhook-id")) and _sent(headers) > 0 and any(map(_STANDARD.fullmatch, given))


def _sent(headers: Mapping[str, str]) -> int:
    """When the delivery was signed; 0 for one that only shows the key."""
    time = headers.get("webhook-timestamp", "") if headers.get("webhook-signature") else ""
    return min(int(time), LATEST) if _TIME.fullmatch(time) else 0


def _name(headers: Mapping[str, str], body: bytes) -> str:
    """The id of the delivery, the same when it is sent again. All hooks that one event leads to share its UUID."""
    if name := headers.get("idempotency-key") or headers.get("webhook-id"):
        return name[:100]
    event = headers.get("x-gitlab-event-uuid", "")[:100]
    return ".".join(filter(None, (event, sha256(body).hexdigest())))


def _change(fields: Fields) -> Change | None:
    match fields.look("object_kind"):
        case "push" | "tag_push":
            return _push(fields)
        case "merge_request":
            return _merge_request(fields)
    return None


def _push(fields: Fields) -> Push | None:
    """A push to a branch or a tag; None for a tag that was deleted."""
    is_tag = fields.look("object_kind") == "tag_push"
    prefix = "refs/tags/" if is_tag else "refs/heads/"
    told = fields.text("ref", lambda ref: None if ref.startswith(prefix) else ref_problem(prefix + ref))
    ref = prefix + told.removeprefix(prefix)
    if broken := ref_problem(ref):
        fields.refuse("ref", "invalid", broken)
    before, after = fields.text("before", id_problem), fields.text("after", id_problem)
    sender = fields.word("user_username")
    if is_zero(after):
        return None if is_tag else Push(before=before, after=after, ref=ref, sender=sender)
    head = fields.chosen("commits", "id", fields.look("checkout_sha"), otherwise=-1)
    return Push(
        before=before,
        after=fields.text("checkout_sha", id_problem, optional=True) or after,
        ref=ref,
        sender=sender,
        message=head.told("message"),
        timestamp=head.time("timestamp"),
        link=head.link("url"),
        author_login=sender,
        author_name=fields.word("user_name"),
        author_email=_email(fields.word("user_email")),
        author_avatar=fields.link("user_avatar"),
    )


def _merge_request(fields: Fields) -> PullRequest | None:
    """A merge request. GitLab also tells of an update that changes no commit, or one after the end: then None."""
    about = fields.item("object_attributes")
    if (action := _ACTIONS.get(about.word("action"))) is None:
        return None
    before = fields.text("object_attributes.oldrev", id_problem, optional=True)
    if action == "synchronized" and not (before and about.look("state") == "opened"):
        return None
    number = fields.number("object_attributes.iid")
    return PullRequest(
        number=number,
        action=action,
        ref=f"refs/merge-requests/{number}/head",
        before=before,
        after=fields.text("object_attributes.last_commit.id", id_problem),
        source=about.branch("source_branch"),
        target=about.branch("target_branch"),
        source_repo=about.word("source.path_with_namespace") or None,
        sender=fields.word("user.username"),
        title=about.told("title"),
        message=about.told("description", "title"),
        timestamp=about.time("created_at"),
        link=about.link("url"),
        author_login=fields.word("user.username"),
        author_name=fields.word("user.name"),
        author_avatar=fields.link("user.avatar_url"),
        draft=about.is_true("draft", "work_in_progress"),
        merged=about.look("action") == "merge",
    )


def _note(fields: Fields) -> Comment | None:
    """A new comment of a person under an issue or a merge request.

    None for one that only members see, because everybody sees the answer. Versions before 16 tell of new ones alone,
    and name no action.
    """
    about, request = fields.item("object_attributes"), fields.item("merge_request")
    is_request = about.look("noteable_type") == "MergeRequest"
    if not is_request and about.look("noteable_type") != "Issue":
        return None
    hidden = about.is_true("system", "internal", "confidential") or fields.look("event_type") == "confidential_note"
    author = fields.word("user.username")
    if hidden or about.look("action") not in (None, "create") or _BOT.fullmatch(author):
        return None
    return Comment(
        id=str(fields.number("object_attributes.id")),
        text=about.told("note"),
        number=fields.number("merge_request.iid" if is_request else "issue.iid"),
        is_request=is_request,
        closed=(request if is_request else fields.item("issue")).look("state") in ("closed", "merged", "locked"),
        author_uid=about.uid("author_id"),
        author=author,
        written=about.time("created_at"),
        head=fields.text("merge_request.last_commit.id", id_problem, optional=True),
        fork=request.uid("source_project_id") != target if (target := request.uid("target_project_id")) else None,
    )


def _email(told: str) -> str:
    return "" if told == _HIDDEN else told
