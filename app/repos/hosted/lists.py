"""Storing what a host lists for an account: repositories, and the account's rights in them (contract scm-api 6.1)."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from app import names
from app.backoff import pauses
from app.db.connect import Database
from app.db.tx import Tx
from app.errors import Unavailable
from app.moments import SERVER, Change, Recorders
from app.repos.hosted import store
from app.repos.hosted.store import Matched, Wanted
from app.repos.input import LONGEST_NAME
from app.repos.model import SECRET, SIGNER, Repo
from app.repos.reserved import is_reserved
from app.scm.forge import Listed
from app.sealing.seal import Seal

log = logging.getLogger(__name__)

T = TypeVar("T")

#: How often a transaction is tried that another one may be in the way of.
TRIES = 4
#: Why a repository is left out.
_TAKEN = "another repository has its name here"
_RESERVED = "addresses of this server begin with its namespace"
#: Characters of a namespace, of which each group has as many as a name.
LONGEST_NAMESPACE = 250


@dataclass(frozen=True, slots=True)
class Lists:
    """Stores lists. `only` are the namespaces whose repositories are taken, in any letter case; none for all.

    No repository is made in a namespace that begins with one of the words `reserved`, or moved there.
    """

    db: Database
    seal: Seal
    recorders: Recorders
    new_key: Callable[[], str]
    only: Collection[str] = ()
    reserved: Collection[str] = ()

    async def keep(self, host: str, user_id: int, login: str, listed: Sequence[Listed], now: int) -> int:
        """Store the whole list of a host for an account; how many repositories the account has there.

        In several transactions, so that nobody waits long for one; what was stored stays when a later one fails. The
        rights in what the host does not list any more go last.
        """
        wanted = self._wanted(listed)
        refused = {one.listed.slug for one in wanted if is_reserved(one.namespace, self.reserved)}
        matched = await self.written(lambda: store.match(host, wanted, now, refused))
        kept = set[int]()
        for at in range(0, len(wanted), store.MOST):
            some = wanted[at : at + store.MOST]
            fresh = [self._fresh(host, one, now) for one in some if matched.is_new(one)]
            kept |= await self.written(partial(store.write, user_id, matched, some, fresh, now))
        await self.written(lambda: self._end(host, user_id, login, matched, kept, now))
        for slug in sorted(matched.taken):
            why = _RESERVED if slug in refused else _TAKEN
            log.warning(f"a repository of a host is left out: {why}", extra={"host": host, "repository": slug})
        return len(kept)

    async def written(self, tx: Callable[[], Tx[T]]) -> T:
        """The result of a transaction, which is tried again when another one was in its way."""
        waits = pauses(0.1, 1.0)
        for _ in range(TRIES - 1):
            with suppress(Unavailable):  # tried again below
                return await self.db.write(tx())
            await asyncio.sleep(next(waits))
        return await self.db.write(tx())

    def _wanted(self, listed: Sequence[Listed]) -> list[Wanted]:
        """The repositories that are taken, each once, in one order for all accounts."""
        found = dict[str, Wanted]()
        for one in listed:
            namespace, _, name = one.slug.rpartition("/")
            if not one.archived and one.uid and self._takes(namespace) and _is_slug(namespace, name):
                found[one.uid] = Wanted(one, namespace, name)
        by_slug = {one.listed.slug: one for one in found.values()}  # one may be renamed while the host lists
        return sorted(by_slug.values(), key=lambda one: one.listed.uid)

    def _takes(self, namespace: str) -> bool:
        """Whether repositories of a namespace are taken; those of a group are also those of the groups in it."""
        whole, only = namespace.lower(), [name.lower().strip("/") for name in self.only]
        return not only or any(whole == one or whole.startswith(f"{one}/") for one in only)

    def _fresh(self, host: str, one: Wanted, now: int) -> Repo:
        """A new repository, which nobody has enabled."""
        listed = one.listed
        return Repo(
            id=0,
            namespace=one.namespace,
            name=one.name,
            uid=listed.uid,
            scm=host,
            git_http_url=listed.http_url,
            git_ssh_url=listed.ssh_url,
            link=listed.link,
            default_branch=listed.default_branch,
            visibility=store.narrower("public", listed.visibility),
            synced=now,
            created=now,
            updated=now,
            signer=self.seal.seal(self.new_key(), SIGNER),
            secret=self.seal.seal(self.new_key(), SECRET),
        )

    def _end(self, host: str, user_id: int, login: str, matched: Matched, kept: Collection[int], now: int) -> Tx[None]:
        revoked = yield from store.end(user_id, host, kept, now)
        done = {
            "added": len(kept) - len(matched.ids),
            "changed": len(matched.changed),
            "renamed": matched.renamed,
            "revoked": revoked,
        }
        if facts := {name: count for name, count in done.items() if count}:
            yield from self.recorders.record(Change("account.sync", SERVER, login, after={"host": host, **facts}))


def _is_slug(namespace: str, name: str) -> bool:
    """Whether a repository of such a name can be in addresses of this server; groups may nest."""
    parts = namespace.split("/")
    return len(namespace) <= LONGEST_NAMESPACE and all(names.is_name(part, LONGEST_NAME) for part in (*parts, name))
