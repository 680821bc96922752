"""What this room needs from outside, as one object."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.builds.ports import Ports as BuildPorts
from app.chatops.buttons import Buttons
from app.chatops.model import System, Writer


@dataclass(frozen=True, slots=True)
class Ports:
    """What the builds need, the address of this server, what signs buttons, what writes later answers, by system, the
    clock (Unix milliseconds), and what makes codes that nobody can guess."""

    builds: BuildPorts
    public_url: str
    buttons: Buttons
    writers: Mapping[System, Writer]
    now_ms: Callable[[], int]
    new_code: Callable[[], str]

    def link(self, slug: str, number: int) -> str:
        """The address of the page of a build."""
        return f"{self.public_url}/{slug}/{number}"

    @property
    def log_in(self) -> str:
        """The address of the page where people log in."""
        return f"{self.public_url}/login"
