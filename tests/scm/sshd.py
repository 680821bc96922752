"""A git host behind ssh that lets in whoever has a key that it knows: a real ssh server, git's own programs."""

import asyncio
import os
import shlex
import threading
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
from asyncssh import SSHKey, SSHServerConnection, SSHServerProcess

_PROGRAMS = {"git-upload-pack": "upload-pack", "git-receive-pack": "receive-pack"}


def new_key(kind: str = "ssh-ed25519") -> tuple[str, SSHKey]:
    """A private key in the form of OpenSSH, and the key itself."""
    key = asyncssh.generate_private_key(kind)
    return key.export_private_key().decode(), key


class SshHost:
    """Serves the repositories below a folder to the owners of its known keys; notes the commands that it was given."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = 0
        self.known: list[SSHKey] = []
        self.host_key = new_key()[1]
        self.commands: list[str] = []
        self.connections: list[SSHServerConnection] = []

    @property
    def url(self) -> str:
        return f"ssh://git@127.0.0.1:{self.port}"

    @property
    def known_hosts(self) -> str:
        """The line that `ssh-keyscan` prints."""
        return f"[127.0.0.1]:{self.port} {self.host_key.export_public_key().decode().strip()}\n"

    async def answer(self, process: SSHServerProcess[bytes]) -> None:
        """Run the program of git that is asked for."""
        command = process.command or ""
        self.commands.append(command)
        program, path = shlex.split(command)
        environment = {"PATH": os.environ["PATH"], "GIT_PROTOCOL": str(process.env.get("GIT_PROTOCOL", ""))}
        serving = await asyncio.create_subprocess_exec(
            *("git", "-c", "safe.directory=*", "-c", "uploadpack.allowFilter=true", _PROGRAMS[program], path),
            env=environment,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
        )
        await process.redirect(stdin=serving.stdin, stdout=serving.stdout, stderr=serving.stderr)
        code = await serving.wait()
        await process.stdout.drain()
        process.exit(code)
        await process.wait_closed()

    async def serve(self, ready: threading.Event, ended: asyncio.Event) -> None:
        """Listen until the event."""
        acceptor = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: _Server(self),
            server_host_keys=[self.host_key],
            process_factory=self.answer,
            encoding=None,
        )
        self.port = acceptor.get_port()
        ready.set()
        await ended.wait()
        acceptor.close()
        await acceptor.wait_closed()
        for connection in self.connections:
            connection.close()
            await connection.wait_closed()


class _Server(asyncssh.SSHServer):
    def __init__(self, host: SshHost) -> None:
        self._host = host

    def connection_made(self, conn: SSHServerConnection) -> None:
        self._host.connections.append(conn)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: SSHKey) -> bool:
        return username == "git" and any(key.public_data == known.public_data for known in self._host.known)


@contextmanager
def serving(root: Path) -> Iterator[SshHost]:
    """A host that serves as long as the block lasts."""
    host, ready, loop, ended = SshHost(root), threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(host.serve(ready, ended))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield host
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
