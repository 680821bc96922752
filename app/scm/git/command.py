"""Calls of git, with settings that keep it safe (contract scm-api 9.3)."""

import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE
from tempfile import TemporaryDirectory

from app.errors import Unavailable, Unreadable
from app.scm import ssh
from app.scm.git import process
from app.scm.git.address import Remote
from app.scm.git.objects import Objects
from app.scm.git.process import Done, Setting
from app.scm.host import Account
from app.scm.ssh import Identity

_GUARDS = (
    "core.hooksPath=/dev/null",
    "fetch.fsckObjects=true",
    "http.followRedirects=false",
    "protocol.ext.allow=never",
    "gc.autoDetach=false",  # a process in the background would escape the time limit
)
#: The credential helper: git runs it with `get` when a host asks for an account.
_HELPER = """!f() { test "$1" = get && printf 'username=%s\\npassword=%s\\n' "$GANTRY_LOGIN" "$GANTRY_PASSWORD"; }; f"""
_PROTOCOLS = "file:https:ssh"
#: no file that git writes may grow beyond this many blocks of 512 bytes (2 GiB)
_LARGEST_FILE = 4 * 1024 * 1024
_LIMITED = ("/bin/sh", "-c", 'ulimit -f "$0" 2>/dev/null; exec "$@"', str(_LARGEST_FILE))
_MOST_OUTPUT = 32 * 1024 * 1024
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_PREFIX = re.compile(r"^(?:(?:fatal|error|remote|remote error|git upload-pack|upload-pack): )+")
_ASKED = "Authentication failed"
_NOT_LET_IN = (
    "the host lets only those in that it knows: set the repository's credentials (gantry repo credentials), or "
    "GANTRY_GIT_USERNAME and GANTRY_GIT_PASSWORD, which must be right"
)
#: What to do after words of ssh.
_WAYS_OUT = {
    "Permission denied (": "make the key known there, or set another one (gantry repo credentials)",
    "Host key verification failed": (
        "the host shows none of its pinned keys; if it has a new key and nobody stands between, set the credentials "
        "anew with the new host key (gantry repo credentials)"
    ),
}
_NOISE = ("warning:", "hint:", "notice:")
#: The system's messages for a full disk; git has no exit code for it.
_FULL = (b"No space left on device", b"Disk quota exceeded")
_LONGEST_REASON = 300


class Refused(Unreadable):
    """git ended with an error; `reason` is the line of git's messages that says why, `out` what git has printed."""

    code = "repository_unreachable"

    def __init__(self, reason: str, remote: Remote | None, out: bytes = b"") -> None:
        super().__init__(f"{remote.url}: {reason}" if remote else reason)
        self.reason = reason
        self.out = out


