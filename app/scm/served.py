"""Hosts that are read through their API: what they have in common, and what each says for itself."""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from app.errors import NotFound, Unauthorized, Unreadable
from app.scm import files, refs
from app.scm.api import Api, Read
from app.scm.cache import Cache, weigh_commit
from app.scm.client import Client
from app.scm.forge import (
    Clones,
    Credential,
    CredentialOf,
    Directory,
    Listed,
    Refused,
    Rejected,
    Renewing,
    TooMuch,
)
from app.scm.host import TOKEN_AS_LOGIN, Account, Commit, Host, Source, Tips
from app.scm.server import Server

T = TypeVar("T")

#: Bytes of a pipeline file (contract scm-api 1), and of what one host keeps in memory, at most.
MOST_OF_FILE, MOST_KEPT = 1024 * 1024, 32 * 1024 * 1024
#: Statuses with which hosts say that a commit is not there: GitHub and Gitea say 422 for an unknown id, and GitHub 409
#: for a repository without commits.
_NO_COMMIT = frozenset({404, 409, 422})

#: Seconds for which a host's word on what a name means is kept: one operation asks once.
FRESH = 10
#: Bytes of the settings of a repository in memory, about.
_LISTED = 1000
#: Tags that name one another, which are followed.
_MOST_TAGS = 5


