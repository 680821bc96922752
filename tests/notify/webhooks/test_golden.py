"""Our events, and what each format makes of them, line by line."""

from dataclasses import replace
from typing import Any

import pytest

from app.notify.webhooks.formats import FORMATS
from app.notify.webhooks.model import Event, Format
from app.repos.wire import repo_json
from tests.notify.webhooks import checks
from tests.notify.webhooks.events import REPO, SECRET, SERVER, event, other

PAGE = "https://ci.example.com/octocat/hello-world/43"
#: What the CDEvents of a line are short for.
SHORT = (("dev.cdevents.", ""), ("dev.cdeventsx.gantry-", "our "), (".0.3.0", ""), (".0.1.0", ""))
HOOK = {"by": {"kind": "hook", "name": ""}}
CRON = {"by": {"kind": "cron", "name": "nightly"}}
SERVERS = {"by": {"kind": "server", "name": ""}}
WAITS: dict[str, Any] = {"status": "blocked", "blocked": True}
REPOSITORY = {"repo": repo_json(REPO)}
USER = {"user": {"login": "ada", "admin": False, "machine": False}}
P, R = (
    "the promotion of *octocat/hello-world#42* to *production*",
    "the rollback of *production* to *octocat/hello-world#42*",
)
B = "*octocat/hello-world#43*"

#: An event; its CDEvents; the mark and the sentence of the chats, with names in bold and links left out.
TABLE: list[tuple[str, dict[str, Any], list[str], str]] = [
    ("promotion.requested", {}, ["pipelinerun.queued"], f"▶️ *alice* asked for {P} (build 43)"),
    (
        "promotion.requested",
        WAITS,
        ["pipelinerun.queued", "our approval.created"],
        f"⏳ *alice* asked for {P}, which waits for approval (build 43)",
    ),
    (
        "promotion.requested",
        {"status": "error"},
        ["pipelinerun.queued"],
        f"❌ *alice* asked for {P}, which failed at once (build 43)",
    ),
    ("promotion.approved", {}, ["our approval.closed"], f"✅ *bob* approved {P} (build 43)"),
    (
        "promotion.declined",
        {},
        ["our approval.closed", "pipelinerun.finished"],
        f"❌ *bob* declined {P} (build 43)",
    ),
    ("promotion.started", {}, ["pipelinerun.started"], f"▶️ The{P[3:]} started (build 43)"),
    (
        "promotion.succeeded",
        {},
        ["pipelinerun.finished", "service.deployed"],
        f"✅ The{P[3:]} succeeded after 3m 12s (build 43)",
    ),
    (
        "promotion.succeeded",
        {"previous": {"number": 40, "commit": "0" * 40}},
        ["pipelinerun.finished", "service.upgraded"],
        f"✅ The{P[3:]} succeeded after 3m 12s (build 43)",
    ),
    (
        "promotion.failed",
        {},
        ["pipelinerun.finished"],
        f"❌ The{P[3:]} failed after 3m 12s in the step *deploy* (build 43)",
    ),
    ("promotion.cancelled", {}, ["pipelinerun.finished"], f"❌ *bob* cancelled {P} (build 43)"),
    ("promotion.cancelled", SERVERS, ["pipelinerun.finished"], f"❌ Gantry cancelled {P} (build 43)"),
    ("rollback.requested", {}, ["pipelinerun.queued"], f"▶️ *alice* asked for {R} (build 43)"),
    ("rollback.approved", {}, ["our approval.closed"], f"✅ *bob* approved {R} (build 43)"),
    ("rollback.declined", {}, ["our approval.closed", "pipelinerun.finished"], f"❌ *bob* declined {R} (build 43)"),
    ("rollback.started", {}, ["pipelinerun.started"], f"▶️ The{R[3:]} started (build 43)"),
    (
        "rollback.succeeded",
        {},
        ["pipelinerun.finished", "service.rolledback"],
        f"✅ The{R[3:]} succeeded after 3m 12s (build 43)",
    ),
    (
        "rollback.failed",
        {},
        ["pipelinerun.finished"],
        f"❌ The{R[3:]} failed after 3m 12s in the step *deploy* (build 43)",
    ),
    ("rollback.cancelled", {}, ["pipelinerun.finished"], f"❌ *bob* cancelled {R} (build 43)"),
    ("build.created", {}, ["pipelinerun.queued"], f"▶️ Build {B} was created by *octocat*"),
    ("build.created", HOOK, ["pipelinerun.queued"], f"▶️ Build {B} was created by a push"),
    ("build.created", CRON, ["pipelinerun.queued"], f"▶️ Build {B} was created by the cron job *nightly*"),
    (
        "build.created",
        WAITS,
        ["pipelinerun.queued", "our approval.created"],
        f"⏳ Build {B} was created by *octocat*, which waits for approval",
    ),
    ("build.approved", {}, ["our approval.closed"], f"✅ *bob* approved build {B}"),
    ("build.declined", {}, ["our approval.closed", "pipelinerun.finished"], f"❌ *bob* declined build {B}"),
    ("build.started", {}, ["pipelinerun.started"], f"▶️ Build {B} started"),
    ("build.finished", {}, ["pipelinerun.finished"], f"✅ Build {B} succeeded after 3m 12s"),
    (
        "build.finished",
        {"status": "failure"},
        ["pipelinerun.finished"],
        f"❌ Build {B} failed after 3m 12s in the step *deploy*",
    ),
    ("build.finished", {"status": "killed"}, ["pipelinerun.finished"], f"❌ Build {B} was cancelled after 3m 12s"),
    ("build.finished", {"status": "skipped", "started": 0}, ["pipelinerun.finished"], f"▶️ Build {B} was skipped"),
    ("stage.started", {}, ["taskrun.started"], f"▶️ Stage *default* of build {B} started"),
    ("stage.finished", {}, ["taskrun.finished"], f"✅ Stage *default* of build {B} succeeded after 3m 12s"),
    (
        "stage.finished",
        {"status": "failure"},
        ["taskrun.finished"],
        f"❌ Stage *default* of build {B} failed after 3m 12s in the step *deploy*",
    ),
    ("repo.enabled", REPOSITORY, ["our repository.enabled"], "▶️ *alice* enabled the repository *octocat/hello-world*"),
    (
        "repo.disabled",
        REPOSITORY,
        ["our repository.disabled"],
        "▶️ *alice* disabled the repository *octocat/hello-world*",
    ),
    ("repo.deleted", REPOSITORY, ["our repository.deleted"], "▶️ *alice* deleted the repository *octocat/hello-world*"),
    ("user.created", USER, ["our user.created"], "▶️ *alice* created the account *ada*"),
    ("user.deleted", USER, ["our user.deleted"], "▶️ *alice* deleted the account *ada*"),
    (
        "webhook.disabled",
        {"webhook": {"reason": "410 Gone"}},
        ["our webhook.disabled"],
        "❌ Gantry disabled this webhook: `410 Gone`",
    ),
    ("ping", {}, ["our webhook.pinged"], "✅ Gantry at `https://ci.example.com` can send messages here"),
]


