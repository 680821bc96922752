"""GitLab, through its API of version 4."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from app.errors import Unreadable
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
    Head,
    Listed,
    Person,
    Refused,
    Status,
    Statuses,
    Talk,
)
from app.scm.gitlab import model, payload
from app.scm.gitlab.sent import Sent
from app.scm.hook import Delivery, Notice
from app.scm.host import MOST_TAGS, Account, Commit, Source
from app.scm.oauth import Application, OAuth, Pages, WithOAuth
from app.scm.organisations import WithOrganisations
from app.scm.served import MOST_OF_FILE
from app.scm.server import Server
from app.scm.talks import Talking
from app.scm.webhooks import HOOKS, Registered, Registering

#: What a webhook is registered for (contract scm-api 5).
EVENTS = ("push_events", "tag_push_events", "merge_requests_events", "note_events")
#: Characters of a link in a status at most.
_LONGEST_LINK = 255
#: Bytes of a symbolic link's target at most.
_LONGEST_TARGET = 4096


class GitLab(Comparing, Registering, Talking, WithOrganisations, WithOAuth, Statuses, Deployments):
    """A server of GitLab. Namespaces are nested: all before the last slash of a slug."""

    def __init__(
        self,
        client: Client,
        credential_of: CredentialOf,
        *,
        server: str = "https://gitlab.com",
        application: Application | None = None,
    ) -> None:
        server = server.rstrip("/")
        super().__init__(client, credential_of, Server(server, nested=True), f"{server}/api/v4/")
        pages = Pages(f"{server}/oauth/authorize", f"{server}/oauth/token")
        self._oauth = OAuth(client, pages, application)
        self._sent = Sent()

    def notice(self, headers: Mapping[str, str]) -> Notice | None:
        """What the headers of a webhook of GitLab tell; None for any other request."""
        return payload.notice(headers)

    def read(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """The delivery of a webhook of GitLab; None for any other request."""
        return payload.read(headers, body)

    async def put_status(self, source: Source, status: Status) -> None:
        """See Statuses. GitLab refuses to repeat a state and to go back, which counts as done."""
        state = model.STATES.get(status.state, "failed")
        subject = (await self._place(source), status.sha, status.context)
        if self._sent.holds(subject, (state, status.link)):
            return
        try:
            await self._put_state(source, status, state)
        except Refused as error:
            if model.is_transition(error):
                return
            if state != "skipped" or error.status != 400:
                raise
            await self._put_state(source, status, "canceled")  # for versions that do not know `skipped`
        self._sent.note(subject, (state, status.link))

    async def put_deployment(self, source: Source, known: str, deployment: Deployment) -> str:
        """See Deployments. GitLab has nothing to show before a deployment runs."""
        state = model.DEPLOYMENTS.get(deployment.state, "failed")
        if not state:
            return known
        path = "deployments"
        if not known:
            return await self._make(source, "POST", path, model.deployment(deployment, state), answers.ident)
        try:
            await self._do(source, "PUT", f"{path}/{known}", {"status": state})
        except Refused as error:
            if not model.is_transition(error):
                raise
        return known

    async def person(self, credential: Credential) -> Person:
        """See Directory."""
        return await self._whose(self._api.get(credential, "user", model.person))

    def clone_account(self, credential: Credential) -> Account:
        """The token as password of `oauth2`."""
        return Account(credential.login if credential.kind == "basic" else "oauth2", credential.secret)

    _own_repositories = ("projects", {"membership": "true", "per_page": "100"})
    _own_organisations = ("groups", {"min_access_level": "10", "per_page": "100"})

    def _read_listed(self, found: Any) -> Listed:
        return model.listed(found)

    def _read_organisation(self, found: Any) -> str:
        return answers.text(found["full_path"])

    async def _administers(self, credential: Credential, person: Person, organisation: str) -> bool:
        path = f"groups/{organisation}/members/all/{person.uid}"
        return await self._api.get(credential, path, lambda found: int(found["access_level"]) >= model.MAINTAINER)

    def _shown(self, credential: Credential) -> Mapping[str, str]:
        match credential.kind:
            case "basic":
                return {"authorization": basic(credential.login, credential.secret)}
            case "bearer":
                return {"authorization": f"Bearer {credential.secret}"}
        return {"private-token": credential.secret}

    def _path(self, slug: str, uid: str = "") -> str:
        return f"projects/{quote(uid or slug, safe='')}"

    async def _commit_at(self, source: Source, name: str) -> Commit:
        """GitLab takes any name of a commit here, also that of a ref."""
        return await self._get(source, f"repository/commits/{quote(name, safe='')}", model.commit)

    async def _ref_head(self, source: Source, ref: str) -> Commit:
        return await self._commit_at(source, ref)

    async def _branch_head(self, source: Source, name: str) -> Commit:
        path = f"repository/branches/{quote(name, safe='')}"
        return await self._get(source, path, lambda found: model.commit(found["commit"]))

    async def _tag_head(self, source: Source, name: str) -> Commit:
        path = f"repository/tags/{quote(name, safe='')}"
        return await self._get(source, path, lambda found: model.commit(found["commit"]))

    async def _tags(self, source: Source) -> Mapping[str, str]:
        path, query = "repository/tags", {"per_page": "100", "order_by": "updated", "sort": "desc"}
        return dict(await self._all(source, path, model.tag, MOST_TAGS, **query))

    async def _file(self, source: Source, sha: str, path: str) -> str:
        """The text of a file. GitLab gives the target of a symbolic link as its text, without a line break."""
        place = quote(path, safe="").replace(".", "%2E")

        def read(found: Any) -> bytes:
            if int(found.get("size") or 0) > MOST_OF_FILE:
                raise files.too_large(path, sha, most=MOST_OF_FILE, size=int(found["size"]))
            return answers.decoded(found, path, sha)

        body = await self._get(source, f"repository/files/{place}", read, ref=sha)
        if len(body) <= _LONGEST_TARGET and b"\n" not in body:
            mode = await self._mode(source, sha, path)
            if mode == files.SYMLINK:
                raise files.unsuitable(mode, path, sha)
        return files.text(body, path, sha)

    async def _why_no_file(self, source: Source, sha: str, path: str) -> Unreadable:
        mode = await self._mode(source, sha, path)
        return files.unsuitable(mode, path, sha) if mode else files.not_found(path, sha)

    async def _mode(self, source: Source, sha: str, path: str) -> str:
        """The mode of an entry in the tree of a commit; empty if there is none."""
        folder, _, name = path.rpartition("/")
        query = {"ref": sha, "per_page": "100"} | ({"path": folder} if folder else {})
        try:
            entries = await self._all(source, "repository/tree", model.entry, **query)
        except Refused:
            return ""
        return dict(entries).get(name, "")

    async def _comparison(self, source: Source, before: str, after: str) -> Comparison:
        query = {"from": before, "to": after}
        return await self._get(source, "repository/compare", model.comparison, **query)

    async def _changes(self, source: Source, sha: str) -> tuple[str, ...]:
        path = f"repository/commits/{sha}/diff"
        return answers.paths(await self._all(source, path, model.change, per_page="100"))

    async def _put_state(self, source: Source, status: Status, state: str) -> None:
        body = {"state": state, "name": status.context, "description": states.described(status.description)}
        if len(status.link) <= _LONGEST_LINK:
            body["target_url"] = status.link
        if ref := model.short_ref(status.ref):
            body["ref"] = ref
        sha = status.sha
        if status.ref.startswith("refs/tags/"):
            sha = (await self._commit(source, sha)).sha  # of the commit, if this is the id of a tag's object
        await self._do(source, "POST", f"statuses/{sha}", body)

    _changing = "PUT"

    def _comments_of(self, talk: Talk) -> str:
        return f"{'merge_requests' if talk.is_request else 'issues'}/{talk.number}/notes"

    def _comment(self, talk: Talk, comment: str) -> str:
        return f"{self._comments_of(talk)}/{comment}"

    async def _show_eyes(self, source: Source, comment: str) -> None:
        """GitLab answers 404 when they are there, too."""
        await self._do(source, "POST", f"{comment}/award_emoji", {"name": "eyes"})

    async def _newest(self, source: Source, talk: Talk, since: int) -> Sequence[tuple[str, str]]:
        """The newest hundred, whatever the time: GitLab does not list comments since a time."""
        query = {"order_by": "created_at", "sort": "desc", "per_page": "100"}
        return await self._all(source, self._comments_of(talk), model.note, 1, **query)

    async def _head(self, source: Source, number: int) -> Head:
        return await self._get(source, f"merge_requests/{number}", model.merge_request)

    async def _hooks(self, source: Source) -> list[Registered]:
        return await self._all(source, HOOKS, model.registered, per_page="100")

    async def _make_hook(self, source: Source, url: str, key: str, older: Sequence[Registered]) -> str:
        body = {"url": url, "token": key, "enable_ssl_verification": True, **dict.fromkeys(EVENTS, True)}
        return await self._make(source, "POST", HOOKS, body, answers.ident, secrets=(key,))
