"""How git calls ssh (contract scm-api 9.3). Pure."""

import shlex
from dataclasses import dataclass, field

#: Names of the files of an identity, in a folder that only their owner may enter.
KEY, KNOWN_HOSTS = "key", "known_hosts"
_ALWAYS = ("BatchMode=yes", "ConnectTimeout=10", "StrictHostKeyChecking=yes")
#: A shared connection would outlive the call.
_ALONE = ("ControlMaster=no", "ControlPath=none")


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key, in the form of OpenSSH, and the only host keys that are believed: lines of `known_hosts`."""

    key: str = field(repr=False)
    known_hosts: str


def command(known_hosts: str = "") -> str:
    """The value of GIT_SSH_COMMAND for ssh's own settings; if a file is given, it has the only host keys."""
    pinned = _pinned(known_hosts) if known_hosts else ()
    return shlex.join(["ssh", *_options(*_ALWAYS, *_ALONE, *pinned)])


def command_of(folder: str) -> str:
    """The value of GIT_SSH_COMMAND for the identity in a folder: ssh uses no settings, no agent and no other key."""
    own = (f"IdentityFile={_quoted(f'{folder}/{KEY}')}", "IdentitiesOnly=yes", "IdentityAgent=none")
    pinned = _pinned(f"{folder}/{KNOWN_HOSTS}")
    return shlex.join(["ssh", "-F", "/dev/null", *_options(*_ALWAYS, *_ALONE, *own, *pinned)])


def _pinned(known_hosts: str) -> tuple[str, ...]:
    return f"UserKnownHostsFile={_quoted(known_hosts)}", "GlobalKnownHostsFile=/dev/null", "UpdateHostKeys=no"


def _quoted(path: str) -> str:
    """A path as ssh's settings take it, in which `%` begins a word."""
    return '"' + path.replace("%", "%%") + '"'


def _options(*options: str) -> list[str]:
    return [word for option in options for word in ("-o", option)]
