from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.pipeline.conditions import Condition, Conditions
from app.pipeline.document import (
    BadPipeline,
    Clone,
    Config,
    FromSecret,
    Pipeline,
    Problem,
    SecretDocument,
    Step,
    parse,
)

FIXTURE = Path(__file__).parents[2] / "fixtures" / "drone" / "pipeline.yml"

FULL = """\
# a comment in front

kind: pipeline
type: exec
name: deploy
x-unknown: [1, {2: 3}]

platform:
  os: windows
  arch: arm64
  variant: v8
  version: 1.10

node:
  zone: eu
  spare: true

concurrency:
  limit: 2

clone:
  disable: yes
  depth: 50
  retries: 3
  skip_verify: on
  trace: true

trigger:
  event: promote
  target: [staging, prod-*]
  branch: {include: main, exclude: [dev/**]}
  status: [success, failure]
  paths: [docs/*]

steps:
- name: build
  commands: [make, 'echo "a: b"', 1.10]
  environment:
    COUNT: 007
    EMPTY:
    ON: yes
    TOKEN: {from_secret: token}
- name: ship
  depends_on: [build]
  failure: IGNORE
  detach: true
  shell: bash
  when: {instance: ci.acme.test}
---
kind: secret
name: encrypted
data: c2VjcmV0
---
kind: secret
name: external
get: {path: secret/data/docker, name: password}
---
kind: signature
hmac: 0f1e
---
kind: pipeline
depends_on: [deploy]
trigger: {target: [production, staging]}
"""


def problems(text: str) -> list[str]:
    with pytest.raises(BadPipeline) as caught:
        parse(text)
    return str(caught.value).splitlines()


def step(text: str) -> Step:
    return parse(f"kind: pipeline\ntype: exec\nsteps:\n- name: a\n  {text}\n").pipelines[0].steps[0]


def test_everything_a_file_can_say() -> None:
    config = parse(FULL)

    deploy, default = config.pipelines
    assert deploy == Pipeline(
        kind="pipeline",
        type="exec",
        name="deploy",
        line=3,
        os="windows",
        arch="arm64",
        variant="v8",
        kernel="1.10",
        labels={"zone": "eu", "spare": "true"},
        limit=2,
        depends_on=(),
        trigger=Conditions(
            event=Condition(("promote",)),
            target=Condition(("staging", "prod-*")),
            branch=Condition(("main",), ("dev/**",)),
            status=Condition(("success", "failure")),
            paths=Condition(("docs/*",)),
        ),
        clone=Clone(disable=True, depth=50, retries=3, skip_verify=True, trace=True),
        steps=(
            Step(
                name="build",
                line=36,
                commands=("make", 'echo "a: b"', "1.10"),
                environment={"COUNT": "007", "EMPTY": "", "ON": "yes", "TOKEN": FromSecret("token")},
            ),
            Step(
                name="ship",
                line=43,
                depends_on=("build",),
                ignore_failure=True,
                detach=True,
                shell="bash",
                when=Conditions(instance=Condition(("ci.acme.test",))),
            ),
        ),
    )
    assert (default.type, default.name, default.os, default.arch) == ("docker", "default", "linux", "amd64")
    assert (default.line, default.depends_on, default.clone) == (61, ("deploy",), Clone())
    assert config.secrets == (
        SecretDocument("encrypted", 50, "c2VjcmV0", "", ""),
        SecretDocument("external", 54, "", "secret/data/docker", "password"),
    )
    assert config.signature == "0f1e"
    assert config.targets == ("staging", "prod-*", "production")
    assert config.declared == ("staging", "production")


def test_the_recorded_pipeline_file() -> None:
    config = parse(FIXTURE.read_text())

    assert [p.name for p in config.pipelines] == ["test", "deploy", "verify", "slow", "hang", "quick"]
    assert config.targets == ("production", "slow", "hang", "quick")


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n---\n", "...\nkind: pipeline\n"])
def test_an_empty_file_has_no_pipelines(text: str) -> None:
    assert parse(text) == Config()


def test_an_encrypted_secret_stays_out_of_representations() -> None:
    assert "c2VjcmV0" not in repr(parse(FULL))


@pytest.mark.parametrize("kind", ["approval", "deployment", "registry", "cron"])
def test_reserved_kinds_do_nothing(kind: str) -> None:
    assert parse(f"kind: {kind}\nname: [any, shape]\n") == Config()


def test_pipelines_of_other_types_keep_the_names_of_their_steps() -> None:
    text = "kind: pipeline\ntype: kubernetes\nsteps:\n- {name: a, commands: {odd: shape}}\n- odd\n- {image: x}\n"
    pipeline = parse(text).pipelines[0]

    assert pipeline.type == "kubernetes"
    assert pipeline.steps == (Step("a", 4),)
    assert parse("kind: pipeline\ntype: ssh\nsteps: odd\n").pipelines[0].steps == ()


