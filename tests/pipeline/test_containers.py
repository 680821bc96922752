import pytest

from app.pipeline.document import BadPipeline, Step, parse


def problems(text: str) -> list[str]:
    with pytest.raises(BadPipeline) as caught:
        parse(f"kind: pipeline\nname: p\n{text}")
    return str(caught.value).splitlines()


def test_a_docker_pipeline_is_kept_whatever_its_steps_hold() -> None:
    text = """\
kind: pipeline
services:
- {name: db, image: "postgres:17", ports: {odd: shape}}
steps:
- name: build
  image: golang
  commands: {odd: shape}
  settings: {tags: [1, {from_secret: x}]}
  environment: [odd]
  depends_on: [clone, db, {odd: shape}]
- {name: test, image: golang, depends_on: [build], when: odd}
- {name: ship, image: plugins/docker, depends_on: odd}
volumes: [{name: cache, temp: {}}]
"""
    (pipeline,) = parse(text).pipelines

    assert pipeline.type == "docker"
    assert pipeline.steps == (Step("build", 5), Step("test", 11), Step("ship", 12))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "platform: {os: plan9}",
            'linter: unsupported os (.drone.yml:1: platform.os is "plan9"; docker pipelines know linux, windows)',
        ),
        (
            "platform: {arch: mips}",
            'linter: unsupported arch (.drone.yml:1: platform.arch is "mips"; docker pipelines know amd64, arm64, arm)',
        ),
        (
            "steps:\n- {image: go}",
            "linter: invalid or missing step name (.drone.yml:4: every step and service needs a name)",
        ),
        (
            "services:\n- {name: [a], image: go}",
            "linter: invalid or missing step name (.drone.yml:4: every step and service needs a name)",
        ),
        (
            "steps:\n- {name: a}",
            'linter: invalid or missing image (.drone.yml:4: "a" needs an image to run in; type: exec runs without)',
        ),
        (
            "services:\n- {name: a, image: go}\nsteps:\n- {name: a, image: go}",
            "linter: duplicate step names "
            '(.drone.yml:6: "a" is already the name of a step or service, or of the clone step)',
        ),
        (
            "steps:\n- {name: clone, image: go}",
            "linter: duplicate step names "
            '(.drone.yml:4: "clone" is already the name of a step or service, or of the clone step)',
        ),
        (
            "steps:\n- {name: a, image: go, depends_on: [b]}\n- {name: b, image: go}",
            'linter: invalid or unknown step dependency (.drone.yml:4: before it "a" waits for "b", there is "clone")',
        ),
        (
            "clone: {disable: true}\nsteps:\n- {name: a, image: go, depends_on: [a]}",
            'linter: invalid or unknown step dependency (.drone.yml:5: before it "a" waits for "a", there is nothing)',
        ),
        ("volumes:\n- temp: {}", "linter: missing volume name (.drone.yml:4: give the volume a name)"),
        (
            "volumes:\n- name: workspace",
            'linter: invalid volume name (.drone.yml:4: "workspace" is the runner\'s own, choose another)',
        ),
    ],
)
def test_each_rule_of_docker_pipelines(text: str, expected: str) -> None:
    assert problems(text) == [expected]


def test_an_item_that_is_no_mapping_lacks_everything() -> None:
    assert [line.partition(" (")[0] for line in problems("steps: [odd]")] == [
        "linter: invalid or missing step name",
        "linter: invalid or missing image",
    ]


def test_a_step_may_be_called_clone_when_nothing_is_cloned() -> None:
    parse("kind: pipeline\nclone: {disable: true}\nsteps:\n- {name: clone, image: alpine/git}\n")
