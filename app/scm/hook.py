"""Webhooks in the form that all hosts share, and their signatures (contract scm-webhooks 1, 3, 9)."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from app.scm import refs

#: What the headers of a webhook tell, before its body is read: `event` is one whose body is read, `unsigned` is such an
#: event whose signature cannot be right.
Notice: TypeAlias = Literal["ping", "event", "unsigned", "other"]

#: What happened to a pull request, of what Gantry heeds.
Action: TypeAlias = Literal["opened", "synchronized", "reopened", "closed"]
#: Tells whether a key of a repository signed a delivery, compared in constant time.
SignedWith: TypeAlias = Callable[[str], bool]

_PREFIXED = re.compile(r"sha256=[0-9a-fA-F]{64}")
_PREFIXED_SHA1 = re.compile(r"sha1=[0-9a-fA-F]{40}")
_BARE = re.compile(r"[0-9a-fA-F]{64}")


def unsigned(_: str) -> bool:
    """No key signed it."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A commit that a webhook tells of, and all that the host tells of the commit; what is not told is empty.

    `ref` and `after` name the commit.
    """

    before: str = ""
    after: str
    ref: str
    #: Account that made the host send the webhook; empty when the host does not know it.
    sender: str = ""
    title: str = ""
    message: str = ""
    #: Unix seconds; 0 if not told.
    timestamp: int = 0
    #: The page of the change.
    link: str = ""
    author_login: str = ""
    author_name: str = ""
    author_email: str = ""
    author_avatar: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Push(Change):
    """A ref that a push has moved; an id of zeros means that the ref did not exist before, or not after the push."""

    #: The options that the pusher gave with `git push -o`.
    options: tuple[str, ...] = ()
    #: The branch that a tag was made on; empty if not told.
    base: str = ""

    @property
    def created(self) -> bool:
        """Whether the ref is new."""
        return refs.is_zero(self.before)

    @property
    def deleted(self) -> bool:
        """Whether the push has deleted the ref."""
        return refs.is_zero(self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest(Change):
    """A pull request; GitLab says merge request. `ref` names its head, and `before` is the commit that it starts at."""

    number: int
    action: Action
    #: The branches, without `refs/heads/`.
    source: str
    target: str
    #: The slug of the repository that the commits come from. None when that repository is gone: then it was a fork.
    source_repo: str | None
    draft: bool = False
    merged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment(Change):
    """A deployment that the host asks for. `ref` is as its creator wrote it: a branch, a tag, a full ref or an id."""

    number: int
    environment: str
    rollback: bool = False
    #: The id of the sender's account at the host, which stays when the account is renamed.
    sender_uid: str = ""
    #: The payload, with every value as text.
    params: Mapping[str, str] = field(default_factory=dict)
    #: Whether a workflow of the host has made the deployment, which then is its own work and no request.
    by_workflow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A comment that a person has just written under an issue or a pull request; GitLab says note and merge request."""

    #: The host's id of the comment.
    id: str
    text: str
    #: The number of the issue or of the pull request.
    number: int
    is_request: bool = False
    #: Whether the issue or the pull request is closed, or merged.
    closed: bool = False
    #: The host's id of its author, which stays when the account is renamed, and the author's login.
    author_uid: str
    author: str
    #: When the comment was written by the clock of the host, in Unix seconds; 0 if not told.
    written: int = 0
    #: The head of the pull request and whether it comes from another repository; empty and None if not told.
    head: str = ""
    fork: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook, whose signature is not yet verified."""

    #: The kind of its host, with which `Host.name` of the host begins: `github`; empty for plain git.
    host: str = ""
    #: The repository: its id at the host, which stays when it is renamed, and `namespace/name`.
    uid: str = ""
    slug: str = ""
    #: The id that the host gave to the delivery, so that a second one is known; empty when the host gives none.
    id: str = ""
    #: A digest of what the host has signed, so that a copy under another id is known. Empty where equal webhooks may
    #: tell of different changes, and where the id is signed, as by the hook of plain git.
    digest: str = ""
    #: When the sender has sent it by its own clock, in Unix seconds; 0 if not told.
    sent: int = 0
    #: None when no build follows from the webhook.
    change: Change | None = None
    #: What somebody has written, of a webhook that tells of nothing else.
    comment: Comment | None = None
    signed_with: SignedWith = unsigned


def digest(key: str, body: bytes) -> str:
    """HMAC-SHA256 of a body, in hex (contract scm-webhooks 1.1)."""
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def sign(key: str, body: bytes) -> str:
    """The value of X-Hub-Signature-256 for a body (contract scm-webhooks 1.1)."""
    return f"sha256={digest(key, body)}"


def is_signature(header: str | None, *, sha1: bool = False) -> bool:
    """Whether a header has the form of a signature with a prefix: of SHA-256, or, if `sha1`, also of SHA-1."""
    if header is None:
        return False
    return _PREFIXED.fullmatch(header) is not None or (sha1 and _PREFIXED_SHA1.fullmatch(header) is not None)


def is_digest(header: str | None) -> bool:
    """Whether a header has the form of a signature without a prefix."""
    return header is not None and _BARE.fullmatch(header) is not None


def verify(key: str, body: bytes, header: str | None, *, sha1: bool = False) -> bool:
    """Whether `header` signs `body`, in constant time; false without a key or a usable header. `sha1`: see above."""
    if not key or header is None or not is_signature(header, sha1=sha1):
        return False
    if header.startswith("sha1="):
        return hmac.compare_digest("sha1=" + hmac.new(key.encode(), body, hashlib.sha1).hexdigest(), header.lower())
    return hmac.compare_digest(sign(key, body), header.lower())


def verify_digest(key: str, body: bytes, header: str | None) -> bool:
    """As `verify`, for a signature without a prefix."""
    return bool(key) and is_digest(header) and verify(key, body, f"sha256={header}")


def verify_token(key: str, header: str | None) -> bool:
    """Whether `header` is the key itself, in constant time; false without a key or a header."""
    return bool(key) and bool(header) and hmac.compare_digest(key.encode(), (header or "").encode())


def verify_standard(key: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """Whether one of the signatures of Standard Webhooks 1.0.0 signs `body`, in constant time; false without a key.

    The key signs as it is, also when the host shows it as `whsec_` and its base64.
    """
    name, time = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (key and name and time):
        return False
    signed = f"{name}.{time}.".encode() + body
    due = "v1," + base64.b64encode(hmac.new(key.encode(), signed, hashlib.sha256).digest()).decode()
    given = headers.get("webhook-signature", "").split(" ")
    return any([hmac.compare_digest(due.encode(), one.encode()) for one in given])  # noqa: C419 - compare all of them
