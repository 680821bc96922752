"""The servers that the user is logged in to: the address and token of each, under a name, in one file.

The file holds tokens. It is written whole or not at all, for its owner alone, and refused when others can read it.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from app.cli import atomic
from app.errors import AppError, Invalid, NotFound

#: Bits of a file's mode that let others read, write or run it.
_OTHERS = 0o077


class Exposed(AppError):
    """Others can read the tokens."""

    code = "tokens_exposed"


@dataclass(frozen=True, slots=True)
class Context:
    """A server's address, and the token that is sent to it."""

    server: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Contexts:
    """All contexts by name, and the name of the one in use; the name is empty when none is."""

    current: str = ""
    known: Mapping[str, Context] = field(default_factory=lambda: MappingProxyType({}))

    def named(self, name: str) -> Context:
        """The context of this name; NotFound."""
        if name not in self.known:
            names = ", ".join(self.known) or "none yet: log in with gantry login URL"
            raise NotFound(f"no context is called {name!r}; there are: {names}")
        return self.known[name]

    def used(self, name: str) -> "Contexts":
        """The same, with this one in use; NotFound."""
        self.named(name)
        return Contexts(name, self.known)

    def with_(self, name: str, context: Context) -> "Contexts":
        """The same with this context, which is in use."""
        return Contexts(name, {**self.known, name: context})

    def without(self, name: str) -> "Contexts":
        """The same without this context; NotFound."""
        self.named(name)
        known = {other: context for other, context in self.known.items() if other != name}
        return Contexts("" if name == self.current else self.current, known)

    def completed(self, server: str, token: str, name: str = "") -> tuple[str, str]:
        """Server and token, with what is empty taken from the context of this name, or from the one in use.

        A kept token is sent only to the server that the token was kept for. What is not known stays empty.
        """
        chosen = self.named(name) if name else self.known.get(self.current)
        server = server or (chosen.server if chosen else "")
        if not token:
            candidates = [chosen] if chosen else []
            candidates += [] if name else self.known.values()
            token = next((one.token for one in candidates if one.server == server), "")
        return server, token


def path() -> Path:
    """The file, in the folder of the user's configuration; Invalid when the user has no home."""
    folder = os.environ.get("XDG_CONFIG_HOME", "")
    try:
        base = Path(folder) if Path(folder).is_absolute() else Path.home() / ".config"
    except RuntimeError as error:
        raise Invalid("your home folder is not known: set HOME or XDG_CONFIG_HOME") from error
    return base / "gantry" / "contexts.json"


def read() -> Contexts:
    """What is kept; Exposed when others can read the file, Invalid when the file cannot be read or understood."""
    where = path()
    try:
        with where.open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & _OTHERS:
                raise Exposed(
                    f"others can read {where}, which holds your tokens: make new tokens if others use this machine, "
                    f"then run chmod 600 {where}"
                )
            return _parsed(json.load(file))
    except (FileNotFoundError, NotADirectoryError):
        return Contexts()
    except OSError as error:
        raise Invalid(f"cannot read {where}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(f"{where} is not what gantry login writes: remove it, and log in again") from error


def _parsed(kept: Any) -> Contexts:
    known = {str(name): Context(str(one["server"]), str(one["token"])) for name, one in kept["contexts"].items()}
    return Contexts(str(kept["current"]), known)


def write(contexts: Contexts) -> None:
    """Keep these contexts instead of what is kept; Invalid when that cannot be done."""
    where = path()
    kept = {
        "current": contexts.current,
        "contexts": {name: {"server": one.server, "token": one.token} for name, one in contexts.known.items()},
    }
    try:
        where.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        where.parent.chmod(0o700)
        atomic.write(where, json.dumps(kept, indent=2) + "\n", 0o600)
    except OSError as error:
        raise Invalid(f"cannot write {where}: {error.strerror}") from error
