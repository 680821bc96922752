"""What is told of a file that can be used and does harm, or never does what was meant; and what is not."""

import pytest

from app.pipeline import dangers
from app.pipeline.document import parse

HEAD = "kind: pipeline\ntype: exec\nname: deploy\n"


def found(text: str) -> list[tuple[int, str]]:
    return [(one.line, one.rule) for one in dangers.dangers(text, parse(text))]


def details(text: str) -> str:
    return "\n".join(one.detail for one in dangers.dangers(text, parse(text)))


def commands(*lines: str, head: str = HEAD) -> str:
    return head + "steps:\n- name: release\n  commands:\n" + "".join(f"  - '{line}'\n" for line in lines)


def test_a_parameter_that_is_put_into_a_script_is_told_with_its_line() -> None:
    text = commands("echo", "./release ${VERSION} ${VERSION}", "./more ${VERSION:-1} ${NAME##v}")

    assert found(text) == [(8, dangers.PASTED), (9, dangers.PASTED), (9, dangers.PASTED)]
    assert details(text).splitlines()[0] == (
        'step "release": ${VERSION} is replaced before the script begins, by the parameter of this name, which may be '
        'commands, or by nothing; write "$VERSION", or $${VERSION}'
    )


@pytest.mark.parametrize(
    "command",
    [
        'echo "$VERSION" $${VERSION} \\/${#VERSION}',
        "echo ${DRONE_COMMIT_SHA:0:8} ${DRONE_BUILD_NUMBER} ${CI_BUILD_NUMBER} ${CI} ${GANTRY_URL}",
        "echo plain",
    ],
)
def test_what_nobody_can_misuse_is_not_told(command: str) -> None:
    assert found(HEAD + f"steps:\n- name: a\n  commands:\n  - >-\n    {command}\n") == []


@pytest.mark.parametrize(
    "name", ["DRONE_COMMIT_MESSAGE", "DRONE_PULL_REQUEST_TITLE", "DRONE_COMMIT_AUTHOR_NAME", "CI_COMMIT_AUTHOR"]
)
def test_text_of_an_author_in_a_script_is_told(name: str) -> None:
    assert "by what the author of the commit wrote" in details(commands(f"echo ${{{name}}}"))


@pytest.mark.parametrize(
    ("trigger", "count"), [("", 1), ("trigger: {target: [prod, eu]}\n", 0), ("trigger: {target: [prod, eu-*]}\n", 1)]
)
def test_a_target_in_a_script_is_told_where_anybody_may_choose_the_target(trigger: str, count: int) -> None:
    text = commands("./to ${DRONE_DEPLOY_TO}", head=HEAD + trigger)

    assert [rule for _, rule in found(text)] == [dangers.PASTED] * count
    assert details(text).count("by the target, which may be commands") == count


def test_commands_of_containers_are_read_as_well() -> None:
    text = "kind: pipeline\nname: a\nsteps:\n- name: b\n  image: c\n  commands: ['echo ${V}']\n- {name: d, image: e}\n"

    assert found(text) == [(6, dangers.PASTED)]


def test_a_step_for_a_target_that_its_pipeline_is_not_started_for() -> None:
    text = (
        HEAD
        + "trigger: {target: [production, staging, demo-*]}\nsteps:\n"
        + "- {name: a, commands: [x], when: {target: [prodution, 'eu-*']}}\n"
        + "- {name: b, commands: [x], when: {target: [staging, demo-1]}}\n"
    )

    assert found(text) == [(6, dangers.TARGET)]
    assert details(text) == (
        'step "a" is for "prodution", for which pipeline "deploy" is not started; did you mean production?'
    )
    excluded = HEAD + "trigger: {target: {exclude: [eu]}}\nsteps: [{name: a, commands: [x], when: {target: [eu]}}]\n"
    assert details(excluded) == 'step "a" is for "eu", for which pipeline "deploy" is not started'


def test_an_event_that_no_build_has() -> None:
    text = (
        HEAD
        + "trigger: {event: {include: [promotion, 'pu*'], exclude: [tags]}}\n"
        + "steps: [{name: a, commands: [x], when: {event: [pull-request]}}]\n"
    )

    assert found(text) == [(1, dangers.EVENT), (1, dangers.EVENT), (5, dangers.EVENT)]
    assert details(text).splitlines() == [
        'pipeline "deploy" names the event "promotion", which no build has; did you mean promote?',
        'pipeline "deploy" names the event "tags", which no build has; did you mean tag?',
        'step "a" names the event "pull-request", which no build has; did you mean pull_request?',
    ]


@pytest.mark.parametrize(
    ("event", "told"),
    [("[push]", True), ("{exclude: [promote, rollback]}", True), ("[push, promote]", False), ("[rollback]", False)],
)
def test_a_pipeline_for_targets_whose_events_have_none(event: str, told: bool) -> None:
    text = commands("x", head=HEAD + f"trigger: {{event: {event}, target: [production]}}\n")

    assert found(text) == ([(1, dangers.NEVER)] if told else [])


STEP = "steps:\n- name: a\n  commands: [x]\n  environment:\n    T: {from_secret: token}\n"
INLINE = "---\nkind: secret\nname: token\ndata: c2VjcmV0\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # a secret of the server: pull requests get it only if somebody says so
        (HEAD + STEP, False),
        (HEAD + "trigger: {event: [push]}\n" + STEP, False),
        (HEAD + "trigger: {event: [push, pull_request]}\n" + STEP, True),
        (HEAD + "trigger: {event: [promote], target: [pull_request]}\n" + STEP, False),
        (HEAD + STEP + "  when: {event: [pull_request]}\n", True),
        (HEAD + STEP + "  when: {event: {exclude: [pull_request]}}\n" + INLINE, False),
        (HEAD + "trigger: {target: [eu]}\n" + STEP + INLINE, False),
        (HEAD + "trigger: {cron: [nightly]}\n" + STEP + INLINE, False),
        # one of the file: pull requests always get it
        (HEAD + STEP + INLINE, True),
        (HEAD + STEP + INLINE.replace("data: c2VjcmV0", "get: {path: a, name: b}"), False),
    ],
)
def test_a_secret_that_pull_requests_get(text: str, told: bool) -> None:
    line = text.splitlines().index("    T: {from_secret: token}") + 1
    assert found(text) == ([(line, dangers.SECRET)] if told else [])


def test_secrets_of_containers_are_found_wherever_they_stand() -> None:
    text = (
        "kind: pipeline\nname: a\ntrigger:\n  event: [pull_request]\nsteps:\n- name: b\n  image: c\n"
        "  settings:\n    list: [{deep: {from_secret: one}}]\n    two: {from_secret: two}\n"
    )

    assert sorted(found(text)) == [(9, dangers.SECRET), (10, dangers.SECRET)]
    assert 'step "b": the secret "one" is empty in pull requests, or given to them' in details(text)


def test_a_clone_that_verifies_nothing() -> None:
    text = commands("x", head=HEAD + "clone: {skip_verify: true}\n")

    assert found(text) == [(1, dangers.CLONE)]


def test_other_documents_are_passed_over() -> None:
    assert found("kind: registry\n---\n" + commands("x") + INLINE) == []
