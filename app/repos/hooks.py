"""The webhook of this server at the host of a repository (contract scm-api 5)."""

import logging
from dataclasses import replace

from app.errors import AppError
from app.repos.model import SIGNER, Repo, source
from app.scm.forge import Hooks
from app.scm.hosts import Hosts
from app.sealing.seal import Seal

log = logging.getLogger(__name__)

#: The path of the route that takes webhooks.
PATH = "/hook"


async def install(hosts: Hosts, seal: Seal, repo: Repo, public_url: str, by: int) -> bool:
    """Let the host of a repository send its webhooks here, as the account `by` may; False for plain git, which cannot.

    Unreadable with the host's reason when the host refuses, Unavailable when the host is away.
    """
    asked = replace(source(repo), account=by)
    if not isinstance(host := hosts.of(asked), Hooks):
        return False
    await host.install_hook(asked, public_url + PATH, seal.open(repo.signer, SIGNER))
    return True


async def remove(hosts: Hosts, repo: Repo, public_url: str, by: int) -> None:
    """Let the host send no more webhooks here. A host that refuses, or is away, is told of in the log: what it still
    sends starts nothing, as the repository is disabled."""
    asked = replace(source(repo), account=by)
    try:
        if isinstance(host := hosts.of(asked), Hooks):
            await host.remove_hook(asked, public_url + PATH)
    except AppError as error:
        about = {"repo_id": repo.id, "host": repo.scm, "reason": error.message}
        log.warning("the webhook of a repository could not be removed at its host", extra=about)
