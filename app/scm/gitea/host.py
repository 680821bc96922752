"""Gitea and Forgejo, through their API."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from app.scm import answers, states
from app.scm.client import Client
from app.scm.comparing import Comparing
from app.scm.forge import Comparison, Credential, CredentialOf, Person, Refused, Status, Statuses
from app.scm.gitea import payload
from app.scm.gitea.family import GiteaFamily
from app.scm.hook import Delivery, Notice
from app.scm.host import Commit, Source
from app.scm.oauth import Application, OAuth, Pages, WithOAuth
from app.scm.organisations import WithOrganisations
from app.scm.served import peeled
from app.scm.talks import IssueTalking

#: Leaves out what takes the server time: numbers of changed lines, signatures, and names of files.
_BRIEF = {"stat": "false", "verification": "false", "files": "false"}
_WITH_FILES = _BRIEF | {"files": "true"}


class Gitea(GiteaFamily, Comparing, IssueTalking, WithOrganisations, WithOAuth, Statuses):
    """A server of Gitea or of Forgejo. Neither keeps deployments: the status of a promotion shows them."""

    software = "gitea"

    def __init__(
        self,
        client: Client,
        credential_of: CredentialOf,
        *,
        server: str,
        application: Application | None = None,
    ) -> None:
        super().__init__(client, credential_of, server=server)
        server = server.rstrip("/")
        pages = Pages(f"{server}/login/oauth/authorize", f"{server}/login/oauth/access_token")
        self._oauth = OAuth(client, pages, application)

    def notice(self, headers: Mapping[str, str]) -> Notice | None:
        """What the headers of a webhook of Gitea or Forgejo tell; None for any other request."""
        return payload.notice(headers)

    def read(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """The delivery of a webhook of Gitea or Forgejo; None for any other request."""
        return payload.read(headers, body)

    async def put_status(self, source: Source, status: Status) -> None:
        """See Statuses. A tag's object is peeled first, because a status belongs to a commit."""
        sha = await self._peeled(source, status.sha) if status.ref.startswith("refs/tags/") else status.sha
        await self._do(source, "POST", f"statuses/{sha}", states.body(status))

    async def _administers(self, credential: Credential, person: Person, organisation: str) -> bool:
        path = f"users/{quote(person.login, safe='')}/orgs/{organisation}/permissions"
        return await self._api.get(credential, path, _is_admin)

    def _path(self, slug: str, uid: str = "") -> str:
        return f"repositories/{quote(uid)}" if uid else super()._path(slug)

    async def _commit_at(self, source: Source, name: str) -> Commit:
        return await self._get(source, f"git/commits/{name}", answers.commit, **_BRIEF)

    async def _tag_head(self, source: Source, name: str) -> Commit:
        path = f"tags/{quote(name)}"
        return await self._commit(source, await self._get(source, path, lambda found: str(found["commit"]["sha"])))

    async def _ref_head(self, source: Source, ref: str) -> Commit:
        if ref.startswith("refs/tags/"):
            return await self._tag_head(source, ref.removeprefix("refs/tags/"))
        path = f"git/refs/{quote(ref.removeprefix('refs/'))}"
        kind, sha = await self._get(source, path, lambda found: _exactly(found, ref))
        return await self._commit(source, await self._peeled(source, sha) if kind == "tag" else sha)

    async def _tags(self, source: Source) -> Mapping[str, str]:
        """Gitea answers that a repository without tags has no such refs."""
        try:
            return dict(await self._all(source, "git/refs/tags", answers.tag))
        except Refused as error:
            self._raise_unless_absent(error)
            return {}

    async def _comparison(self, source: Source, before: str, after: str) -> Comparison:
        return await self._get(source, f"compare/{before}...{after}", _comparison)

    async def _changes(self, source: Source, sha: str) -> tuple[str, ...]:
        path = f"git/commits/{sha}"
        return await self._get(source, path, lambda found: answers.paths(answers.changes(found)), **_WITH_FILES)

    async def _peeled(self, source: Source, sha: str) -> str:
        return await peeled(sha, lambda oid: self._get(source, f"git/tags/{oid}", answers.named))


def _is_admin(found: Any) -> bool:
    return bool(found["is_owner"] or found["is_admin"])


def _exactly(found: Any, ref: str) -> tuple[str, str]:
    """What a ref names, in an answer that also lists the refs whose names begin with its name."""
    return answers.named(next((one for one in found if one["ref"] == ref), None) if isinstance(found, list) else found)


def _comparison(found: Any) -> Comparison:
    """The host gives the newest commit first, and names the paths of each commit."""
    commits = [answers.commit(one) for one in reversed(found.get("commits") or ())]
    changes = [change for one in found.get("commits") or () for change in answers.changes(one)]
    return Comparison(tuple(commits), answers.paths(changes))
