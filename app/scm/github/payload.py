"""Webhooks of GitHub and of GitHub Enterprise Server (contract scm-webhooks 1, 2, 3)."""

from collections.abc import Mapping
from hashlib import sha256

import orjson

from app.scm import hook
from app.scm.fields import Fields, form_payload, id_problem, ref_problem
from app.scm.hook import Action, Change, Comment, Delivery, Deployment, Notice, PullRequest, Push
from app.scm.refs import is_zero, problem

KIND = "github"
#: Hosts of other software also send the headers of GitHub, beside one of these.
OTHERS = ("x-forgejo-event", "x-gitea-event", "x-gogs-event", "x-gitlab-event")
#: Events that are read. Of `create` nothing follows: a push tells more.
EVENTS = frozenset({"push", "create", "delete", "pull_request", "deployment", "issue_comment"})
_ACTIONS: dict[str, Action] = {
    "opened": "opened",
    "synchronize": "synchronized",
    "reopened": "reopened",
    "closed": "closed",
}
_ROLLBACKS = frozenset({"rollback", "deploy:rollback"})
_ACTIONS_APP = "github-actions"


def notice(headers: Mapping[str, str], *, sha1: bool = False) -> Notice | None:
    """What the headers of a webhook of GitHub tell; None for any other request.

    `sha1`: whether the older signature is good enough, too.
    """
    event = headers.get("x-github-event")
    if not event or any(name in headers for name in OTHERS):
        return None
    if event == "ping":
        return "ping"
    if event not in EVENTS:
        return "other"
    return "event" if hook.is_signature(_signature(headers, sha1=sha1), sha1=sha1) else "unsigned"


def read(headers: Mapping[str, str], body: bytes, *, sha1: bool = False) -> Delivery | None:
    """The delivery of a webhook of GitHub; None for any other request. Invalid lists all faults of the body.

    GitHub signs a form as it is sent.
    """
    if notice(headers) is None:
        return None
    fields = Fields.read(form_payload(headers, body) or body)
    event = headers["x-github-event"]
    change, said = _change(event, fields), _comment(fields) if event == "issue_comment" else None
    slug = fields.slug("repository", fields.word("repository.owner.login"), fields.word("repository.name"))
    fields.check()
    digest = sha256(body).hexdigest()
    return Delivery(
        host=KIND,
        uid=fields.uid("repository.id"),
        slug=slug,
        id=headers.get("x-github-delivery", "")[:100] or digest,
        digest=digest,
        change=change,
        comment=said,
        signed_with=lambda key: hook.verify(key, body, _signature(headers, sha1=sha1), sha1=sha1),
    )


def _signature(headers: Mapping[str, str], *, sha1: bool) -> str:
    return headers.get("x-hub-signature-256") or (headers.get("x-hub-signature", "") if sha1 else "")


def _change(event: str, fields: Fields) -> Change | None:
    match event:
        case "push":
            return _push(fields)
        case "delete":
            return deleted_branch(fields, fields.word("sender.login"))
        case "pull_request":
            return _pull_request(fields)
        case "deployment":
            return _deployment(fields)
    return None


def _push(fields: Fields) -> Push | None:
    """A push to a branch or a tag. That a ref was deleted is told by a webhook of its own."""
    ref = fields.text("ref", ref_problem)
    before, after = fields.text("before", id_problem), fields.text("after", id_problem)
    if is_zero(after) or not ref.startswith(("refs/heads/", "refs/tags/")):
        return None
    is_tag = ref.startswith("refs/tags/")
    return Push(
        before=before,
        after=(is_tag and fields.text("head_commit.id", id_problem, optional=True)) or after,
        ref=ref,
        sender=fields.word("sender.login"),
        message=fields.told("head_commit.message"),
        timestamp=fields.time("head_commit.timestamp"),
        link=fields.link("compare"),
        author_login=fields.word("head_commit.author.username"),
        author_name=fields.word("head_commit.author.name"),
        author_email=fields.word("head_commit.author.email"),
        author_avatar=fields.link("sender.avatar_url"),
        base=fields.branch("base_ref") if is_tag else "",
    )


def deleted_branch(fields: Fields, sender: str) -> Push | None:
    """The end of a branch; None for a tag. GitHub, Gitea and Gogs tell of it alike."""
    if fields.look("ref_type") != "branch":
        return None
    branch = fields.text("ref", problem).removeprefix("refs/heads/")
    return Push(after="0" * 40, ref=f"refs/heads/{branch}", sender=sender)


def _pull_request(fields: Fields) -> PullRequest | None:
    if (action := _ACTIONS.get(fields.word("action"))) is None:
        return None
    number = fields.number("pull_request.number")
    return PullRequest(
        number=number,
        action=action,
        ref=f"refs/pull/{number}/head",
        before=fields.text("pull_request.base.sha", id_problem),
        after=fields.text("pull_request.head.sha", id_problem),
        source=fields.branch("pull_request.head.ref"),
        target=fields.branch("pull_request.base.ref"),
        source_repo=fields.word("pull_request.head.repo.full_name") or None,
        sender=fields.word("sender.login"),
        title=fields.told("pull_request.title"),
        message=fields.told("pull_request.body", "pull_request.title"),
        timestamp=fields.time("pull_request.created_at"),
        link=fields.link("pull_request.html_url"),
        author_login=fields.word("pull_request.user.login"),
        author_avatar=fields.link("pull_request.user.avatar_url"),
        draft=fields.is_true("pull_request.draft"),
        merged=fields.is_true("pull_request.merged"),
    )


def _deployment(fields: Fields) -> Deployment:
    page = fields.link("repository.html_url")
    return Deployment(
        number=fields.number("deployment.id"),
        environment=fields.text("deployment.environment", lambda _: None),
        rollback=fields.word("deployment.task") in _ROLLBACKS,
        after=fields.text("deployment.sha", id_problem),
        ref=fields.text("deployment.ref", problem),
        params=_params(fields.look("deployment.payload")),
        by_workflow=fields.has("workflow_run")
        or fields.word("deployment.performed_via_github_app.slug") == _ACTIONS_APP,
        sender=fields.word("sender.login"),
        sender_uid=fields.uid("sender.id"),
        message=fields.told("deployment.description"),
        timestamp=fields.time("deployment.created_at"),
        link=fields.link("deployment.environment_url") or (page and f"{page}/deployments"),
        author_login=fields.word("sender.login"),
        author_name=fields.word("sender.name"),
        author_email=fields.word("sender.email"),
        author_avatar=fields.link("sender.avatar_url"),
    )


def _comment(fields: Fields) -> Comment | None:
    """A new comment of a person. GitHub tells neither the head of its pull request nor where that comes from."""
    return None if fields.look("comment.user.type") == "Bot" else comment(fields, fields.has("issue.pull_request"))


def comment(fields: Fields, is_request: bool) -> Comment | None:
    """A new comment; None for one that was changed or removed. GitHub and Gitea tell of it alike."""
    if fields.look("action") != "created":
        return None
    return Comment(
        id=str(fields.number("comment.id")),
        text=fields.told("comment.body"),
        number=fields.number("issue.number"),
        is_request=is_request,
        closed=fields.look("issue.state") == "closed",
        author_uid=fields.uid("comment.user.id"),
        author=fields.word("comment.user.login"),
        written=fields.time("comment.created_at"),
    )


def _params(payload: object) -> dict[str, str]:
    """The values of an object, or of a text that holds an object, as text; nothing for any other payload."""
    if isinstance(payload, str):
        try:
            payload = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return {}
    if not isinstance(payload, dict):
        return {}
    return {name: _text(value) for name, value in payload.items()}


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