class Served(Host, Tips, Directory, Clones):
    """A host with an API. Files and commits are kept in memory, because they never change.

    `credential_of` finds what a call about a repository shows. A subclass says which calls give a file, a commit, a
    branch and so on; each of these raises Refused when there is none.
    """

    def __init__(
        self, client: Client, credential_of: CredentialOf, server: Server, base: str, *, kept: int = MOST_KEPT
    ) -> None:
        self._client = client
        self._credential_of = credential_of
        given: object = credential_of
        self._renewing = given if isinstance(given, Renewing) else None
        self._server = server
        self._api = Api(client, base, self._shown)
        self._cache = Cache(kept)

    @property
    def name(self) -> str:
        """The name of the host in the settings, and the value of `scm` of its repositories."""
        return self._client.name

    def serves(self, url: str) -> bool:
        """Whether a repository of this address, for http or ssh, is at this server."""
        return self._server.serves(url)

    def check_url(self, url: str) -> None:
        """Raise Invalid (field `git_http_url`) for an address that is no repository of this server."""
        self._server.check(url)

    async def default_branch(self, source: Source) -> str:
        """The default branch in the settings of the repository; Unreadable (`no_default_branch`) without one."""
        if branch := (await self._settings(source)).default_branch:
            return branch
        message = f"{source.url} has no default branch: push a first commit, or set the branch yourself"
        raise Unreadable(message, code="no_default_branch")

    async def branch(self, source: Source, name: str) -> Commit:
        """The newest commit of a branch; the host is asked each time."""
        refs.check("branch", name)
        return await self._named(self._branch_head(source, name), f"branch {name} not found")

    async def tips(self, source: Source, branch: str) -> Mapping[str, str]:
        """See Tips."""
        head = await self.branch(source, branch)
        tags = await self._tags(source)
        return {f"refs/heads/{branch}": head.sha} | {f"refs/tags/{name}": oid for name, oid in tags.items()}

    async def commit(self, source: Source, name: str) -> Commit:
        """A commit by id, full ref, branch, tag or abbreviated id (7 digits or more), tried in this order."""
        if refs.is_full_id(name.lower()):
            return await self._commit(source, name.lower())
        refs.check("commit", name)
        if name == "HEAD":
            return await self.branch(source, await self.default_branch(source))
        if name.startswith("refs/heads/"):
            return await self.branch(source, name.removeprefix("refs/heads/"))
        if name.startswith("refs/"):
            return await self._named(self._ref_head(source, name), f"commit {name} not found: there is no such ref")
        for look in (self._branch_head, self._tag_head, *([self._commit_at] if refs.is_short_id(name) else [])):
            try:
                return await look(source, name)
            except Refused as error:
                self._raise_unless_absent(error)
        raise NotFound(f"commit {name} not found: there is no such branch, tag or commit id")

    async def read_file(self, source: Source, sha: str, path: str) -> str:
        """The text of a regular file at a commit; the host is not asked again for a file that was read.

        Unreadable has the code config_not_found, config_symlink, config_not_a_file, config_too_large or
        config_not_utf8, or that of a call that failed.
        """
        sha = refs.whole_id(sha)
        files.check_path(path)
        return await self._kept(source, "file", sha, path, make=lambda: self._read(source, sha, path), weigh=len)

    async def forget(self, source: Source) -> None:
        """Remove what is kept of a repository in memory."""
        self._cache.drop(lambda key: key[0] == source.repo_id)

    async def drop_unused(self, used: Collection[int], since: int) -> None:
        """Remove what is kept, in memory, of repositories whose ids are not among these."""
        self._cache.drop(lambda key: key[0] not in used)

    async def repository(self, credential: Credential, slug: str, uid: str = "") -> Listed:
        """See Directory."""
        if not self._server.is_slug(slug):
            raise NotFound(f"{self.name} has no repository {slug[:80]!r}: write namespace/name")
        try:
            return await self._api.get(credential, self._path(slug, uid), self._read_listed)
        except Refused as error:
            raise self._absent(error) from None

    async def repositories(self, credential: Credential, tell: Callable[[int], None] = lambda _: None) -> list[Listed]:
        """All repositories that the account may see; `tell` is called after each page of the host's list."""
        found: dict[str, Listed] = {}
        path, query = self._own_repositories
        async for page in self._api.pages(credential, path, _each(self._read_listed), **query):
            found |= {one.uid: one for one in page}  # pages overlap when a repository is made meanwhile
            tell(len(found))
        return list(found.values())

    async def organisations(self, credential: Credential) -> Sequence[str]:
        """The names of the organisations, or groups, of the account, in order."""
        path, query = self._own_organisations
        pages = self._api.pages(credential, path, _each(self._read_organisation), **query)
        return sorted([name async for page in pages for name in page])

    def clone_account(self, credential: Credential) -> Account:
        """The token as login; a password with its login."""
        if credential.kind == "basic":
            return Account(credential.login, credential.secret)
        return Account(credential.secret, TOKEN_AS_LOGIN)

    async def found(self, source: Source) -> Listed:
        """See Clones."""
        try:
            return await self._recent(source)
        except Refused as error:
            raise self._absent(error) from None

    # What each host says for itself.

    #: The path and the query of the list of repositories, and of organisations, of an account.
    _own_repositories: tuple[str, Mapping[str, str]]
    _own_organisations: tuple[str, Mapping[str, str]]

    @abstractmethod
    def _read_listed(self, found: Any) -> Listed:
        """Read a repository of the list."""

    @abstractmethod
    def _read_organisation(self, found: Any) -> str:
        """Read the name of an organisation of the list."""

    @abstractmethod
    def _shown(self, credential: Credential) -> Mapping[str, str]:
        """The headers, in lower case, with which a call shows a credential."""

    @abstractmethod
    def _path(self, slug: str, uid: str = "") -> str:
        """The path of a repository: by its id, if the id is known and the host takes an id, else by its slug."""

    @abstractmethod
    async def _commit_at(self, source: Source, name: str) -> Commit:
        """The commit of an id, or of an abbreviated id."""

    @abstractmethod
    async def _branch_head(self, source: Source, name: str) -> Commit:
        """The newest commit of a branch."""

    @abstractmethod
    async def _tag_head(self, source: Source, name: str) -> Commit:
        """The commit of a tag, also of an annotated one."""

    @abstractmethod
    async def _ref_head(self, source: Source, ref: str) -> Commit:
        """The commit of a ref `refs/…`, which is no branch."""

    @abstractmethod
    async def _tags(self, source: Source) -> Mapping[str, str]:
        """The ids that tags name, by the tag's name: as `tips` gives them."""

    @abstractmethod
    async def _file(self, source: Source, sha: str, path: str) -> str:
        """The text of a file."""

    # What the hosts use.

    async def _settings(self, source: Source) -> Listed:
        """A repository with the rights of whoever calls; NotFound when there is none, or it is hidden."""
        try:
            return await self._asked(source)
        except Refused as error:
            raise self._absent(error) from None

    async def _asked(self, source: Source) -> Listed:
        """As `_settings`; Refused without any, Unreadable (`another_repository`) when another one has the name."""
        slug = self._server.slug(source.url)
        path = self._path(slug, source.uid)
        found = await self._asking(source, lambda shown: self._api.get(shown, path, self._read_listed))
        if source.uid not in ("", found.uid):
            message = f"{slug} at {self.name} is another repository by now: synchronise, which finds the one that was"
            raise Unreadable(f"{message} meant under its new name (gantry repo sync)", code="another_repository")
        return found

    async def _recent(self, source: Source) -> Listed:
        """As `_asked`; an answer is kept for FRESH seconds at most."""
        period = str(int(self._client.clock() // FRESH))
        return await self._kept(
            source, "settings", source.uid, period, make=lambda: self._asked(source), weigh=lambda _: _LISTED
        )

    async def _place(self, source: Source) -> str:
        """The path of calls about a repository. They reach the repository that is meant, or none."""
        return self._path(self._server.slug(source.url), source.uid)

    async def _below(self, source: Source, path: str) -> str:
        return f"{await self._place(source)}/{path}"

    # The paths of the calls that follow are below that of the repository.

    async def _get(self, source: Source, path: str, read: Read[T], /, **query: str) -> T:
        """What an answer about a repository holds."""
        whole = await self._below(source, path)
        return await self._asking(source, lambda shown: self._api.get(shown, whole, read, **query))

    async def _text(self, source: Source, path: str) -> str:
        """An answer about a repository that is plain text."""
        whole = await self._below(source, path)
        return await self._asking(source, lambda shown: self._api.text(shown, whole))

    async def _do(self, source: Source, method: str, path: str, body: Any = None, **query: str) -> None:
        """A call about a repository, of whose answer only the status counts."""
        whole = await self._below(source, path)
        await self._asking(source, lambda shown: self._api.do(shown, method, whole, body, **query))

    async def _make(
        self,
        source: Source,
        method: str,
        path: str,
        body: Any,
        read: Read[T],
        *,
        secrets: tuple[str, ...] = (),
    ) -> T:
        """What the answer to a call with a body holds; `secrets` are texts of the body that no message may hold."""
        whole = await self._below(source, path)
        return await self._asking(
            source, lambda shown: self._api.make(shown, method, whole, body, read, secrets=secrets)
        )

    async def _all(self, source: Source, path: str, read: Read[T], most: int | None = None, /, **query: str) -> list[T]:
        """All things of a list about a repository; with `most`, the first ones, at least so many."""
        return await self._paged(source, path, _each(read), most, **query)

    async def _paged(
        self, source: Source, path: str, read: Read[list[T]], most: int | None = None, /, **query: str
    ) -> list[T]:
        """As `_all`, of a list whose pages `read` reads."""
        whole = await self._below(source, path)

        async def ask(shown: Credential | None) -> list[T]:
            found = list[T]()
            async for page in self._api.pages(shown, whole, read, **query):
                found += page
                if most is not None and len(found) >= most:
                    break
            return found

        return await self._asking(source, ask)

    async def _asking(self, source: Source, ask: Callable[[Credential | None], Awaitable[T]]) -> T:
        """The answer to a call about a repository, made once more where the first credential was not taken."""
        if self._renewing is not None:
            return await self._renewing.call(source, ask)
        return await ask(await self._credential_of(source))

    async def _kept(
        self, source: Source, kind: str, *key: str, make: Callable[[], Awaitable[T]], weigh: Callable[[T], int]
    ) -> T:
        """What never changes for a key, from memory if it is there."""
        whole = (source.repo_id, (source.url, kind, *key))
        return await self._cache.get(whole, make, weigh)

    async def _whose(self, asking: Awaitable[T]) -> T:
        """The answer about an account; Unauthorized when the host does not take its credential."""
        try:
            return await asking
        except Rejected as error:
            raise Unauthorized(error.message) from None

    async def _named(self, looking: Awaitable[T], message: str) -> T:
        """What a look-up finds; NotFound with a message when there is none."""
        try:
            return await looking
        except Refused as error:
            self._raise_unless_absent(error)
            raise NotFound(message) from None

    async def _why_no_file(self, source: Source, sha: str, path: str) -> Unreadable:
        """Why a commit has no file of a path, for hosts that say only that there is none."""
        return files.not_found(path, sha)

    async def _commit(self, source: Source, sha: str) -> Commit:
        looking = self._kept(source, "commit", sha, make=lambda: self._commit_at(source, sha), weigh=weigh_commit)
        return await self._named(looking, f"commit {sha} not found")

    async def _read(self, source: Source, sha: str, path: str) -> str:
        try:
            return await self._file(source, sha, path)
        except TooMuch:
            raise files.too_large(path, sha, most=MOST_OF_FILE) from None
        except Refused as error:
            self._raise_unless_absent(error)
        await self._commit(source, sha)
        raise await self._why_no_file(source, sha, path)

    def _raise_unless_absent(self, error: Refused) -> None:
        if error.status not in _NO_COMMIT:
            raise error

    def _absent(self, error: Refused) -> Exception:
        return NotFound(error.message) if error.absent else error


async def peeled(sha: str, look: Callable[[str], Awaitable[tuple[str, str]]]) -> str:
    """The commit of a tag's object; the id itself if it is of no such object. `look` reads a tag's object."""
    for _ in range(_MOST_TAGS):
        try:
            kind, sha = await look(sha)
        except Refused:
            return sha
        if kind != "tag":
            return sha
    return sha


def _each(read: Read[T]) -> Read[list[T]]:
    """Reads a list of what `read` reads."""
    return lambda found: [read(one) for one in _list(found)]


def _list(found: object) -> list[object]:
    if not isinstance(found, list):
        raise TypeError("not a list")
    return found
