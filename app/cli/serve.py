"""`gantry serve`: the server."""

import asyncio
import gc
import logging
import os
import socket
import sys

import click
import uvicorn
import uvloop

from app import log
from app.cli import demo, files
from app.cli.harden import harden
from app.cli.listen import listen
from app.cli.terminal.commands import command
from app.errors import AppError
from app.main.bootstrap import ADMIN_TOKEN
from app.main.maintenance import check
from app.main.site import Site, open_site
from app.settings import server as settings
from app.settings.server import Settings
from app.settings.values import Bootstrap
from app.web import serving
from app.web.connections import Connections, Limits
from app.web.protocol import Protocol
from app.web.proxies import Proxies

logger = logging.getLogger(__name__)

#: The most connections, unless the settings say more: one that only waits costs 10 to 20 KiB.
MOST_CONNECTIONS = 16_384
#: The part of the connections that strangers of one address may have: one of so many.
SHARE = 4
#: Seconds that open requests get to end when the server stops.
GRACE = 5
#: New objects after which Python looks for garbage in cycles.
NEW_OBJECTS = 20_000


class Server(serving.Server):
    """Ends streams and stops the runner as soon as a signal comes, not after the last request."""

    def __init__(self, site: Site, connections: Connections) -> None:
        config = uvicorn.Config(
            site.app,
            http=Protocol,
            ws="none",
            loop="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE,
        )
        super().__init__(config, connections)
        self._site = site
        self._stops: list[asyncio.Task[None]] = []
        self.demo: asyncio.Task[None] | None = None

    def handle_exit(self, sig: int, frame: object) -> None:
        """Stop the server at a signal: the first gives requests and stages time to end, another one gives none.

        Unlike in uvicorn, the signal is not raised again afterwards: a stopped server exits with code 0.
        """
        logger.info("stopping at once" if self.should_exit else "shutting down")
        self.force_exit = self.should_exit
        self.should_exit = True
        stop = self._site.stop(0) if self.force_exit else self._site.stop()
        self._stops.append(asyncio.get_event_loop().create_task(stop))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the connections, then wait for the stages; `handle_exit` still handles signals."""
        await super().shutdown(sockets)
        while self._stops:
            await self._stops.pop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and then start making the demo, if the settings want it: the demo is made over HTTP."""
        await super().startup(sockets)
        if self.should_exit:
            return
        settings = self._site.settings
        logger.info("listening", extra={"url": settings.own_url} | _elsewhere(settings))
        if settings.demo and settings.admin is not None:
            token = settings.admin.token or self._site.folder.kept(ADMIN_TOKEN) or ""
            making = asyncio.to_thread(demo.prepare, self._site.folder, settings.own_url, token)
            self.demo = asyncio.create_task(making)


def _elsewhere(settings: Settings) -> dict[str, str]:
    """The address of links, if the settings name another one than that of the machine."""
    return {} if settings.public_url == settings.own_url else {"public": settings.public_url}


def _collect_seldom() -> None:
    """Look for garbage in cycles less often, and never among what stands for the server's whole life.

    Python looks after every 700 new objects, a few requests; to look costs a tenth of the time of a promotion.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 20, 20)


async def _serve(loaded: Settings) -> None:
    connections = _connections(loaded)
    with listen(loaded.bind, "GANTRY_BIND") as listener:
        async with open_site(loaded.listening_at(listener.getsockname()[1])) as site:
            _collect_seldom()
            server = Server(site, connections)
            await server.serve([listener])
            if server.demo is not None:
                await server.demo


def _connections(loaded: Settings) -> Connections:
    room = files.connections(files.raise_limit(), loaded.runner_capacity)
    if loaded.connections > room:
        about = {"wanted": loaded.connections, "connections": room}
        logger.warning("there are too few files for GANTRY_CONNECTIONS; see ulimit -n", extra=about)
    most = min(loaded.connections or MOST_CONNECTIONS, room)
    limits = Limits(connections=most, share=max(most // SHARE, 1))
    return Connections(limits, Proxies(loaded.trusted_proxies).__contains__)


def _with_demo(loaded: Settings) -> Settings:
    """The settings with the demo's administrator, if the demo is on and the settings name no administrator."""
    if not loaded.demo or loaded.admin is not None:
        return loaded
    return loaded.model_copy(update={"admin": Bootstrap(demo.LOGIN, admin=True)})


@command(example=["gantry serve", "gantry serve --check"])
@click.option("--check", "only_check", is_flag=True, help="Only check settings, data folder and database.")
def serve(only_check: bool) -> None:
    """Run the server. Settings come from the environment; docs/settings.md lists them."""
    try:
        loaded = settings.load(os.environ)
        harden()
        log.configure(loaded.log)
        if only_check:
            asyncio.run(check(loaded))
            click.echo("the settings are good")
        else:
            uvloop.run(_serve(_with_demo(loaded)))
    except AppError as error:
        click.echo(f"gantry: {error.message}", err=True)
        sys.exit(1)
