"""CDEvents: which events ours are, in the words of the specification, and how they are linked."""

import time
from dataclasses import replace
from typing import Any

import pytest
from packageurl import PackageURL
from standardwebhooks import Webhook

from app.notify.webhooks.formats.cdevents import render
from app.notify.webhooks.keys import key_of
from app.repos.wire import repo_json
from tests.notify.webhooks.checks import cdevent, read
from tests.notify.webhooks.events import (
    ERROR,
    NEW_YEAR,
    OLDER,
    REPO,
    SECRET,
    SERVER,
    SHA,
    STAGE,
    event,
    other,
)

PREVIOUS = {"previous": {"number": 40, "commit": OLDER}}
RUN, TASK, SERVICE = "dev.cdevents.pipelinerun", "dev.cdevents.taskrun", "dev.cdevents.service"
APPROVAL = "dev.cdeventsx.gantry-approval"


def told(type_: str, **more: Any) -> list[Any]:
    """The CDEvents of an event, each found right by its schema."""
    return [cdevent(request) for request in render(event(type_, **more), [SECRET], 0, SERVER)]


@pytest.mark.parametrize(
    ("type_", "more", "types"),
    [
        ("promotion.requested", {}, [f"{RUN}.queued.0.3.0"]),
        ("promotion.approved", {}, [f"{APPROVAL}.closed.0.1.0"]),
        ("promotion.declined", {}, [f"{APPROVAL}.closed.0.1.0", f"{RUN}.finished.0.3.0"]),
        ("promotion.started", {}, [f"{RUN}.started.0.3.0"]),
        ("promotion.succeeded", {}, [f"{RUN}.finished.0.3.0", f"{SERVICE}.deployed.0.3.0"]),
        ("promotion.succeeded", PREVIOUS, [f"{RUN}.finished.0.3.0", f"{SERVICE}.upgraded.0.3.0"]),
        ("promotion.succeeded", {"status": "skipped"}, [f"{RUN}.finished.0.3.0"]),
        ("promotion.failed", PREVIOUS, [f"{RUN}.finished.0.3.0"]),
        ("promotion.cancelled", PREVIOUS, [f"{RUN}.finished.0.3.0"]),
        ("rollback.succeeded", PREVIOUS, [f"{RUN}.finished.0.3.0", f"{SERVICE}.rolledback.0.3.0"]),
        ("rollback.failed", PREVIOUS, [f"{RUN}.finished.0.3.0"]),
        ("build.created", {}, [f"{RUN}.queued.0.3.0"]),
        ("build.started", {}, [f"{RUN}.started.0.3.0"]),
        ("build.finished", {}, [f"{RUN}.finished.0.3.0"]),
        ("build.approved", {}, [f"{APPROVAL}.closed.0.1.0"]),
        ("stage.started", {}, [f"{TASK}.started.0.3.0"]),
        ("stage.finished", {}, [f"{TASK}.finished.0.3.0"]),
    ],
)
def test_each_event_is_told_in_the_words_of_cdevents(type_: str, more: dict[str, Any], types: list[str]) -> None:
    assert [one["type"] for one in told(type_, **more)] == types


@pytest.mark.parametrize(
    ("type_", "facts", "name", "subject"),
    [
        ("repo.enabled", {"repo": repo_json(REPO)}, "gantry-repository.enabled", REPO.slug),
        ("repo.deleted", {"repo": repo_json(REPO)}, "gantry-repository.deleted", REPO.slug),
        ("user.created", {"user": {"login": "ada", "admin": True, "machine": False}}, "gantry-user.created", "ada"),
        ("webhook.disabled", {"webhook": {"reason": "gone"}}, "gantry-webhook.disabled", SERVER),
        ("ping", {}, "gantry-webhook.pinged", SERVER),
    ],
)
def test_what_cdevents_has_no_word_for_has_a_type_of_ours(
    type_: str, facts: dict[str, Any], name: str, subject: str
) -> None:
    (request,) = render(other(type_, **facts), [SECRET], 0, SERVER)

    found = cdevent(request)
    assert (found["type"], found["subject"]["id"]) == (f"dev.cdeventsx.{name}.0.1.0", subject)
    assert found["customData"]["event"] == type_


