"""`gantry serve`: the server."""

import asyncio
import os
import sys

import click
import uvicorn
import uvloop

from app import log, settings
from app.errors import AppError
from app.main import Site, check, open_site
from app.web.protocol import Protocol

#: Seconds that open requests are given when the server stops.
GRACE = 5


class Server(uvicorn.Server):
    """Ends streams and asks the runner to stop as soon as the signal comes, not after the last request."""

    def __init__(self, site: Site) -> None:
        config = uvicorn.Config(
            site.app,
            host=site.settings.host or None,  # type: ignore[arg-type]  # None is every interface, as asyncio has it
            port=site.settings.port,
            http=Protocol,
            ws="none",
            loop="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=GRACE,
        )
        super().__init__(config)
        self._site = site
        self.stopping: asyncio.Task[None] | None = None

    def handle_exit(self, sig: int, frame: object) -> None:
        """The first signal begins the end; a second one is uvicorn's."""
        if self.stopping is None:
            self.stopping = asyncio.get_event_loop().create_task(self._site.stop())
        super().handle_exit(sig, frame)  # type: ignore[arg-type]  # a frame or None


async def _serve(loaded: settings.Settings) -> None:
    async with open_site(loaded) as site:
        server = Server(site)
        await server.serve()
        if server.stopping is not None:
            await server.stopping


@click.command
@click.option("--check", "only_check", is_flag=True, help="Only check settings, data folder and database.")
def serve(only_check: bool) -> None:
    """Run the server. Settings come from the environment; the README lists them."""
    try:
        loaded = settings.load(os.environ)
        log.configure()
        if only_check:
            asyncio.run(check(loaded))
            click.echo("the settings are good")
        else:
            uvloop.run(_serve(loaded))
    except AppError as error:
        click.echo(f"gantry: {error.message}", err=True)
        sys.exit(1)
