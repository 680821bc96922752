"""What can be done with a build in its state: each action, its form, and the right that the action needs. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from shlex import quote

from app.builds import rules
from app.builds.model import DONE, Build
from app.repos.model import Repo, Right
from app.ui import addresses

#: The keys of the pages (`parts/keys.html`), by action.
_KEYS = {"promote": "p", "again": "r", "approve": "a"}


@dataclass(frozen=True, slots=True)
class Act:
    """An action: its name, where its form is, and the command line that does the same."""

    name: str
    label: str
    address: str
    command: str
    right: Right
    is_allowed: bool

    @property
    def key(self) -> str:
        """The key that leads to the action; empty for none."""
        return _KEYS.get(self.name, "")


def acts(repo: Repo, build: Build, earlier: Build | None, may: Callable[[Right], bool]) -> Sequence[Act]:
    """The actions that make sense for a build with its stages, also those that are not for the caller.

    `earlier` is the build that ran in the target before this one, if this one is what runs there.
    """
    return [Act(*one, may(one[-1])) for one in _known(repo, build, earlier)]


def _known(repo: Repo, build: Build, earlier: Build | None) -> Iterator[tuple[str, str, str, str, Right]]:
    slug, number = repo.slug, build.number

    def form(name: str) -> str:
        return addresses.ours(repo, name, number=number)

    if any(stage.status == "blocked" for stage in build.stages):
        yield "approve", "Approve or reject…", "#approval", f"gantry build approve {slug} {number}", "admin"
    if rules.is_stoppable(build):
        yield "cancel", "Cancel…", form("cancel"), f"gantry build cancel {slug} {number}", "write"
    if build.status in DONE and rules.is_startable(build):
        yield "again", "Run again", form("again"), f"gantry build restart {slug} {number}", "write"
    if build.status == "success":
        yield "promote", "Promote…", form("promote"), f"gantry build promote {slug} {number} TARGET", "write"
    if earlier is not None:
        target = build.deploy_to
        label = f"Roll {target} back to {earlier.number}…"
        address = addresses.ours(repo, "rollback", number=earlier.number, target=target)
        yield "rollback", label, address, f"gantry build rollback {slug} {earlier.number} {quote(target)}", "write"
