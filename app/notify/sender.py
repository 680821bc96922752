"""Sends to the host of a repository what waits in the outbox."""

from collections.abc import Mapping

from app.builds import store as builds
from app.db.connect import Database
from app.db.tx import Tx
from app.errors import AppError, Unreadable
from app.outbox.model import Entry, Kind
from app.outbox.worker import Channel, nothing
from app.repos import store as repos
from app.repos.model import source
from app.scm.forge import Deployment, Deployments, Status, Statuses
from app.scm.host import Source, as_told
from app.scm.hosts import Hosts

#: The longest id of a deployment that is stored: the largest number of a column has more digits.
_DIGITS = 18


class Sender:
    """Sends statuses and deployments."""

    def __init__(self, db: Database, hosts: Hosts) -> None:
        self._db = db
        self._hosts = hosts

    @property
    def channels(self) -> Mapping[Kind, Channel]:
        """What sends entries, by kind."""
        return {"status": Channel(self.send_status), "deployment": Channel(self.send_deployment)}

    async def send_status(self, entry: Entry) -> Tx[None]:
        """Show the status of a commit."""
        where = await self._source(entry)
        host = self._hosts.awaited(where)
        if not isinstance(host, Statuses):
            raise Unreadable(f"the host {host.name!r} shows no statuses of commits")
        try:
            await host.put_status(where, Status(**entry.payload))
        except AppError as error:
            raise as_told(error) from error
        return nothing()

    async def send_deployment(self, entry: Entry) -> Tx[None]:
        """Show a deployment. The id that the host gives to a new one is stored with the build."""
        where = await self._source(entry)
        host = self._hosts.awaited(where)
        if not isinstance(host, Deployments):
            raise Unreadable(f"the host {host.name!r} shows no deployments")
        build = await self._db.glance(builds.find_if_any(entry.payload["build"]))
        if build is None:  # it was purged meanwhile, and its id at the host with it
            return nothing()
        known = str(build.deploy_id) if build.deploy_id else ""
        try:
            given = await host.put_deployment(where, known, Deployment(**entry.payload["deployment"]))
        except AppError as error:
            raise as_told(error) from error
        if known or not (given.isdecimal() and given.isascii() and len(given) <= _DIGITS):
            return nothing()
        return builds.set_deploy_id(build.id, int(given))

    async def _source(self, entry: Entry) -> Source:
        return source(await self._db.glance(repos.find(entry.repo)))
