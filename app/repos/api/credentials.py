"""Routes of the credentials of a private repository of plain git, without their secret (Drone has none)."""

from typing import NotRequired

from pydantic import Field
from starlette.requests import Request
from typing_extensions import TypedDict

from app.db.tx import Tx
from app.errors import Invalid, Problem
from app.repos import credentials, moments
from app.repos.access import ADMIN, Access, State
from app.repos.credentials import SECRET, Credentials, Kind
from app.repos.model import Repo
from app.repos.paths import REPO
from app.scm import identity
from app.web import body
from app.web.reply import JSON, Empty
from app.web.route import Endpoint

#: Characters of a login, and of a token.
LONGEST_NAME, LONGEST_TOKEN = 200, 8192
_WAYS = {"https": "name and token", "ssh": "key and known_hosts"}


class NewCredentials(body.Input):
    """What the host wants to see: of an https:// address a name and a token, of ssh:// a private key and host keys."""

    name: str = Field("", max_length=LONGEST_NAME)
    token: str = Field("", repr=False, max_length=LONGEST_TOKEN)
    key: str = Field("", repr=False, description="A private key in PEM or in OpenSSH's form, without a passphrase.")
    known_hosts: str = Field("", description="The only host keys that are believed, as ssh-keyscan prints them.")


class CredentialsJSON(TypedDict):
    """Credentials without their secret: the login, or the type and the fingerprint of a key; `updated` when set."""

    kind: Kind
    name: str
    fingerprint: NotRequired[str]
    updated: int


async def show(_: Request[State], __: Access, found: Credentials) -> JSON[CredentialsJSON]:
    """The credentials of a repository, without their secret."""
    return JSON(_json(found))


def _found(_: Request[State], found: Access) -> Tx[Credentials]:
    return credentials.find(found.repo.id)


async def replace(request: Request[State], found: Access) -> JSON[CredentialsJSON]:
    """Set the credentials of a repository, in the place of earlier ones."""
    new = await body.parse(request, NewCredentials)
    setting = moments.setting_credentials(
        request.state["recorders"], found.by, found.repo, _setting(request, found.repo, new)
    )
    return JSON(_json(await request.state["db"].write(setting)))


async def delete(request: Request[State], found: Access) -> Empty:
    """Remove the credentials of a repository."""
    deleting = credentials.delete(found.repo.id)
    recorders = request.state["recorders"]
    await request.state["db"].write(
        recorders.recorded(deleting, lambda gone: moments.credentials_deleted(found.by, found.repo, gone))
    )
    return Empty()


def _setting(request: Request[State], repo: Repo, new: NewCredentials) -> Tx[Credentials]:
    seal, now = request.state["seal"], request.state["now"]()
    kind = _kind(repo)
    _refuse_others(kind, new)
    if kind == "https":
        _check_account(new)
        return credentials.set_credentials(repo.id, kind, new.name, seal.seal(new.token, SECRET), now)
    key, pinned = _checked_key(repo, new)
    return credentials.set_credentials(
        repo.id,
        kind,
        key.type,
        seal.seal(key.text, SECRET),
        now,
        fingerprint=key.fingerprint,
        known_hosts=pinned,
    )


def _kind(repo: Repo) -> Kind:
    """The kind of credentials that the address of a repository takes; Invalid for one that takes none."""
    if repo.scm:
        words = f"the repository is at {repo.scm}, which is asked with what its owner has there"
        raise Invalid.of([Problem("credentials", "not_plain_git", f"credentials: {words}")])
    if repo.git_http_url.startswith("https:"):
        return "https"
    if repo.git_http_url.startswith("ssh:"):
        return "ssh"
    words = "the repository is on this machine and is read without credentials"
    raise Invalid.of([Problem("credentials", "not_needed", f"credentials: {words}")])


def _refuse_others(kind: Kind, new: NewCredentials) -> None:
    """Invalid names the fields that credentials of the other kind have."""
    others = ("key", "known_hosts") if kind == "https" else ("name", "token")
    words = f"is not for an {kind}:// address, which takes {_WAYS[kind]}"
    if problems := [Problem(name, "wrong_kind", f"{name} {words}") for name in others if getattr(new, name)]:
        raise Invalid.of(problems)


def _check_account(new: NewCredentials) -> None:
    """Invalid for what neither git nor a `.netrc` can hold."""
    problems = []
    for name, words in (("name", "the login at the host"), ("token", "a token or a password of the login")):
        value = getattr(new, name)
        if not value:
            problems.append(Problem(name, "missing", f"{name} is missing: {words}"))
        elif not value.isprintable() or " " in value:
            problems.append(Problem(name, "invalid", f"{name} must have no spaces and no control characters"))
    if problems:
        raise Invalid.of(problems)


def _checked_key(repo: Repo, new: NewCredentials) -> tuple[identity.PrivateKey, str]:
    problems, key, pinned = [], None, ""
    try:
        key = identity.private_key(new.key)
    except ValueError as error:
        problems.append(Problem("key", "invalid", f"key {error}"))
    try:
        pinned = identity.pinned_keys(new.known_hosts, repo.git_http_url)
    except ValueError as error:
        problems.append(Problem("known_hosts", "invalid", f"known_hosts {error}"))
    if key is None or problems:
        raise Invalid.of(problems)
    return key, pinned


def _json(found: Credentials) -> CredentialsJSON:
    made = CredentialsJSON(kind=found.kind, name=found.name, updated=found.updated)
    if found.fingerprint:
        made["fingerprint"] = found.fingerprint
    return made


_CREDENTIALS = REPO / "credentials"
routes = [
    Endpoint("GET", _CREDENTIALS, show, operation="repos.show_credentials", needs=ADMIN, reads=_found),
    Endpoint("PUT", _CREDENTIALS, replace, operation="repos.set_credentials", needs=ADMIN, body=NewCredentials),
    Endpoint("DELETE", _CREDENTIALS, delete, operation="repos.delete_credentials", needs=ADMIN),
]
