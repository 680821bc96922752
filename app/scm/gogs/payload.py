"""Webhooks of Gogs (contract scm-webhooks 1, 2, 3): as of Gitea, but a new tag has no push.

A pull request of Gogs does not tell its commit: `after` is empty, and `ref` names the commit.
"""

from collections.abc import Mapping

from app.scm import hook
from app.scm.fields import Fields, id_problem
from app.scm.gitea import payload as gitea
from app.scm.github.payload import deleted_branch
from app.scm.hook import Change, Delivery, Notice, PullRequest, Push
from app.scm.refs import problem

KIND = "gogs"
#: Hosts of other software also send the headers of Gogs, beside one of these.
OTHERS = ("x-forgejo-event", "x-gitea-event")


def notice(headers: Mapping[str, str]) -> Notice | None:
    """What the headers of a webhook of Gogs tell; None for any other request."""
    if (event := _event(headers)) is None:
        return None
    if event not in gitea.CHANGES:
        return "other"
    return "event" if hook.is_digest(headers.get("x-gogs-signature")) else "unsigned"


def read(headers: Mapping[str, str], body: bytes) -> Delivery | None:
    """The delivery of a webhook of Gogs; None for any other request. Invalid lists all faults of the body."""
    if (event := _event(headers)) is None:
        return None
    fields, text = Fields.read_signed(headers, body)
    name, signature = headers.get("x-gogs-delivery", "")[:100], headers.get("x-gogs-signature", "")
    return gitea.delivery(KIND, fields, _change(event, fields), text, name, signature)


def _event(headers: Mapping[str, str]) -> str | None:
    return None if any(name in headers for name in OTHERS) else headers.get("x-gogs-event") or None


def _change(event: str, fields: Fields) -> Change | None:
    match event:
        case "push":
            return gitea.push(fields)
        case "create":
            return _new_tag(fields)
        case "delete":
            return deleted_branch(fields, gitea.sender(fields))
        case "pull_request":
            return _pull_request(fields)
    return None


def _new_tag(fields: Fields) -> Push | None:
    """A new tag; None for a branch, of which a push tells more."""
    if fields.look("ref_type") != "tag":
        return None
    after = fields.text("sha", id_problem)
    return Push(
        before="0" * len(after),
        after=after,
        ref="refs/tags/" + fields.text("ref", problem).removeprefix("refs/tags/"),
        sender=gitea.sender(fields),
        author_login=gitea.sender(fields),
        author_name=fields.word("sender.full_name"),
        author_email=fields.word("sender.email"),
        author_avatar=fields.link("sender.avatar_url"),
    )


def _pull_request(fields: Fields) -> PullRequest | None:
    if (action := gitea.ACTIONS.get(fields.word("action"))) is None:
        return None
    number = fields.number("pull_request.number")
    return PullRequest(
        number=number,
        action=action,
        ref=f"refs/pull/{number}/head",
        after="",
        source=fields.branch("pull_request.head_branch"),
        target=fields.branch("pull_request.base_branch"),
        source_repo=fields.word("pull_request.head_repo.full_name") or None,
        sender=gitea.sender(fields),
        title=fields.told("pull_request.title"),
        message=fields.told("pull_request.body", "pull_request.title"),
        link=fields.link("pull_request.html_url"),
        author_login=fields.word("pull_request.user.username", "pull_request.user.login"),
        author_name=fields.word("pull_request.user.full_name"),
        author_email=fields.word("pull_request.user.email"),
        author_avatar=fields.link("pull_request.user.avatar_url"),
        merged=fields.is_true("pull_request.merged"),
    )
