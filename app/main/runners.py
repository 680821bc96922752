"""Opening the runners: the queue, the leases, and the built-in runner."""

import asyncio
import logging
import os
import platform
import shutil
import sysconfig
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from urllib.parse import urlsplit

from app import DISTRIBUTION
from app.builds import progress, steps
from app.builds.ports import Ports
from app.db.connect import sqlite_files
from app.folder import Folder
from app.main.stages import Deploying
from app.runners.dispatch.credentials import Credentials
from app.runners.dispatch.leases import Leases
from app.runners.dispatch.local import LocalManager
from app.runners.dispatch.queue import Queue
from app.runners.exec.confinement import confine
from app.runners.exec.options import Options
from app.runners.exec.plugins import Plugins
from app.runners.exec.runner import Runner
from app.runners.exec.sandbox import Hidden
from app.runners.manager import System
from app.sealing.seal import Seal
from app.settings.load import inherited
from app.settings.server import Settings
from app.settings.values import SHORTEST_SECRET
from app.web.connected import Polls

log = logging.getLogger(__name__)

#: First part of the built-in runner's name in the database; the second part is the key of the installation.
BUILT_IN = "built-in"


@dataclass(frozen=True, slots=True)
class Runners:
    """The opened objects of the runners."""

    queue: Queue
    manager: LocalManager
    polls: Polls
    #: The built-in runner; None when the settings give it no capacity.
    runner: Runner | None


@asynccontextmanager
async def open_runners(
    settings: Settings, folder: Folder, ports: Ports, seal: Seal, credentials: Credentials, umask: int
) -> AsyncIterator[Runners]:
    """While the block lasts, stages are handed out, and the built-in runner runs.

    First, the stages that the built-in runner of an earlier server process held are ended. `umask` is the umask of
    steps.
    """
    if 0 < len(settings.rpc_secret) < SHORTEST_SECRET:
        log.warning("the secret of the runners is short: GANTRY_RPC_SECRET should have 16 characters or more")
    queue = Queue(ports)
    leases = Leases(ports, lease=settings.runner_lease, patience=settings.runner_patience)
    manager = LocalManager(ports, queue, seal, _system(settings), leases, credentials)
    async with AsyncExitStack() as stack:
        runner = await _runner(manager, settings, folder, umask)
        for step_id in await ports.db.read(steps.running()):
            ports.logs.open(step_id)  # these steps run on runners of other machines, which go on
        await stack.enter_async_context(leases.running())
        await stack.enter_async_context(queue.running())
        if runner is not None:
            stack.enter_context(queue.attached(runner.serves))
            stack.enter_context(leases.renewing(lambda: runner.running))
            stack.push_async_callback(_finish, asyncio.create_task(runner.run()))
        yield Runners(queue, manager, Polls(), runner)


def _system(settings: Settings) -> System:
    url = urlsplit(settings.public_url)
    return System(url.scheme, url.netloc + url.path, version(DISTRIBUTION))


async def _runner(manager: LocalManager, settings: Settings, folder: Folder, umask: int) -> Runner | None:
    """Make the built-in runner, after its stages of an earlier server process were ended.

    None when the settings give it no capacity.
    """
    name = f"{BUILT_IN}:{folder.key('installation')}"
    if lost := await progress.lose(manager.ports, name):
        log.warning("stages of the stopped server were lost", extra={"stages": len(lost)})
    if not settings.runner_capacity:
        return None
    return Runner(
        replace(manager, runner=name, peer=name, deploys=Deploying(manager.ports, settings.public_url)),
        capacity=settings.runner_capacity,
        machine=platform.node() or "localhost",
        base=folder.work,
        environ=_with_command(inherited()),
        options=_options(settings, umask),
        confinement=await confine(
            settings.confining, folder.work, _hidden(settings, folder), [folder.path, folder.work]
        ),
    )


def _with_command(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment, in whose PATH a step finds the command `gantry`, if need be that of this installation."""
    path, own = environ.get("PATH", ""), sysconfig.get_path("scripts")
    if shutil.which("gantry", path=path) or not shutil.which("gantry", path=own):
        return environ
    return {**environ, "PATH": os.pathsep.join(filter(None, (path, own)))}


def _options(settings: Settings, umask: int) -> Options:
    return Options(
        environ=settings.runner_environ,
        quote_substitution=settings.quote_substitution,
        allowance=settings.workspace_limit,
        log_limit=settings.log_limit,
        umask=umask,
        plugins=Plugins.of(secret=settings.secret, env=settings.env),
    )


def _hidden(settings: Settings, folder: Folder) -> Hidden:
    """What steps do not see: the data folder, logs, artifacts, and an SQLite database that is elsewhere."""
    files = sqlite_files(settings.database)
    folders = [folder.path.resolve(), folder.logs.resolve(), folder.blobs.resolve()]
    outer = [one for one in folders if not any(one != other and one.is_relative_to(other) for other in folders)]
    return Hidden(
        folders=tuple(dict.fromkeys(outer)),
        files=tuple(file for file in files if not any(file.is_relative_to(one) for one in outer)),
        private=tuple(path.resolve() for path in folder.private),
    )


async def _finish(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