def test_the_unnamed_pipeline_is_the_one_called_default() -> None:
    text = "kind: pipeline\ntype: exec\n---\nkind: pipeline\ntype: exec\nname: b\ndepends_on: [default, '']\n"
    first, second = parse(text).pipelines

    assert first.name == "default"
    assert second.depends_on == ("default", "default")


def test_anchors_share_steps() -> None:
    text = "kind: pipeline\ntype: exec\nx: &s\n  commands: [make]\nsteps:\n- {<<: *s, name: a}\n- {<<: *s, name: b}\n"

    assert [(s.name, s.commands) for s in parse(text).pipelines[0].steps] == [("a", ("make",)), ("b", ("make",))]


@pytest.mark.parametrize("failure", ["fail", "always", "fast", "fail-fast", "", "'ignored'"])
def test_only_ignore_ignores_a_failure(failure: str) -> None:
    assert not step(f"failure: {failure}").ignore_failure


@pytest.mark.parametrize(("failure", "fast"), [("fast", True), ("Fail-Fast", True), ("fail", False), ("ignore", False)])
def test_a_failure_may_end_the_stage_at_once(failure: str, fast: bool) -> None:
    assert step(f"failure: {failure}").fail_fast is fast


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "name: a\n",
            "yaml: missing kind attribute (.drone.yml:1: a document begins with its kind: "
            "pipeline, secret and signature)",
        ),
        ("kind:\nname: a", "yaml: missing kind attribute (.drone.yml:1: "),
        ("kind: ''", "yaml: missing kind attribute (.drone.yml:1: "),
        ("~", "yaml: missing kind attribute (.drone.yml:1: "),
        ("kind: [pipeline]", "yaml: wrong type (.drone.yml:1: kind must be text (quote it if it holds ': '), not a l"),
        ("\nkind: weird\n", 'yaml: unknown kind attribute (.drone.yml:2: "weird" is not known; there are pipeline, '),
        (
            "kind: template\nload: a.yml\n",
            "template: not the first document (.drone.yml:1: it must begin a YAML file, with ",
        ),
        ("kind: pipeline\ntype: exec\nsteps: {a: b}", "yaml: wrong type (.drone.yml:3: steps must be a list, not a m"),
        ("kind: pipeline\ntype: exec\nsteps: [a]", 'yaml: wrong type (.drone.yml:3: steps[0] must be a mapping, not '),
        ("kind: pipeline\ntype: exec\ntrigger: [push]", "yaml: wrong type (.drone.yml:3: trigger must be a mapping, "),
        ("kind: pipeline\ntype: exec\ndepends_on: a", 'yaml: wrong type (.drone.yml:3: depends_on must be a list, no'),
        ("kind: pipeline\ntype: exec\nnode: {a: [b]}", "yaml: wrong type (.drone.yml:3: node.a must be text"),
        ("kind: pipeline\ntype: exec\nclone: {depth: x}", "yaml: wrong type (.drone.yml:3: clone.depth must be a who"),
        ("kind: pipeline\ntype: exec\nname: {a: b}", "yaml: wrong type (.drone.yml:3: name must be text"),
    ],
)  # fmt: skip
def test_each_rule_says_where_and_what(text: str, expected: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("commands: make", 'yaml: wrong type (.drone.yml:5: steps[0].commands must be a list, not "make")'),
        ("commands: [echo a: b]", "yaml: wrong type (.drone.yml:5: steps[0].commands[0] must be text (quote it if it "),
        ("environment: [A=b]", "yaml: wrong type (.drone.yml:5: steps[0].environment must be a mapping, not a list)"),
        ("environment: {A: [b]}", "yaml: wrong type (.drone.yml:5: steps[0].environment.A must be text or {from_secr"),
        ("environment: {A: {b: c}}", "yaml: wrong type (.drone.yml:5: steps[0].environment.A must be text or {from_s"),
        ("environment: {A: {from_secret: }}", "yaml: wrong type (.drone.yml:5: steps[0].environment.A must be text o"),
        ("environment: {A: {from_secret: [b]}}", "yaml: wrong type (.drone.yml:5: steps[0].environment.A.from_secret"),
        ("environment: {A=B: c}", 'yaml: wrong variable name (.drone.yml:5: steps[0].environment."A=B" cannot name a '),
        ("environment: {'': c}", 'yaml: wrong variable name (.drone.yml:5: steps[0].environment."" cannot name a var'),
        ("detach: maybe", 'yaml: wrong type (.drone.yml:5: steps[0].detach must be true or false, not "maybe")'),
        ("when: push", 'yaml: wrong type (.drone.yml:5: steps[0].when must be a mapping, not "push")'),
        (
            "image: alpine",
            "Linter: images are not allowed in exec pipelines (.drone.yml:4: steps[0].image is set; "
            "remove it, or use type: docker)",
        ),
        ("image: [a]", "Linter: images are not allowed in exec pipelines (.drone.yml:4: "),
    ],
)  # fmt: skip
def test_each_rule_of_exec_steps_says_where_and_what(text: str, expected: str) -> None:
    with pytest.raises(BadPipeline) as caught:
        step(text)
    assert str(caught.value).startswith(expected)
    assert len(caught.value.problems) == 1


