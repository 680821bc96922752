"""What Gitea, Forgejo and Gogs have in common: most of an API that began as one."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from app.scm import answers
from app.scm.api import basic
from app.scm.client import Client
from app.scm.forge import Credential, CredentialOf, Listed, Person
from app.scm.host import Commit, Source
from app.scm.served import MOST_OF_FILE
from app.scm.server import Server
from app.scm.webhooks import HOOKS, Registered, Registering


class GiteaFamily(Registering):
    """A server whose API is below `/api/v1/`. `software` is the type of its webhooks."""

    software: str
    #: What a webhook is registered for (contract scm-api 5).
    events: tuple[str, ...] = ("push", "create", "delete", "pull_request", "issue_comment")

    def __init__(self, client: Client, credential_of: CredentialOf, *, server: str) -> None:
        server = server.rstrip("/")
        super().__init__(client, credential_of, Server(server), f"{server}/api/v1/")

    async def person(self, credential: Credential) -> Person:
        """See Directory."""
        return await self._whose(self._api.get(credential, "user", person))

    _own_repositories = ("user/repos", {"limit": "100"})
    _own_organisations = ("user/orgs", {"limit": "100"})

    def _read_listed(self, found: Any) -> Listed:
        return answers.listed(found)

    def _read_organisation(self, found: Any) -> str:
        return answers.text(found.get("username") or found["name"])

    def _shown(self, credential: Credential) -> Mapping[str, str]:
        match credential.kind:
            case "basic":
                return {"authorization": basic(credential.login, credential.secret)}
            case "bearer":
                return {"authorization": f"Bearer {credential.secret}"}
        return {"authorization": f"token {credential.secret}"}

    def _path(self, slug: str, uid: str = "") -> str:
        return f"repos/{slug}"

    async def _place(self, source: Source) -> str:
        """All calls but that for the settings take a slug alone, so the host is asked which one is the repository's."""
        return self._path((await self._recent(source)).slug) if source.uid else await super()._place(source)

    async def _branch_head(self, source: Source, name: str) -> Commit:
        return await self._get(source, f"branches/{quote(name)}", _branch_commit)

    async def _file(self, source: Source, sha: str, path: str) -> str:
        def read(found: Any) -> str:
            return answers.contents(found, path, sha, MOST_OF_FILE)

        return await self._get(source, f"contents/{quote(path)}", read, ref=sha)

    async def _hooks(self, source: Source) -> list[Registered]:
        return await self._all(source, HOOKS, answers.registered, limit="100")

    async def _make_hook(self, source: Source, url: str, key: str, older: Sequence[Registered]) -> str:
        body = {
            "type": self.software,
            "active": True,
            "events": self.events,
            "config": {"url": url, "content_type": "json", "secret": key},
        }
        return await self._make(source, "POST", HOOKS, body, answers.ident, secrets=(key,))


def person(found: Any) -> Person:
    """An account."""
    return Person(
        answers.ident(found),
        answers.account(found),
        answers.text(found.get("email")),
        answers.text(found.get("avatar_url")),
    )


def _branch_commit(found: Any) -> Commit:
    """The commit of a branch, which has the form of a commit in a webhook."""
    commit, author = found["commit"], found["commit"].get("author") or {}
    return Commit(
        sha=str(commit["id"]),
        message=answers.text(commit.get("message")),
        author_login=answers.account(author),
        author_name=answers.text(author.get("name")),
        author_email=answers.text(author.get("email")),
        timestamp=answers.seconds(commit.get("timestamp")),
    )
