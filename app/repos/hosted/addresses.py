"""The addresses from which steps clone a repository of a host: those of the repository that is meant."""

import asyncio
import logging
from dataclasses import dataclass, replace

from app.errors import AppError, NotFound, Unreadable
from app.repos.model import Repo, source
from app.scm.forge import Clones, CredentialOf
from app.scm.hosts import Hosts

log = logging.getLogger(__name__)

#: Seconds that a host gets: a stage waits.
PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """Finds the addresses of a repository. The name in the stored ones may be another repository's since a rename."""

    hosts: Hosts
    credential_of: CredentialOf

    async def __call__(self, repo: Repo) -> Repo:
        """The repository with the addresses that it has at its host now; unchanged when the host does not tell.

        Unreadable when the host says that the repository is gone, or that its name is another repository's.
        """
        where = source(repo)
        if not where.uid:
            return repo
        try:
            async with asyncio.timeout(PATIENCE):
                host = self.hosts.of(where)
                if not isinstance(host, Clones):
                    return repo
                if repo.private and await self.credential_of(where) is None:
                    return repo  # which is hidden from a call that shows nothing: its absence says nothing
                found = await host.found(where)
        except NotFound as error:
            message = f"{repo.slug} is not at {repo.scm} any more, or hidden from the account that asks"
            raise Unreadable(f"{message}: {error.message}", code="repository_gone") from error
        except (AppError, TimeoutError) as error:
            if isinstance(error, AppError) and error.code == "another_repository":
                raise
            reason = error.message if isinstance(error, AppError) else f"no answer within {PATIENCE:g} s"
            about = {"repo": repo.slug, "host": repo.scm, "reason": reason}
            log.warning("a host does not tell the address of a repository", extra=about)
            return repo
        if found.slug == repo.slug:
            return repo
        return replace(repo, git_http_url=found.http_url, git_ssh_url=found.ssh_url)
