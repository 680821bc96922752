"""GitHub and GitHub Enterprise, through the REST API."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from app.scm import answers, files, states
from app.scm.api import basic
from app.scm.client import Client
from app.scm.comparing import Comparing
from app.scm.forge import (
    Comparison,
    Credential,
    CredentialOf,
    Deployment,
    Deployments,
    Forbids,
    Listed,
    Person,
    Refused,
    Status,
    Statuses,
)
from app.scm.github import payload
from app.scm.hook import Delivery, Notice
from app.scm.host import Commit, Source
from app.scm.oauth import Application, OAuth, Pages, WithOAuth
from app.scm.organisations import WithOrganisations
from app.scm.served import MOST_OF_FILE, peeled
from app.scm.server import Server
from app.scm.talks import IssueTalking
from app.scm.webhooks import HOOKS, Registered, Registering

#: What a webhook is registered for (contract scm-api 5).
EVENTS = ("push", "pull_request", "create", "delete", "deployment", "issue_comment")
#: The states of deployments (contract scm-api 4.2); what is not in the table is an error.
_DEPLOYMENTS = {
    "pending": "queued",
    "waiting_on_dependencies": "queued",
    "blocked": "queued",
    "running": "in_progress",
    "success": "success",
    "failure": "failure",
    "error": "error",
    "killed": "error",
    "declined": "error",
    "skipped": "inactive",
}
_PUBLIC = "https://github.com"


class GitHub(Comparing, Registering, IssueTalking, WithOrganisations, WithOAuth, Statuses, Deployments):
    """github.com, or a GitHub Enterprise server at another address.

    A file that is a symbolic link to a file of the same commit is read as that file: GitHub follows such a link, and
    does not tell. `sha1`: webhooks may have the older signature alone.
    """

    def __init__(
        self,
        client: Client,
        credential_of: CredentialOf,
        *,
        server: str = _PUBLIC,
        api: str = "",
        application: Application | None = None,
        sha1: bool = False,
    ) -> None:
        self._sha1 = sha1
        server = server.rstrip("/")
        usual = "https://api.github.com" if server == _PUBLIC else f"{server}/api/v3"
        super().__init__(client, credential_of, Server(server), f"{(api or usual).rstrip('/')}/")
        pages = Pages(
            f"{server}/login/oauth/authorize",
            f"{server}/login/oauth/access_token",
            redirects=False,
            basic_refresh=False,
        )
        self._oauth = OAuth(client, pages, application)

    def notice(self, headers: Mapping[str, str]) -> Notice | None:
        """What the headers of a webhook of GitHub tell; None for any other request."""
        return payload.notice(headers, sha1=self._sha1)

    def read(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """The delivery of a webhook of GitHub; None for any other request."""
        return payload.read(headers, body, sha1=self._sha1)

    async def put_status(self, source: Source, status: Status) -> None:
        """See Statuses. A tag's object is peeled first, because a status belongs to a commit."""
        sha = await self._peeled(source, status.sha) if status.ref.startswith("refs/tags/") else status.sha
        await self._do(source, "POST", f"statuses/{sha}", states.body(status))

    async def put_deployment(self, source: Source, known: str, deployment: Deployment) -> str:
        """See Deployments. A deployment of an earlier call whose answer was lost is found by its payload."""
        found = known or await self._made_before(source, deployment) or await self._create(source, deployment)
        body = {
            "state": _DEPLOYMENTS.get(deployment.state, "error"),
            "log_url": deployment.link,
            "description": states.described(_deployment_text(deployment)),
            "environment": deployment.environment,
            "auto_inactive": True,
        }
        await self._do(source, "POST", f"deployments/{found}/statuses", body)
        return found

    async def person(self, credential: Credential) -> Person:
        """See Directory. An e-mail address that the account does not show is asked for, if the scopes allow it."""
        found = await self._whose(self._api.get(credential, "user", _person))
        if found.email:
            return found
        with suppress(Refused, Forbids):  # the scopes do not allow it
            email = await self._api.get(credential, "user/emails", _primary)
            return Person(found.uid, found.login, email, found.avatar)
        return found

    _own_repositories = ("user/repos", {"per_page": "100"})
    _own_organisations = ("user/orgs", {"per_page": "100"})

    def _read_listed(self, found: Any) -> Listed:
        return answers.listed(found)

    def _read_organisation(self, found: Any) -> str:
        return answers.account(found)

    async def _administers(self, credential: Credential, person: Person, organisation: str) -> bool:
        return await self._api.get(credential, f"user/memberships/orgs/{organisation}", _is_admin)

    def _shown(self, credential: Credential) -> Mapping[str, str]:
        shown = f"Bearer {credential.secret}"
        if credential.kind == "basic":
            shown = basic(credential.login, credential.secret)
        return {
            "authorization": shown,
            "accept": "application/vnd.github+json",
            "x-github-api-version": "2022-11-28",
        }

    def _path(self, slug: str, uid: str = "") -> str:
        """GitHub itself sends those who ask for an old name to the path with the id."""
        return f"repositories/{quote(uid)}" if uid else f"repos/{slug}"

    async def _commit_at(self, source: Source, name: str) -> Commit:
        # one file instead of up to 300 with their patches
        return await self._get(source, f"commits/{name}", answers.commit, per_page="1")

    async def _branch_head(self, source: Source, name: str) -> Commit:
        path = f"branches/{quote(name)}"
        return await self._get(source, path, lambda found: answers.commit(found["commit"]))

    async def _tag_head(self, source: Source, name: str) -> Commit:
        return await self._ref_head(source, f"refs/tags/{name}")

    async def _ref_head(self, source: Source, ref: str) -> Commit:
        path = f"git/ref/{quote(ref.removeprefix('refs/'))}"
        kind, sha = await self._get(source, path, answers.named)
        return await self._commit(source, await self._peeled(source, sha) if kind == "tag" else sha)

    async def _tags(self, source: Source) -> Mapping[str, str]:
        return dict(await self._all(source, "git/matching-refs/tags/", answers.tag))

    async def _file(self, source: Source, sha: str, path: str) -> str:
        def read(found: Any) -> str:
            return answers.contents(found, path, sha, MOST_OF_FILE)

        try:
            return await self._get(source, f"contents/{quote(path)}", read, ref=sha)
        except Forbids as error:
            if "too large" in error.message:  # than 100 MB
                raise files.too_large(path, sha, most=MOST_OF_FILE) from None
            raise

    async def _peeled(self, source: Source, sha: str) -> str:
        return await peeled(sha, lambda oid: self._get(source, f"git/tags/{oid}", answers.named))

    async def _made_before(self, source: Source, deployment: Deployment) -> str:
        """The id of the deployment with this payload; empty if there is none."""
        if not deployment.payload:
            return ""
        query = {"sha": deployment.sha, "environment": deployment.environment, "task": deployment.task}
        path = "deployments"
        try:
            return await self._get(source, path, lambda found: _marked(found, deployment.payload), **query)
        except Refused:
            return ""

    async def _create(self, source: Source, deployment: Deployment) -> str:
        body = {
            "ref": deployment.sha,
            "task": deployment.task,
            "auto_merge": False,
            "required_contexts": [],
            "payload": dict(deployment.payload),
            "environment": deployment.environment,
            "description": states.described(deployment.description),
        }
        return await self._make(source, "POST", "deployments", body, answers.ident)

    async def _comparison(self, source: Source, before: str, after: str) -> Comparison:
        return await self._get(source, f"compare/{before}...{after}", _comparison)

    async def _changes(self, source: Source, sha: str) -> tuple[str, ...]:
        path = f"commits/{sha}"
        return answers.paths(await self._paged(source, path, answers.changes, per_page="300"))

    async def _hooks(self, source: Source) -> list[Registered]:
        return await self._all(source, HOOKS, answers.registered, per_page="100")

    async def _make_hook(self, source: Source, url: str, key: str, older: Sequence[Registered]) -> str:
        """See Registering. GitHub refuses a second webhook to the same address: the one that is there is changed."""
        config = {"url": url, "content_type": "json", "secret": key, "insecure_ssl": "0"}
        body = {"name": "web", "active": True, "events": EVENTS, "config": config}
        try:
            return await self._make(source, "POST", HOOKS, body, answers.ident, secrets=(key,))
        except Refused as error:
            same = next((hook for hook in older if hook.url == url), None)
            if error.status != 422 or same is None:
                raise
        return await self._make(source, "PATCH", f"{HOOKS}/{same.id}", body, answers.ident, secrets=(key,))


def _deployment_text(deployment: Deployment) -> str:
    return "waiting for approval" if deployment.state == "blocked" else deployment.description


def _comparison(found: Any) -> Comparison:
    commits = [answers.commit(one) for one in found["commits"]]
    return Comparison(tuple(commits), answers.paths(answers.changes(found)))


def _marked(found: Any, payload: Mapping[str, str | int]) -> str:
    return next((str(one["id"]) for one in found if one.get("payload") == payload), "")


def _is_admin(found: Any) -> bool:
    return bool(found["state"] == "active" and found["role"] == "admin")


def _person(found: Any) -> Person:
    return Person(
        str(found["id"]),
        answers.text(found["login"]),
        answers.text(found.get("email")),
        answers.text(found.get("avatar_url")),
    )


def _primary(found: Any) -> str:
    """The verified address that the account uses first."""
    return next((answers.text(one["email"]) for one in found if one.get("primary") and one.get("verified")), "")
