"""What holds for every event: it is rendered in every format, within the limits, and no secret is in what is sent."""

from base64 import b64encode
from dataclasses import replace
from typing import Any, get_args

import orjson
from hypothesis import given
from hypothesis import strategies as st

from app.builds.model import Build, Stage, Status, Step
from app.builds.wire import build_json
from app.notify.webhooks.formats import FORMATS, SIGNED
from app.notify.webhooks.model import Event, Format, Request
from app.repos.wire import repo_json
from tests.notify.webhooks import checks
from tests.notify.webhooks.events import REPO, SERVER

TYPES = [
    *(
        f"{kind}.{what}"
        for kind in ("promotion", "rollback")
        for what in ("requested", "started", "succeeded", "failed")
    ),
    *(
        f"{kind}.{what}"
        for kind in ("promotion", "rollback", "build")
        for what in ("approved", "declined", "cancelled")
    ),
    *(f"build.{what}" for what in ("created", "started", "finished")),
    *("stage.started", "stage.finished"),
    "promotion.locked",  # a type that no format knows yet
]
LIMITS: dict[Format, int] = {"standard": 19_999, "cloudevents": 19_999, "cdevents": 19_999, "slack": 40_000}
LIMITS |= {"mattermost": 40_000, "teams": 28_000}
CHECKS = {"slack": checks.slack, "mattermost": checks.mattermost, "teams": checks.teams, "cdevents": checks.cdevent}

texts = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ['"quoted"', "<!channel>", "@here", "`x`", "{{x}}", "x" * 5000, "\x00" * 400, "&" * 999, "🚀שלום\u202e"]
    ),
)
times = st.one_of(st.just(0), st.integers(0, 2**62))
statuses = st.sampled_from(get_args(Status))
numbers = st.integers(1, 2**53)
steps = st.builds(
    Step, id=numbers, stage_id=numbers, number=numbers, name=texts, status=statuses, error=texts,
    errignore=st.booleans(), exit_code=st.integers(-(2**31), 2**31), started=times, stopped=times,
)  # fmt: skip
stages = st.builds(
    Stage, id=numbers, repo_id=numbers, build_id=numbers, number=st.integers(1, 9), name=texts, status=statuses,
    error=texts, exit_code=st.integers(-(2**31), 2**31), started=times, stopped=times,
    steps=st.lists(steps, max_size=3).map(tuple),
)  # fmt: skip
params = st.dictionaries(texts, texts, max_size=60)
builds = st.builds(
    Build, id=numbers, repo_id=numbers, number=numbers, trigger=texts, parent=numbers, status=statuses, error=texts,
    event=st.sampled_from(["push", "promote", "rollback", "cron", "custom"]), link=texts, message=texts, after=texts,
    ref=texts, author_login=texts, author_name=texts, deploy_to=texts, params=params,
    created=times, started=times, finished=times, blocked=st.booleans(), stages=st.lists(stages, max_size=3).map(tuple),
)  # fmt: skip
repos = st.builds(
    lambda name, scm, link, url: replace(REPO, name=name, scm=scm, link=link, git_http_url=url),
    name=st.text("abcXYZ019._-", min_size=1, max_size=100),
    scm=st.sampled_from(["", "github", "gitlab", "gitea"]),
    link=texts,
    url=st.one_of(texts, st.just("https://git.example.com/x/y.git"), st.just("https://[::1/x")),
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Any event of any build, as it is after it was kept as JSON."""
    type_, build = draw(st.sampled_from(TYPES)), draw(builds)
    by = {"kind": draw(st.sampled_from(["person", "hook", "cron", "server", "?"])), "name": draw(texts)}
    facts: dict[str, Any] = {"repo": repo_json(draw(repos)), "build": build_json(build, stages=True), "by": by}
    if type_.startswith("stage.") or draw(st.booleans()):
        facts["stage"] = draw(st.integers(1, 9))
    if draw(st.booleans()):
        facts["error"] = draw(texts)
    if draw(st.booleans()):
        facts["previous"] = {"number": draw(numbers), "commit": draw(texts)}
    if draw(st.booleans()):
        facts["parent"] = {"number": draw(numbers), "event": "push", "created": draw(times)}
    return Event("0b8ab3f5-31ad-4d6b-a0f8-f2e1d9c5b7a6", type_, "", draw(times), orjson.loads(orjson.dumps(facts)))


@given(told=events(), random=st.binary(min_size=24, max_size=64))
def test_every_event_is_rendered_in_every_format_within_its_limits(told: Event, random: bytes) -> None:
    secret = b64encode(random).decode()

    for format_, limit in LIMITS.items():
        requests = FORMATS[format_](told, [f"whsec_{secret}"], 2**40, SERVER)
        assert requests
        for request in requests:
            assert len(request.body) <= limit
            assert isinstance(orjson.loads(request.body), dict)
            assert no_trace(request, secret)
            assert all(is_header(name, value) for name, value in request.headers.items())
            assert ("webhook-signature" in request.headers) == (format_ in SIGNED)
            if check := CHECKS.get(format_):
                check(request)


def no_trace(request: Request, secret: str) -> bool:
    """Whether neither the secret nor its key is in what is sent."""
    sent = request.body.decode() + "".join(request.headers.values())
    return secret not in sent and secret.rstrip("=") not in sent


def is_header(name: str, value: str) -> bool:
    """Whether a header can be sent: visible ASCII, and single spaces between signatures."""
    return name == name.lower() and value.isascii() and value.isprintable() and value.strip() == value
