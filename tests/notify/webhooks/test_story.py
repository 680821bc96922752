"""Whatever runners, people and the clock do, in whichever order: every story has one beginning and one end."""

from collections import Counter, defaultdict

from hypothesis import HealthCheck, settings
from hypothesis.stateful import initialize, invariant

from app.builds.model import DONE, Build
from app.moments import Recorders
from app.notify.webhooks.model import Event
from tests.builds.test_state_machine import Machine
from tests.notify.webhooks.farside import Subscriber

#: The last words of a story.
ENDS = {"succeeded", "failed", "cancelled", "declined", "finished"}


class Stories(Machine):
    """The builds of a repository, as a subscriber is told of them."""

    @initialize()
    def begin(self) -> None:
        super().begin()
        self.subscriber = Subscriber(lambda: self.scene.clock() * 1000)
        self.ports.moments.recorders = Recorders(self.subscriber.recorder)

    @invariant()
    def every_build_has_one_story(self) -> None:
        if not hasattr(self, "subscriber"):
            return
        keys = Counter(event.key for event in self.subscriber.events)
        assert [key for key, times in keys.items() if times > 1] == []
        of_build = defaultdict[int, list[Event]](list)
        for event in self.subscriber.events:
            of_build[event.facts["build"]["number"]].append(event)
        for build in self.builds():
            _check(build, of_build[build.number])


def _check(build: Build, events: list[Event]) -> None:
    kind = "promotion" if build.event == "promote" else "build"
    words = [event.type.partition(".")[2] for event in events if event.type.startswith(f"{kind}.")]
    assert words[0] == ("created" if kind == "build" else "requested")
    assert set(words[1:]) <= ENDS | {"started", "approved"}
    assert words.count("started") == bool(_began(events))
    ends = [word for word in words if word in ENDS]
    assert len(ends) == (build.status in DONE)
    if build.status == "declined":
        assert ends == ["declined"]
    elif build.status in ("killed", "skipped") and kind == "promotion":
        assert ends[0] in ("cancelled", "failed")
    told = [(event.type, event.facts["stage"]) for event in events if event.type.startswith("stage.")]
    assert len(told) == len(set(told))
    ended = {stage.number for stage in build.stages if stage.status in DONE}
    assert {number for name, number in told if name == "stage.finished"} == ended
    for number in _began(events) & ended:
        assert told.index(("stage.started", number)) < told.index(("stage.finished", number))
    drone = [event.drone for event in events if event.drone]
    assert (drone[0], drone.count("build:created")) == ("build:created", 1)
    finals = [event for event in events if event.type and event.drone == "build:updated"]
    assert len(finals) == (build.status in DONE - {"declined"})


def _began(events: list[Event]) -> set[int]:
    """The numbers of the stages that have started."""
    return {event.facts["stage"] for event in events if event.type == "stage.started"}


Stories.TestCase.settings = settings(max_examples=15, stateful_step_count=40, suppress_health_check=list(HealthCheck))
TestStories = Stories.TestCase
