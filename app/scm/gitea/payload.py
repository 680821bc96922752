"""Webhooks of Gitea and of Forgejo (contract scm-webhooks 1, 2, 3)."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256

from app.scm import hook
from app.scm.fields import Fields, id_problem, ref_problem
from app.scm.github.payload import comment, deleted_branch
from app.scm.hook import Action, Change, Comment, Delivery, Notice, PullRequest, Push
from app.scm.refs import is_zero

KIND = "gitea"
#: Forgejo also sends Gitea's headers, with the same values.
_NAMES = ("forgejo", "gitea")
#: Events that are read, and those of them that Gogs has, too. Of `create` nothing follows: a push tells more.
CHANGES = frozenset({"push", "create", "delete", "pull_request"})
EVENTS = CHANGES | {"issue_comment"}
ACTIONS: dict[str, Action] = {
    "opened": "opened",
    "synchronized": "synchronized",
    "reopened": "reopened",
    "closed": "closed",
}
_DRAFTS = ("wip:", "[wip]", "draft:")


def notice(headers: Mapping[str, str]) -> Notice | None:
    """What the headers of a webhook of Gitea or Forgejo tell; None for any other request."""
    if not (event := _header(headers, "event")):
        return None
    if event not in EVENTS:
        return "other"
    return "event" if hook.is_digest(_header(headers, "signature")) else "unsigned"


def read(headers: Mapping[str, str], body: bytes) -> Delivery | None:
    """The delivery of a webhook; None for any other request. Invalid lists all faults of the body."""
    if not (event := _header(headers, "event")):
        return None
    fields, text = Fields.read_signed(headers, body)
    said = _comment(fields) if event == "issue_comment" else None
    names = (_header(headers, "delivery"), _header(headers, "signature"))
    return replace(delivery(KIND, fields, _change(event, fields), text, *names), comment=said)


def delivery(kind: str, fields: Fields, change: Change | None, text: bytes, name: str, signature: str) -> Delivery:
    """The delivery of a change. `text` is what the host signed, `name` its id of the delivery, if there is one.

    `text` tells when the repository was last pushed to, so that two changes differ in it; but for a pull request of
    Gogs, which may also come from a fork, and does not tell its commit.
    """
    owner = fields.word("repository.owner.username", "repository.owner.login")
    slug = fields.slug("repository", owner, fields.word("repository.name"))
    fields.check()
    digest = sha256(text).hexdigest()
    return Delivery(
        host=kind,
        uid=fields.uid("repository.id"),
        slug=slug,
        id=name or digest,
        digest=digest if change and change.after else "",
        change=change,
        signed_with=lambda key: hook.verify_digest(key, text, signature),
    )


def _header(headers: Mapping[str, str], what: str) -> str:
    return next((found for name in _NAMES if (found := headers.get(f"x-{name}-{what}"))), "")[:100]


def _change(event: str, fields: Fields) -> Change | None:
    match event:
        case "push":
            return push(fields)
        case "delete":
            return deleted_branch(fields, sender(fields))
        case "pull_request":
            return _pull_request(fields)
    return None


def push(fields: Fields) -> Push | None:
    """A push to a branch or a tag. That a ref was deleted is told by a webhook of its own."""
    ref = fields.text("ref", ref_problem)
    before, after = fields.text("before", id_problem), fields.text("after", id_problem)
    if is_zero(after) or not ref.startswith(("refs/heads/", "refs/tags/")):
        return None
    is_tag = ref.startswith("refs/tags/")
    head = fields.item("head_commit") or fields.chosen("commits", "id", after, otherwise=0)
    author = Fields({}) if is_tag else head
    return Push(
        before=before,
        after=(is_tag and fields.text("head_commit.id", id_problem, optional=True)) or after,
        ref=ref,
        sender=sender(fields),
        message=head.told("message"),
        timestamp=head.time("timestamp"),
        link=fields.link("compare_url"),
        author_login=author.word("author.username") or fields.word("pusher.login", "pusher.username"),
        author_name=author.word("author.name") or fields.word("pusher.full_name"),
        author_email=author.word("author.email") or fields.word("pusher.email"),
        author_avatar=fields.link("sender.avatar_url"),
    )


def sender(fields: Fields) -> str:
    """The login of the account that made the host send the webhook."""
    return fields.word("sender.username", "sender.login")


def _pull_request(fields: Fields) -> PullRequest | None:
    if (action := ACTIONS.get(fields.word("action"))) is None:
        return None
    number = fields.number("pull_request.number")
    title = fields.told("pull_request.title")
    return PullRequest(
        number=number,
        action=action,
        ref=f"refs/pull/{number}/head",
        before=fields.text("pull_request.base.sha", id_problem, optional=True)
        or fields.text("pull_request.merge_base", id_problem, optional=True),
        after=fields.text("pull_request.head.sha", id_problem),
        source=fields.branch("pull_request.head.ref"),
        target=fields.branch("pull_request.base.ref"),
        source_repo=fields.word("pull_request.head.repo.full_name") or None,
        sender=sender(fields),
        title=title,
        message=fields.told("pull_request.body", "pull_request.title"),
        timestamp=fields.time("pull_request.created_at"),
        link=fields.link("pull_request.html_url"),
        author_login=fields.word("pull_request.user.login"),
        author_name=fields.word("pull_request.user.full_name"),
        author_email=fields.word("pull_request.user.email"),
        author_avatar=fields.link("pull_request.user.avatar_url"),
        draft=fields.is_true("pull_request.draft") or title.lower().startswith(_DRAFTS),
        merged=fields.is_true("pull_request.merged"),
    )


def _comment(fields: Fields) -> Comment | None:
    """A new comment of a person: what the host does itself has a negative id. Newer versions tell the pull request."""
    if (found := comment(fields, fields.is_true("is_pull") or fields.has("issue.pull_request"))) is None:
        return None
    if found.author_uid.startswith("-"):
        return None
    head, base = fields.item("pull_request.head"), fields.uid("pull_request.base.repo.id")
    if not base:
        return found
    sha = fields.text("pull_request.head.sha", id_problem, optional=True)
    return replace(found, head=sha, fork=head.uid("repo.id") != base)