def test_a_promotion_that_succeeded_changes_the_service_at_the_target() -> None:
    run, service = told("promotion.succeeded", **PREVIOUS)

    assert run["subject"] == {
        "id": "octocat/hello-world/43",
        "content": {
            "pipelineName": "octocat/hello-world",
            "uri": "https://ci.example.com/octocat/hello-world/43",
            "outcome": "success",
        },
    }
    assert service["subject"] == {
        "id": "service/octocat/hello-world",
        "content": {
            "environment": {"id": "production"},
            "artifactId": f"pkg:github/octocat/hello-world@{SHA}",
        },
    }
    assert run["id"] != service["id"]
    assert service["customData"]["data"] == run["customData"]["data"]
    assert service["customData"]["data"]["parent"] == 42


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("success", "success"),
        ("failure", "failure"),
        ("error", "error"),
        ("killed", "cancel"),
        ("declined", "cancel"),
        ("skipped", "cancel"),
    ],
)
def test_a_run_and_a_stage_have_outcomes(status: str, outcome: str) -> None:
    (run,), (task,) = told("build.finished", status=status), told("stage.finished", status=status)

    assert run["subject"]["content"]["outcome"] == task["subject"]["content"]["outcome"] == outcome
    assert ("errors" in run["subject"]["content"]) == (outcome in ("failure", "error"))


def test_a_failed_run_says_what_went_wrong() -> None:
    (run,) = told("promotion.failed")

    assert run["subject"]["content"]["errors"] == ERROR


def test_all_events_of_a_commit_are_one_chain() -> None:
    types = ("build.created", "promotion.requested", "promotion.succeeded", "rollback.started", "stage.started")
    chains = {one["context"]["chainId"] for type_ in types for one in told(type_)}

    assert len(chains) == 1
    assert told("build.created", after=OLDER)[0]["context"]["chainId"] not in chains


def test_each_event_of_a_run_leads_back_to_the_one_before() -> None:
    (queued,), (started,), (begun,), (ended,), (finished, deployed) = (
        told(one)
        for one in (
            "promotion.requested",
            "promotion.started",
            "stage.started",
            "stage.finished",
            "promotion.succeeded",
        )
    )

    assert "links" not in queued["context"]
    before = [(started, queued), (begun, started), (ended, begun), (finished, started), (deployed, finished)]
    for later, earlier in before:
        assert later["context"]["links"] == [{"linkType": "PATH", "from": {"contextId": earlier["id"]}}]


def test_a_run_that_never_started_leads_back_to_its_request() -> None:
    (queued,), (finished,) = told("promotion.requested"), told("promotion.cancelled", started=0)

    assert finished["context"]["links"] == [{"linkType": "PATH", "from": {"contextId": queued["id"]}}]


def test_a_promotion_names_the_build_that_it_came_from() -> None:
    parent = {"number": 42, "event": "push", "created": NEW_YEAR - 900}
    (queued,) = told("promotion.requested", parent=parent)

    key = key_of(SERVER, REPO.slug, 42, NEW_YEAR - 900, "build.finished")
    assert queued["context"]["links"] == [{"linkType": "RELATION", "linkKind": "TRIGGER", "target": {"contextId": key}}]


def test_a_promotion_of_a_promotion_names_that_one() -> None:
    parent = {"number": 42, "event": "promote", "created": NEW_YEAR - 900}
    (queued,) = told("promotion.requested", parent=parent)

    key = key_of(SERVER, REPO.slug, 42, NEW_YEAR - 900, "promotion.succeeded")
    assert queued["context"]["links"][0]["target"] == {"contextId": key}