def test_all_problems_of_a_file_come_at_once() -> None:
    text = """\
kind: pipeline
type: exec
name: a
steps:
- name: s
  commands: make
- name: s
  image: alpine
---
kind: [
---
name: b
---
kind: pipeline
type: exec
name: a
depends_on: [a]
"""
    assert [line.partition(" (")[0] for line in problems(text)] == [
        "yaml: wrong type",
        "Linter: images are not allowed in exec pipelines",
        "Linter: duplicate step names",
        "yaml: line 1: did not find expected node content",
        "yaml: missing kind attribute",
        "linter: duplicate pipeline names",
        "linter: pipeline cannot have a dependency on itself",
    ]


def test_a_secret_without_a_value_and_a_signature_without_an_hmac_are_no_problem_of_the_file() -> None:
    config = parse(
        "kind: pipeline\ntype: exec\nname: a\n---\nkind: secret\nname: s\n---\n"
        "kind: secret\ntype: external\nexternal_data: {token: {path: a, name: b}}\n---\nkind: signature\n"
    )

    assert [pipeline.name for pipeline in config.pipelines] == ["a"]
    assert [(secret.name, secret.data, secret.get_path) for secret in config.secrets] == [("s", "", ""), ("", "", "")]
    assert config.signature == ""


@pytest.mark.parametrize("other", ["kind: [", "name: b", "kind: weird\nname: b", "kind: pipeline\nname: [b]"])
def test_a_name_is_only_unknown_when_every_document_could_be_read(other: str) -> None:
    text = "kind: pipeline\ntype: exec\nname: a\ndepends_on: [b]\n---\n" + other

    assert not any("unknown pipeline dependency" in line for line in problems(text))


@given(st.text(max_size=200))
def test_any_text_is_a_config_or_a_bad_pipeline(text: str) -> None:
    _parse_or_refuse(text)


FRAGMENTS = st.sampled_from(
    [
        "kind: ", "pipeline", "secret", "signature", "type: ", "exec", "docker", "name: ", "steps:", "- ", "\n", "\n  ",
        "\n    ", "---\n", "...", "a", "b", "clone", "clone: ", "depends_on: ", "[a, b]", "{a: b}", "[", "]", "{", "}",
        "commands: ", "environment: ", "from_secret: ", "when: ", "trigger: ", "target: ", "include: ", "exclude: ",
        "&x ", "*x", "<<: ", ": ", "~", "null", "yes", "1.10", "'", '"', "|", "# c", "image: ", "disable: ", "limit: ",
        "services:", "volumes:", "platform: ", "os: ", "hmac: ", "data: ", "get: ", "\t", "\ud800", "\0", "!!x ", "? ",
    ]
)  # fmt: skip


@settings(max_examples=500)
@given(st.lists(FRAGMENTS, max_size=40).map("".join))
def test_any_arrangement_of_words_is_a_config_or_a_bad_pipeline(text: str) -> None:
    _parse_or_refuse(text)


def _flow(pairs: dict[str, str]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in pairs.items()) + "}"


VALUES = st.recursive(
    st.sampled_from(["~", "a", "b", "clone", "exec", "yes", "1", "''"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(st.sampled_from(["name", "depends_on", "a", "<<"]), inner, max_size=3).map(_flow)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        "type",
        "name",
        "steps",
        "services",
        "volumes",
        "platform",
        "node",
        "clone",
        "trigger",
        "depends_on",
        "concurrency",
    ]
)


@settings(max_examples=500)
@given(st.lists(st.dictionaries(KEYS, VALUES), max_size=3))
def test_any_value_at_any_key_is_a_config_or_a_bad_pipeline(documents: list[dict[str, str]]) -> None:
    _parse_or_refuse("\n---\n".join(_flow({"kind": "pipeline"} | document) for document in documents))


def _parse_or_refuse(text: str) -> None:
    problems, names = _outcome(text)

    assert all(problem.line >= 1 and problem.detail for problem in problems)
    assert len(set(names)) == len(names)


def _outcome(text: str) -> tuple[tuple[Problem, ...], list[str]]:
    try:
        return (), [pipeline.name for pipeline in parse(text).pipelines]
    except BadPipeline as error:
        return error.problems, []
