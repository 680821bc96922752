"""Calls of git, with settings that keep it safe (contract scm-api 9.3)."""

import os
import re
import shlex
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from app.errors import Unavailable, Unreadable
from app.scm.git import process
from app.scm.git.address import Remote
from app.scm.git.objects import Objects
from app.scm.git.process import Done
from app.scm.host import Account

_GUARDS = (
    "core.hooksPath=/dev/null",
    "fetch.fsckObjects=true",
    "http.followRedirects=false",
    "protocol.ext.allow=never",
    "gc.autoDetach=false",  # a process in the background would escape the time limit
)
#: The credential helper: git runs it with `get` when a host asks for an account.
_HELPER = """!f() { test "$1" = get && printf 'username=%s\\npassword=%s\\n' "$GANTRY_LOGIN" "$GANTRY_PASSWORD"; }; f"""
#: no file that git writes may grow beyond this many blocks of 512 bytes (2 GiB)
_LARGEST_FILE = 4 * 1024 * 1024
_LIMITED = ("/bin/sh", "-c", 'ulimit -f "$0" 2>/dev/null; exec "$@"', str(_LARGEST_FILE))
_MOST_OUTPUT = 32 * 1024 * 1024
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_PREFIX = re.compile(r"^(?:(?:fatal|error|remote|remote error|git upload-pack|upload-pack): )+")
_ASKED = "Authentication failed"
_NOT_LET_IN = "the host lets only those in that it knows: GANTRY_GIT_USERNAME and GANTRY_GIT_PASSWORD must be right"
_NOISE = ("warning:", "hint:", "notice:")
#: The system's messages for a full disk; git has no exit code for it.
_FULL = (b"No space left on device", b"Disk quota exceeded")
_LONGEST_REASON = 300


class Refused(Unreadable):
    """git ended with an error; `reason` is the line of git's messages that says why."""

    code = "repository_unreachable"

    def __init__(self, reason: str, remote: Remote | None) -> None:
        super().__init__(f"{remote.url}: {reason}" if remote else reason)
        self.reason = reason


class Command:
    """Runs git with its own, empty home folder: `home` below the directory.

    `environ` are the variables that git gets from the server's own environment. Over https, git logs in with `account`
    at hosts that ask for a login.
    """

    def __init__(
        self,
        directory: Path,
        *,
        timeout: float,
        known_hosts: Path | None,
        environ: Mapping[str, str],
        account: Account | None = None,
    ) -> None:
        home = directory / "home"
        env = {"PATH": os.defpath, **environ, **_environment(directory, home, known_hosts)}
        self._setting = process.Setting("git", env, home, timeout)
        self._https = replace(self._setting, env=env | _credentials(account)) if account else self._setting

    async def run(self, *args: str, at: Path | None = None, remote: Remote | None = None) -> bytes:
        """The output of git; Refused when git ends with an error, Unavailable when the disk is full."""
        self._make_home()
        argv = (*_LIMITED, *_git(at, remote), *args)
        setting = self._https if remote and remote.url.startswith("https:") else self._setting
        done = await process.run(argv, setting, max_output=_MOST_OUTPUT)
        if done.code == 0:
            return done.out
        if any(words in done.err for words in _FULL):
            raise Unavailable("the disk is full: git could not write what it fetched; try again once there is room")
        raise Refused(_reason(done), remote)

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
    options = [word for setting in settings for word in ("-c", setting)]
    return ["git", *options, *([f"--git-dir={at}"] if at else [])]


def _environment(directory: Path, home: Path, known_hosts: Path | None) -> dict[str, str]:
    return {
        "HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CEILING_DIRECTORIES": str(directory),  # git must not find a repository above this directory
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_ALLOW_PROTOCOL": "file:https:ssh",
        "GIT_PROTOCOL_FROM_USER": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_SSH_VARIANT": "ssh",
        "GIT_SSH_COMMAND": _ssh(known_hosts),
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


def _ssh(known_hosts: Path | None) -> str:
    options = ["BatchMode=yes", "ConnectTimeout=10", "StrictHostKeyChecking=yes"]
    options += ["ControlMaster=no", "ControlPath=none"]  # a shared connection would outlive the call
    if known_hosts:
        options += [f'UserKnownHostsFile="{known_hosts}"', "GlobalKnownHostsFile=/dev/null"]
    return shlex.join(["ssh", *(word for option in options for word in ("-o", option))])


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
    return _PREFIX.sub("", lines[chosen]).strip()[:_LONGEST_REASON]
