"""The moments of repositories, rights, secrets and templates. A moment is recorded in the transaction of its change."""

import hashlib

from app.db.tx import Tx
from app.moments import Actor, Change, Facts, Recorders, changed
from app.repos import credentials, settings, store
from app.repos.credentials import Credentials
from app.repos.model import Permissions, Repo, Secret
from app.repos.secrets import store as secrets
from app.repos.secrets.store import Owner
from app.repos.templates.store import Template

#: Fields of a repository whose changes are recorded.
FACTS = ("active", "default_branch", "user_id", *settings.SETTINGS, *settings.SYSTEM_SETTINGS)
#: Fields that are recorded when a repository is registered or deleted.
_ABOUT = ("git_http_url", "default_branch", "visibility", "config_path", "user_id")
_RIGHTS = ("read", "write", "admin")
_FLAGS = ("pull_request", "pull_request_push")
_CREDENTIALS = ("kind", "name", "fingerprint")


def created(by: Actor, repo: Repo) -> Change:
    """A repository was registered."""
    facts = {name: getattr(repo, name) for name in _ABOUT}
    return Change("repo.create", by, repo.slug, repo.id, after=facts, about=repo)


def deleted(by: Actor, repo: Repo) -> Change:
    """A repository was deleted, with its builds, secrets and rights."""
    facts = {name: getattr(repo, name) for name in _ABOUT}
    return Change("repo.delete", by, repo.slug, repo.id, before=facts, about=repo)


def key_rotated(by: Actor, repo: Repo) -> Change:
    """Another key signs the deliveries of a repository. The key is never recorded."""
    return Change("repo.rotate_key", by, repo.slug, repo.id, about=repo)


def changing(recorders: Recorders, verb: str, by: Actor, repo_id: int, tx: Tx[Repo]) -> Tx[Repo]:
    """A transaction that changes a repository and records the changed fields, if there are any."""
    before = yield from settings.lock(repo_id)
    after = yield from tx
    was, now = changed(before, after, FACTS)
    if was:
        yield from recorders.record(Change(verb, by, after.slug, after.id, was, now, about=after))
    return after


def setting_rights(
    recorders: Recorders, by: Actor, repo: Repo, user_id: int, login: str, rights: Permissions, tx: Tx[None]
) -> Tx[None]:
    """A transaction that sets the rights of an account and records the changed rights; empty `rights` are a removal."""
    before = (yield from store.permissions(user_id, repo.id)) or Permissions()
    yield from tx
    was, now = changed(before, rights, _RIGHTS)
    if was:
        verb = "right.grant" if rights != Permissions() else "right.revoke"
        yield from recorders.record(Change(verb, by, f"{repo.slug}#collaborators/{login}", repo.id, was, now))


def setting_credentials(recorders: Recorders, by: Actor, repo: Repo, tx: Tx[Credentials]) -> Tx[Credentials]:
    """A transaction that sets the credentials of a repository and records that, and never a token or a key."""
    before = yield from credentials.find_if_any(repo.id)
    after = yield from tx
    was = _known(before) if before else {}
    yield from recorders.record(_of_credentials("credentials.set", by, repo, was, _known(after)))
    return after


def credentials_deleted(by: Actor, repo: Repo, gone: Credentials) -> Change:
    """The credentials of a repository were removed."""
    return _of_credentials("credentials.delete", by, repo, _known(gone), {})


def _of_credentials(verb: str, by: Actor, repo: Repo, before: Facts, after: Facts) -> Change:
    return Change(verb, by, f"{repo.slug}#credentials", repo.id, before, after)


def _known(found: Credentials) -> Facts:
    return {name: value for name in _CREDENTIALS if (value := getattr(found, name))}


def secret_created(by: Actor, owner: str, secret: Secret) -> Change:
    """A secret was added to a repository or a namespace. The value of a secret is never recorded, here and below."""
    return _secret("secret.create", by, owner, secret, after=_flags(secret))


def updating_secret(
    recorders: Recorders, by: Actor, owner: tuple[Owner, str], name: str, *, value: bool, tx: Tx[Secret]
) -> Tx[Secret]:
    """A transaction that changes a secret and records the changed flags and, with `value`, that the value was set."""
    key, owner_name = owner
    before = yield from secrets.find(key, name)
    after = yield from tx
    was, now = changed(before, after, _FLAGS)
    if value:
        now["value"] = "changed"
    if now:
        yield from recorders.record(_secret("secret.update", by, owner_name, after, was, now))
    return after


def deleting_secret(recorders: Recorders, by: Actor, owner: tuple[Owner, str], name: str, tx: Tx[None]) -> Tx[None]:
    """A transaction that removes a secret and records the removal."""
    key, owner_name = owner
    before = yield from secrets.find(key, name)
    yield from tx
    yield from recorders.record(_secret("secret.delete", by, owner_name, before, _flags(before)))


def _secret(
    verb: str, by: Actor, owner: str, secret: Secret, before: Facts | None = None, after: Facts | None = None
) -> Change:
    return Change(verb, by, f"{owner}#secrets/{secret.name}", secret.repo_id, before or {}, after or {})


def _flags(secret: Secret) -> Facts:
    return {name: getattr(secret, name) for name in _FLAGS}


def template_created(by: Actor, template: Template) -> Change:
    """A template was added. Only the SHA-256 of a template's text is recorded, here and below."""
    return Change("template.create", by, _template(template), after=_text(template))


def template_changed(by: Actor, change: tuple[Template, Template]) -> Change | None:
    """The text or the namespace of a template was changed; None when both are the same as before."""
    before, after = change
    was, now = changed(before, after, ("namespace",))
    if before.data != after.data:
        was, now = {**was, **_text(before)}, {**now, **_text(after)}
    return Change("template.update", by, _template(before), before=was, after=now) if was else None


def template_deleted(by: Actor, template: Template) -> Change:
    """A template was removed."""
    return Change("template.delete", by, _template(template), before=_text(template))


def _template(template: Template) -> str:
    return f"{template.namespace}#templates/{template.name}"


def _text(template: Template) -> dict[str, str]:
    return {"sha256": hashlib.sha256(template.data.encode()).hexdigest()}
