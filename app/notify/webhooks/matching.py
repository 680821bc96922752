"""Which subscriptions want an event. Pure."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from fnmatch import translate
from functools import lru_cache
from typing import TypeAlias

from app.notify.webhooks.model import Event, Format
from app.notify.webhooks.store import Subscribed
from app.repos.model import Repo

Matches: TypeAlias = Callable[[str], bool]

#: What subscribers of Drone's format are told of each report about a step.
REPORT = "build:updated"
#: What subscribers of all other formats are told of stages.
STAGES = ("stage.started", "stage.finished")


@lru_cache(maxsize=4096)
def matcher(patterns: tuple[str, ...]) -> Matches:
    """Whether a text is what one of these patterns says; without patterns, every text is.

    In a pattern `*` is any run of characters, `?` is one, and `[…]` one of those in it.
    """
    if not patterns:
        return lambda _: True
    compiled = re.compile("|".join(translate(pattern) for pattern in patterns))
    return lambda text: compiled.match(text) is not None


def of_drone(pattern: str) -> str:
    """A pattern of Drone's format: the bare name of an event stands for all its actions."""
    return pattern if ":" in pattern else f"{pattern}:*"


class Subscription:
    """What one subscription wants."""

    def __init__(self, wanted: Subscribed) -> None:
        self.id = wanted.id
        self.repo_id = wanted.repo_id
        self.namespace = wanted.namespace
        self.format: Format = wanted.format
        drone = wanted.format == "drone"
        self._names = matcher(tuple(map(of_drone, wanted.events)) if drone else tuple(wanted.events))
        self._targets = matcher(tuple(wanted.targets)) if wanted.targets else None
        self._statuses = matcher(tuple(wanted.statuses)) if wanted.statuses else None
        #: Whether reports about steps may be wanted, and those about stages that are not the first or last of a build.
        self.steps = drone and self._names(REPORT)
        self.stages = not drone and any(map(self._names, STAGES))

    def wants(self, event: Event) -> bool:
        """Whether the event is one that the format tells, of a name, a target and a status that are wanted.

        An event that has no target or no status is not wanted by who wants certain ones.
        """
        name = event.drone if self.format == "drone" else event.type
        if not name or not self._names(name):
            return False
        if self._targets and not ((target := target_of(event)) and self._targets(target)):
            return False
        return not self._statuses or bool((status := status_of(event)) and self._statuses(status))


def target_of(event: Event) -> str:
    """The target of the promotion or rollback that an event is about; empty for none."""
    return str(event.facts.get("build", {}).get("deploy_to", ""))


def status_of(event: Event) -> str:
    """The status of the stage that an event is about, else that of the build; empty for none."""
    build = event.facts.get("build", {})
    if event.type.startswith("stage."):
        number = event.facts.get("stage")
        return next((str(one["status"]) for one in build.get("stages", ()) if one["number"] == number), "")
    return str(build.get("status", ""))


class Subscriptions:
    """All active subscriptions, by what they are about."""

    def __init__(self, wanted: Iterable[Subscribed] = ()) -> None:
        self._of_repos = defaultdict[int, list[Subscription]](list)
        self._of_namespaces = defaultdict[str, list[Subscription]](list)
        self._of_server: list[Subscription] = []
        found = [Subscription(one) for one in wanted]
        for one in found:
            if one.repo_id is not None:
                self._of_repos[one.repo_id].append(one)
            elif one.namespace:
                self._of_namespaces[one.namespace].append(one)
            else:
                self._of_server.append(one)
        #: Whether there are any, and whether any wants mere progress: of steps, of stages.
        self.some = bool(found)
        self.steps = any(one.steps for one in found)
        self.stages = any(one.stages for one in found)

    def of(self, repo: Repo | None, namespace: str = "") -> Sequence[Subscription]:
        """The subscriptions that may want what happens to a repository, in a namespace, or to the server alone."""
        owned = self._of_repos.get(repo.id, ()) if repo else ()
        shared = self._of_namespaces.get(repo.namespace if repo else namespace, ())
        return [*owned, *shared, *self._of_server]


def wanted(events: Iterable[Event], subscriptions: Collection[Subscription]) -> list[tuple[Event, list[Subscription]]]:
    """The events that any of the subscriptions wants, each with those that do."""
    found = ((event, [one for one in subscriptions if one.wants(event)]) for event in events)
    return [(event, those) for event, those in found if those]