def test_a_blocked_promotion_asks_for_an_approval_of_each_blocked_stage() -> None:
    queued, *asked = told("promotion.requested", status="blocked", blocked=True)
    (given,) = told("promotion.approved")

    assert queued["type"] == f"{RUN}.queued.0.3.0"
    assert [one["type"] for one in asked] == [f"{APPROVAL}.created.0.1.0"]
    page = "https://ci.example.com/octocat/hello-world/43"
    about = {"approvalDetailsUrl": page, "resourceTargetUrl": page, "requestor": "alice"}
    assert asked[0]["subject"] == {"id": "octocat/hello-world/43/approval-1", "content": about}
    assert given["subject"]["id"] == asked[0]["subject"]["id"]
    assert given["subject"]["content"] == {**about, "status": "approved", "responder": "bob"}
    assert given["context"]["links"] == [{"linkType": "PATH", "from": {"contextId": asked[0]["id"]}}]


def test_a_declined_promotion_closes_the_approval_and_ends() -> None:
    closed, finished = told("promotion.declined", started=0)

    assert closed["subject"]["content"]["status"] == "rejected"
    assert finished["subject"]["content"]["outcome"] == "cancel"
    assert closed["id"] != finished["id"]


def test_every_request_is_signed_with_its_own_id() -> None:
    requests = render(event("promotion.succeeded"), [SECRET], int(time.time()), SERVER)

    for request in requests:
        Webhook(SECRET).verify(request.body, dict(request.headers))
        assert request.headers["webhook-id"] == f"msg_{read(request)['context']['id']}"
    assert len({request.headers["webhook-id"] for request in requests}) == len(requests) == 2


def test_a_later_attempt_sends_the_same_events() -> None:
    first, second = (render(event("promotion.succeeded"), [SECRET], at, SERVER) for at in (NEW_YEAR, NEW_YEAR + 60))

    assert [one.body for one in first] == [one.body for one in second]


@pytest.mark.parametrize(
    ("url", "purl"),
    [
        ("https://github.com/octocat/hello-world.git", {"type": "github", "namespace": "octocat", "qualifiers": {}}),
        (
            "https://git.example.com/octocat/hello-world.git",
            {
                "type": "generic",
                "namespace": "octocat",
                "qualifiers": {"vcs_url": f"git+https://git.example.com/octocat/hello-world.git@{SHA}"},
            },
        ),
        ("", {"type": "generic", "namespace": "octocat", "qualifiers": {}}),
        (
            "https://ada:s3cr3t@[::1/octocat/hello-world.git",
            {"type": "generic", "qualifiers": {"vcs_url": f"git+https://[::1/octocat/hello-world.git@{SHA}"}},
        ),
    ],
)
def test_what_is_deployed_is_a_package_url_of_the_commit(url: str, purl: dict[str, Any]) -> None:
    made = event("promotion.succeeded")
    facts = {**made.facts, "repo": repo_json(replace(REPO, git_http_url=url))}
    service = cdevent(render(replace(made, facts=facts), [SECRET], 0, SERVER)[1])

    found = PackageURL.from_string(service["subject"]["content"]["artifactId"]).to_dict()
    assert {"name": "hello-world", "version": SHA, **purl}.items() <= {
        **found,
        "qualifiers": found["qualifiers"] or {},
    }.items()


def test_a_promotion_without_a_known_commit_changes_no_service() -> None:
    assert [one["type"] for one in told("promotion.succeeded", after="")] == [f"{RUN}.finished.0.3.0"]


def test_only_the_stage_that_is_meant_is_told() -> None:
    second = replace(STAGE, number=2, name="second")
    made = event("stage.started", stages=(STAGE, second))
    (task,) = [cdevent(one) for one in render(replace(made, facts={**made.facts, "stage": 2}), [SECRET], 0, SERVER)]

    assert task["subject"]["id"] == "octocat/hello-world/43/2"
    assert task["subject"]["content"]["taskName"] == "second"
    assert task["subject"]["content"]["pipelineRun"] == {"id": "octocat/hello-world/43"}


def test_the_schemas_refuse_what_the_specification_forbids() -> None:
    (request,) = render(event("promotion.started"), [SECRET], 0, SERVER)
    body = request.body.replace(b'"pipelineName"', b'"name"')

    with pytest.raises(ValueError, match="name"):
        cdevent(replace(request, body=body))