def made(type_: str, more: dict[str, Any]) -> Event:
    is_of_build = type_.partition(".")[0] in ("promotion", "rollback", "build", "stage")
    return event(type_, **more) if is_of_build else other(type_, **more)


@pytest.mark.parametrize(("type_", "more", "cdevents", "sentence"), TABLE)
def test_every_format_tells_of_every_event(
    type_: str, more: dict[str, Any], cdevents: list[str], sentence: str
) -> None:
    told = made(type_, more)
    sent = {name: list(render(told, [SECRET], 0, SERVER)) for name, render in FORMATS.items() if name != "drone"}

    (standard,), (cloudevent,) = sent["standard"], sent["cloudevents"]
    assert checks.read(standard)["type"] == type_
    assert checks.cloudevent(cloudevent)["type"] == f"com.example.ci.{type_}"
    assert [short(checks.cdevent(request)["type"]) for request in sent["cdevents"]] == cdevents
    in_slack = checks.slack(sent["slack"][0])["text"]
    in_mattermost = checks.mattermost(sent["mattermost"][0])["text"]
    assert in_slack.replace(f"<{PAGE}|", "").replace("43>", "43") == sentence
    assert in_mattermost.replace("**", "*").replace(f"]({PAGE})", "").replace("[", "") == sentence
    assert checks.words(checks.teams(sent["teams"][0])) == sentence.replace("*", "").replace("`", "")


@pytest.mark.parametrize(("type_", "more", "cdevents", "sentence"), TABLE)
def test_one_page_is_linked_in_each_sentence_about_a_build(
    type_: str, more: dict[str, Any], cdevents: list[str], sentence: str
) -> None:
    del cdevents, sentence
    told = made(type_, more)
    (request,) = FORMATS["slack"](told, [], 0, SERVER)

    assert checks.read(request)["text"].count(f"<{PAGE}|") == ("build" in told.facts)


@pytest.mark.parametrize("format_", [name for name in FORMATS if name != "drone"])
def test_what_only_drone_tells_nobody_else_tells(format_: Format) -> None:
    told = replace(event("promotion.started"), type="", drone="build:updated")

    assert not FORMATS[format_](told, [SECRET], 0, SERVER)


def short(type_: str) -> str:
    for text, by in SHORT:
        type_ = type_.replace(text, by)
    return type_