class Command:
    """Runs git with its own, empty home folder: `home` below the directory.

    `environ` are the variables that git gets from the server's own environment. No other Command uses the directory.
    `protocols` are those of remotes that git may read from, with colons between them. `skip_verify`: certificates are
    accepted without verification.
    """

    def __init__(
        self,
        directory: Path,
        *,
        timeout: float,
        known_hosts: Path | None,
        environ: Mapping[str, str],
        protocols: str = _PROTOCOLS,
        skip_verify: bool = False,
    ) -> None:
        home = directory / "home"
        env = {"PATH": os.defpath, **environ, **_environment(directory, home, known_hosts)}
        env |= {"GIT_ALLOW_PROTOCOL": protocols, **({"GIT_SSL_NO_VERIFY": "1"} if skip_verify else {})}
        self._setting = Setting("git", env, home, timeout)
        #: What is there for the time of a call: keys, and repositories that are written from.
        self._passing = directory / "passing"
        shutil.rmtree(self._passing, ignore_errors=True)  # a server that was killed may have left some

    async def run(
        self, *args: str, at: Path | None = None, remote: Remote | None = None, env: Mapping[str, str] | None = None
    ) -> bytes:
        """The output of git; Refused when git ends with an error, Unavailable when the disk is full."""
        self._make_home()
        argv = (*_LIMITED, *_git(at, remote), *args)
        with self._let_in(remote) as setting:
            done = await process.run(
                argv, replace(setting, env={**setting.env, **(env or {})}), max_output=_MOST_OUTPUT
            )
        if done.code == 0:
            return done.out
        if any(words in done.err for words in _FULL):
            raise Unavailable("the disk is full: git could not write what it fetched; try again once there is room")
        raise Refused(_reason(done), remote, done.out)

    @contextmanager
    def _let_in(self, remote: Remote | None) -> Iterator[Setting]:
        """The setting of a call with what the remote's host wants to see. A key is in a file while the block lasts."""
        match remote and remote.access:
            case Account() as account:
                yield replace(self._setting, env={**self._setting.env, **_credentials(account)})
            case Identity() as identity:
                with self.passing() as folder:
                    _write(folder, identity)
                    yield replace(
                        self._setting, env={**self._setting.env, "GIT_SSH_COMMAND": ssh.command_of(str(folder))}
                    )
            case _:
                yield self._setting

    @asynccontextmanager
    async def objects(self, at: Path) -> AsyncIterator[Objects]:
        """A process that reads objects of the repository `at`, without its remote."""
        self._make_home()
        argv = (*_git(at, None), "cat-file", "--batch")
        async with process.child(argv, self._setting, stdin=PIPE) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            yield Objects(child.stdin, child.stdout)
            child.stdin.close()

    @contextmanager
    def passing(self) -> Iterator[Path]:
        """A folder of this account alone, as long as the block lasts."""
        self._passing.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self._passing, ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def _make_home(self) -> None:
        self._setting.cwd.mkdir(mode=0o700, parents=True, exist_ok=True)


def _git(at: Path | None, remote: Remote | None) -> list[str]:
    """The beginning of a git command. `origin` is set only on the command line: without `remote`, git cannot fetch."""
    settings = list(_GUARDS)
    if at:
        settings.append(f"safe.directory={at}")
    if remote:
        settings.append(f"remote.origin.url={remote.url}")
    if remote and remote.upload_pack:
        settings.append(f"remote.origin.uploadpack={remote.upload_pack}")
        settings.append(f"remote.origin.receivepack={remote.receive_pack}")
    options = [word for setting in settings for word in ("-c", setting)]
    return ["git", *options, *([f"--git-dir={at}"] if at else [])]


def _write(folder: Path, identity: Identity) -> None:
    """Write the files of an identity, for this account alone."""
    for name, text in ((ssh.KEY, identity.key), (ssh.KNOWN_HOSTS, identity.known_hosts)):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(text)


def _environment(directory: Path, home: Path, known_hosts: Path | None) -> dict[str, str]:
    return {
        "HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CEILING_DIRECTORIES": str(directory),  # git must not find a repository above this directory
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_PROTOCOL_FROM_USER": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_SSH_VARIANT": "ssh",
        "GIT_SSH_COMMAND": ssh.command(str(known_hosts or "")),
    }


def _credentials(account: Account) -> dict[str, str]:
    """The environment of the credential helper. Not arguments: every process of the machine can read those."""
    return {
        "GANTRY_LOGIN": account.login,
        "GANTRY_PASSWORD": account.password,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "credential.helper",
        "GIT_CONFIG_VALUE_0": _HELPER,
    }


def _reason(done: Done) -> str:
    """The line of git's messages that says why it failed, without credentials and control characters."""
    text = _CREDENTIALS.sub("", done.err.decode(errors="replace"))
    lines = [_CONTROL.sub(" ", line).strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith(_NOISE)]
    chosen = next((i for i, line in enumerate(lines) if line.startswith(("fatal:", "error:"))), 0)
    if chosen > 0 and "Could not read from remote repository" in lines[chosen]:
        chosen -= 1  # the line before is ssh's own message, which says what is wrong
    if not lines:
        return f"git ended with code {done.code} and said nothing"
    if _ASKED in lines[chosen]:
        return _NOT_LET_IN
    reason = _PREFIX.sub("", lines[chosen]).strip()[:_LONGEST_REASON]
    way_out = next((words for said, words in _WAYS_OUT.items() if said in reason), "")
    return f"{reason.removesuffix('.')}: {way_out}" if way_out else reason
