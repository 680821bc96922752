"""Gogs, through its API: as Gitea, without OAuth2 and statuses. What commits have changed, git tells."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from app.errors import Unauthorized, Unavailable
from app.scm import answers, refs
from app.scm.client import Client
from app.scm.forge import Compares, Comparison, Credential, CredentialOf, Granted, Passwords, Person, Refused
from app.scm.git.address import Remote
from app.scm.git.command import Command
from app.scm.git.comparisons import Comparisons
from app.scm.git.mirrors import Mirrors
from app.scm.gitea.family import GiteaFamily, person
from app.scm.gogs import payload
from app.scm.hook import Delivery, Notice
from app.scm.host import Commit, Source


class Gogs(GiteaFamily, Compares, Passwords):
    """A server of Gogs. A commit that is asked for by its id has the first line of its message alone.

    `mirrors` is the folder of mirrors, from which commits are compared; `environ` and `skip_verify` as in Command.
    """

    software = "gogs"

    def __init__(
        self,
        client: Client,
        credential_of: CredentialOf,
        *,
        server: str,
        mirrors: Path,
        environ: Mapping[str, str] = MappingProxyType({}),
        skip_verify: bool = False,
        timeout: float = 30,
    ) -> None:
        super().__init__(client, credential_of, server=server)
        scheme, directory = server.partition("://")[0], mirrors.resolve()
        command = Command(
            directory,
            timeout=timeout,
            known_hosts=None,
            environ=environ,
            protocols=scheme,
            skip_verify=skip_verify,
        )
        self._mirrors = Mirrors(directory, command)
        self._comparisons = Comparisons(self._mirrors)

    def notice(self, headers: Mapping[str, str]) -> Notice | None:
        """What the headers of a webhook of Gogs tell; None for any other request."""
        return payload.notice(headers)

    def read(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """The delivery of a webhook of Gogs; None for any other request."""
        return payload.read(headers, body)

    async def person(self, credential: Credential) -> Person:
        """See Directory. Gogs takes a password for its list of tokens alone, so that list is asked for first."""
        if credential.kind != "basic":
            return await super().person(credential)
        path = _account(credential)
        await self._whose(self._api.get(credential, f"{path}/tokens", lambda found: None))
        try:
            return await self._api.get(credential, path, person)
        except Refused as error:
            raise Unauthorized(f"{self.name} has no account {credential.login}: log in with its name") from error

    async def token(self, login: str, password: str) -> Granted:
        """See Passwords."""
        credential = Credential("basic", password, login)
        body = {"name": f"gantry-{secrets.token_hex(6)}"}
        making = self._api.make(credential, "POST", f"{_account(credential)}/tokens", body, _token)
        return Granted(await self._whose(making))

    async def compare(self, source: Source, before: str, after: str) -> Comparison:
        """See Compares."""
        return await self._comparisons.compare(source.repo_id, before, after, lambda: self._remote(source))

    async def changed(self, source: Source, sha: str) -> Sequence[str]:
        """See Compares."""
        return await self._comparisons.changed(source.repo_id, sha, lambda: self._remote(source))

    async def forget(self, source: Source) -> None:
        """See Host."""
        await super().forget(source)
        self._comparisons.forget(source.repo_id)
        await self._mirrors.forget(source.repo_id)

    async def drop_unused(self, used: Collection[int], since: int) -> None:
        """See Host."""
        await super().drop_unused(used, since)
        await self._mirrors.drop_unused(used, since)

    async def _remote(self, source: Source) -> Remote:
        shown = await self._credential_of(source)
        access = self.clone_account(shown) if shown else None
        return Remote(f"{self._server.url}/{quote(self._server.slug(source.url))}.git", access=access)

    async def _commit_at(self, source: Source, name: str) -> Commit:
        return await self._get(source, f"commits/{name}", answers.commit)

    async def _tag_head(self, source: Source, name: str) -> Commit:
        return await self._ref_head(source, f"refs/tags/{name}")

    async def _ref_head(self, source: Source, ref: str) -> Commit:
        """The answer about a ref is the id of its commit, as plain text."""
        path = f"commits/{quote(ref)}"
        sha = await self._text(source, path)
        if refs.is_full_id(sha):
            return await self._commit(source, sha)
        message = f"{self.name} answered GET {path} with something else than the id of a commit"
        raise Unavailable(message, code="host_not_understood")

    async def _tags(self, source: Source) -> Mapping[str, str]:
        """Gogs has no list of tags."""
        return {}

    def _shown(self, credential: Credential) -> Mapping[str, str]:
        if credential.kind == "bearer":  # there are no tokens of OAuth2
            return {"authorization": f"token {credential.secret}"}
        return super()._shown(credential)


def _account(credential: Credential) -> str:
    """The path of the account of a password; Unauthorized for what cannot be sent as one."""
    if not credential.login or not credential.secret or ":" in credential.login:
        raise Unauthorized("a login and a password are needed")
    return f"users/{quote(credential.login, safe='')}"


def _token(found: Any) -> str:
    return str(found["sha1"])
