"""Which events a subscription wants."""

from typing import Any

import pytest

from app.notify.webhooks.matching import Subscription, Subscriptions
from app.notify.webhooks.model import Event, Format
from app.notify.webhooks.store import Subscribed
from app.repos.model import Repo


def subscribed(format_: Format = "standard", **more: Any) -> Subscribed:
    values = {"repo_id": None, "namespace": "", "events": [], "targets": [], "statuses": []} | more
    return Subscribed(id=values.pop("id", 1), format=format_, **values)


def event(name: str, drone: str = "", **build: Any) -> Event:
    return Event("k", name, drone, 0, {"build": {"status": "success", **build}} if build else {})


PROMOTED = event("promotion.succeeded", "build:updated", deploy_to="production")


@pytest.mark.parametrize(
    ("wants", "told", "wanted"),
    [
        (subscribed(), PROMOTED, True),
        (subscribed(events=["promotion.*"]), PROMOTED, True),
        (subscribed(events=["promotion.s*", "x.y"]), PROMOTED, True),
        (subscribed(events=["promotion"]), PROMOTED, False),
        (subscribed(events=["rollback.*"]), PROMOTED, False),
        (subscribed(targets=["prod*"]), PROMOTED, True),
        (subscribed(targets=["staging", "production"]), PROMOTED, True),
        (subscribed(targets=["prod"]), PROMOTED, False),
        (subscribed(targets=["*"]), event("repo.enabled"), False),
        (subscribed(statuses=["success"]), PROMOTED, True),
        (subscribed(statuses=["fail*"]), PROMOTED, False),
        (subscribed(events=["promotion.*"], targets=["prod*"], statuses=["failure"]), PROMOTED, False),
        (subscribed("drone"), PROMOTED, True),
        (subscribed("drone", events=["build"]), PROMOTED, True),
        (subscribed("drone", events=["build:created"]), PROMOTED, False),
        (subscribed("drone", events=["promotion.*"]), PROMOTED, False),
        (subscribed("drone"), event("stage.started", deploy_to="production"), False),
        (subscribed(), event("", "build:updated", deploy_to="production"), False),
        (subscribed("drone"), event("", "build:updated", deploy_to="production"), True),
        (subscribed(targets=["*a*a*a*a*a*a*b"]), event("build.created", deploy_to="a" * 200), False),
    ],
)
def test_a_subscription_wants_what_all_its_patterns_let_through(wants: Subscribed, told: Event, wanted: bool) -> None:
    assert Subscription(wants).wants(told) is wanted


def test_the_status_of_an_event_of_a_stage_is_the_stage_s() -> None:
    build = {"status": "running", "stages": [{"number": 1, "status": "success"}, {"number": 2, "status": "failure"}]}
    told = Event("k", "stage.finished", "", 0, {"build": build, "stage": 2})

    assert Subscription(subscribed(statuses=["failure"])).wants(told)
    assert not Subscription(subscribed(statuses=["success", "running"])).wants(told)


def test_a_repository_is_of_interest_to_its_own_subscriptions_its_namespace_s_and_the_server_s() -> None:
    everybody = Subscriptions(
        [
            subscribed(id=1),
            subscribed(id=2, namespace="acme"),
            subscribed(id=3, repo_id=7),
            subscribed(id=4, repo_id=8),
            subscribed(id=5, namespace="other"),
        ]
    )

    assert {one.id for one in everybody.of(Repo(7, "acme", "web"))} == {1, 2, 3}
    assert {one.id for one in everybody.of(None, "other")} == {1, 5}
    assert {one.id for one in everybody.of(None)} == {1}


@pytest.mark.parametrize(
    ("wants", "stages", "steps"),
    [
        (subscribed(), True, False),
        (subscribed(events=["stage.finished"]), True, False),
        (subscribed(events=["promotion.*"]), False, False),
        (subscribed("drone"), False, True),
        (subscribed("drone", events=["build:created"]), False, False),
        (subscribed("drone", events=["build"]), False, True),
    ],
)
def test_reports_of_runners_are_recorded_only_for_who_wants_stages_or_steps(
    wants: Subscribed, stages: bool, steps: bool
) -> None:
    there, nobody = Subscriptions([wants]), Subscriptions()
    assert (there.some, there.stages, there.steps) == (True, stages, steps)
    assert (nobody.some, nobody.stages, nobody.steps) == (False, False, False)
