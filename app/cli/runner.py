"""`gantry runner`: the exec runner as a separate program, on any machine."""

import asyncio
import logging
import os
import re
import signal
import sys
from contextlib import AbstractAsyncContextManager, aclosing, closing, nullcontext, suppress
from pathlib import Path
from typing import IO

import click
import uvloop

from app import folder, log
from app.backoff import pauses
from app.cli import files
from app.cli.harden import harden
from app.cli.terminal.commands import command
from app.errors import AppError
from app.folder import BadFolder, private
from app.runners.exec import workspace
from app.runners.exec.confinement import confine
from app.runners.exec.options import Options
from app.runners.exec.plugins import Plugins
from app.runners.exec.remote import RemoteManager
from app.runners.exec.runner import Runner, this_arch, this_os
from app.runners.exec.sandbox import Hidden
from app.runners.manager import Filter
from app.settings import runner as settings
from app.settings.load import inherited
from app.settings.runner import RunnerSettings

log_ = logging.getLogger(__name__)

#: Seconds that running stages are given when the runner stops.
GRACE = 8.0
#: Seconds between two attempts to reach the server: at first, and at most.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0


def _options(loaded: RunnerSettings, umask: int) -> Options:
    return Options(
        environ=loaded.variables,
        path=loaded.path,
        symlinks=loaded.symlinks,
        max_procs=loaded.max_procs,
        limit_repos=loaded.limit_repos,
        limit_events=loaded.limit_events,
        limit_trusted=loaded.limit_trusted,
        quote_substitution=loaded.quote_substitution,
        plugins=Plugins.of(secret=loaded.secrets, env=loaded.env),
        allowance=loaded.workspace_limit,
        log_limit=loaded.log_limit,
        umask=umask,
    )


def _serves(loaded: RunnerSettings) -> Filter:
    return Filter(
        type="exec",
        os=loaded.os or this_os(),
        arch=loaded.arch or this_arch(),
        kernel=loaded.kernel,
        variant=loaded.variant,
        labels=loaded.labels,
    )


def _base(loaded: RunnerSettings) -> Path:
    """The folder of this runner's workspaces; other runners do not delete it, as its name holds the runner's name."""
    return loaded.root / f"gantry-runner-{re.sub(r'[^A-Za-z0-9.-]', '_', loaded.name)}"


def _lock(base: Path) -> IO[str]:
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        words = f"another runner of this name works in {base}; set DRONE_RUNNER_NAME or DRONE_RUNNER_ROOT"
        return folder.lock(base, words)
    except OSError as error:
        raise BadFolder(f"{error.filename or base} cannot be used: {error.strerror}; see DRONE_RUNNER_ROOT") from error


def _healthy(bind: str) -> AbstractAsyncContextManager[None]:
    """Answer `/healthz` while the block runs, if there is an address; only then the web server is imported."""
    if not bind:
        return nullcontext()
    from app.cli.health import healthy

    return healthy(bind, "DRONE_HTTP_BIND")


async def _run(loaded: RunnerSettings) -> None:
    base = _base(loaded)
    manager = RemoteManager(loaded.url, loaded.secret, skip_verify=loaded.skip_verify)
    with private() as umask, closing(_lock(base)):
        async with aclosing(manager), _healthy(loaded.http_bind):
            await asyncio.to_thread(workspace.sweep, base)
            hidden = Hidden(folders=(base.resolve(),))
            runner = Runner(
                manager,
                capacity=loaded.capacity,
                machine=loaded.name,
                base=base,
                environ=inherited(),
                serves=_serves(loaded),
                options=_options(loaded, umask),
                confinement=await confine(loaded.confining, base, hidden, [base]),
            )
            await _until_stopped(manager, runner, loaded)


async def _until_stopped(manager: RemoteManager, runner: Runner, loaded: RunnerSettings) -> None:
    serving = asyncio.create_task(_serve(manager, runner, loaded))
    stops: list[asyncio.Task[None]] = []

    def stop() -> None:
        """Stop the runner at a signal: the first gives running stages GRACE seconds, another one gives none."""
        stops.append(asyncio.create_task(_stop(runner, serving, 0 if stops else GRACE)))

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    with suppress(asyncio.CancelledError):  # by `_stop`
        await serving
    if stops:
        await asyncio.wait(stops)


async def _stop(runner: Runner, serving: "asyncio.Task[None]", grace: float) -> None:
    await runner.stop(grace)
    serving.cancel()


async def _serve(manager: RemoteManager, runner: Runner, loaded: RunnerSettings) -> None:
    waits = pauses(FIRST_PAUSE, LONGEST_PAUSE)
    while True:
        try:
            await manager.ping()
            break
        except AppError as error:
            log_.warning(
                "the server is not ready for this runner", extra={"server": loaded.url, "reason": error.message}
            )
            await asyncio.sleep(next(waits))
    about = {"server": loaded.url, "machine": loaded.name, "capacity": loaded.capacity}
    log_.info("the runner is attached", extra=about)
    await runner.run()


@command(example="gantry runner --check")
@click.option("--check", "only_check", is_flag=True, help="Only check the settings and the folder of the workspaces.")
def runner(only_check: bool) -> None:
    """Run the exec pipelines of a server that is elsewhere.

    Settings come from the environment: DRONE_RPC_HOST, DRONE_RPC_PROTO, DRONE_RPC_SECRET and DRONE_RUNNER_*;
    docs/settings.md lists them.
    """
    try:
        loaded = settings.load(os.environ)
        harden()
        log.configure(loaded.log)
        if only_check:
            _lock(_base(loaded)).close()
            click.echo("the settings are good")
        else:
            files.raise_limit()
            uvloop.run(_run(loaded))
    except AppError as error:
        click.echo(f"gantry: {error.message}", err=True)
        sys.exit(1)
