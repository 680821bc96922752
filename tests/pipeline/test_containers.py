import pytest

from app.pipeline.document import BadPipeline, Step, parse

LONG = "a" * 101


def faults(text: str) -> list[str]:
    """What keeps a docker pipeline with this body from being run; its file has no problem."""
    (pipeline,) = parse(f"kind: pipeline\nname: p\n{text}").pipelines
    return [fault.at(".drone.yml") for fault in pipeline.faults]


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
    assert len(pipeline.faults) == 5


@pytest.mark.parametrize("os", ["linux", "windows"])
@pytest.mark.parametrize("arch", ["amd64", "arm64", "arm", "ppc64le", "s390x"])
def test_docker_pipelines_run_on_the_platforms_of_drone(os: str, arch: str) -> None:
    (pipeline,) = parse(f"kind: pipeline\nname: p\nplatform: {{os: {os}, arch: {arch}}}\n").pipelines

    assert (pipeline.os, pipeline.arch, pipeline.faults) == (os, arch, ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "platform: {os: plan9}",
            'linter: unsupported os (.drone.yml:1: platform.os is "plan9"; docker pipelines know linux, windows)',
        ),
        (
            "platform: {arch: mips}",
            'linter: unsupported arch (.drone.yml:1: platform.arch is "mips"; '
            "docker pipelines know amd64, arm64, arm, ppc64le, s390x)",
        ),
    ],
)
def test_an_unknown_platform_is_a_problem_of_the_file(text: str, expected: str) -> None:
    with pytest.raises(BadPipeline) as caught:
        parse(f"kind: pipeline\nname: p\n{text}")

    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "steps:\n- {image: go}",
            "linter: invalid or missing step name (.drone.yml:4: every step and service needs a name)",
        ),
        (
            f"steps:\n- {{name: {LONG}, image: go}}",
            f'linter: step name is too long (.drone.yml:4: "{LONG[:80]}…" has more than 100 bytes)',
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
def test_each_rule_of_docker_pipelines_is_a_fault_of_the_pipeline_alone(text: str, expected: str) -> None:
    assert faults(text) == [expected]


#: Values of a wrong type, and the sentence about each.
WRONG = {
    "environment: [A]": "environment must be a mapping, not a list",
    "environment: {A: [b]}": "environment.A must be text or {from_secret: name}, not a list",
    "environment: {A: {from_secret: [b]}}": "environment.A.from_secret must be "
    "text (quote it if it holds ': '), not a list",
    'ports: ["80:80"]': 'ports[0] must be a number, or a mapping of port, host and protocol, not "80:80"',
    "ports: [{port: http}]": 'ports[0].port must be a whole number from 0 to 999999999, not "http"',
    'ports: [{port: "80"}]': 'ports[0].port must be a number, without quotes, not "80"',
    "ports: 80": 'ports must be a list, not "80"',
    'privileged: "yes"': 'privileged must be true or false, without quotes, not "yes"',
    "privileged: maybe": 'privileged must be true or false, not "maybe"',
    "detach: [true]": "detach must be true or false, not a list",
    "commands: make": 'commands must be a list, not "make"',
    "commands: [{echo a: b}]": "commands[0] must be text (quote it if it holds ': '), not a mapping",
    "entrypoint: /bin/sh": 'entrypoint must be a list, not "/bin/sh"',
    "command: {a: b}": "command must be a list, not a mapping",
    "depends_on: clone": 'depends_on must be a list, not "clone"',
    "settings: [a]": "settings must be a mapping, not a list",
    "volumes: [/var/run]": 'volumes[0] must be a mapping, not "/var/run"',
    "volumes: [{name: a, path: [b]}]": "volumes[0].path must be text (quote it if it holds ': '), not a list",
    "devices: {a: b}": "devices must be a list, not a mapping",
    "dns: 1.1.1.1": 'dns must be a list, not "1.1.1.1"',
    "extra_hosts: {a: b}": "extra_hosts must be a list, not a mapping",
    "mem_limit: much": 'mem_limit must be a size in bytes, such as 1073741824 or 512MiB, not "much"',
    "shm_size: [1]": "shm_size must be a size in bytes, such as 1073741824 or 512MiB, not a list",
    "user: [root]": "user must be text (quote it if it holds ': '), not a list",
    "failure: {a: b}": "failure must be text (quote it if it holds ': '), not a mapping",
}


@pytest.mark.parametrize("among", ["steps", "services"])
@pytest.mark.parametrize(("text", "expected"), WRONG.items())
def test_a_value_of_a_wrong_type_is_a_fault_that_names_the_field(among: str, text: str, expected: str) -> None:
    assert faults(f"{among}:\n- name: a\n  image: go\n  {text}") == [
        f"yaml: wrong type (.drone.yml:6: {among}[0].{expected})"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("steps: {a: b}", "steps must be a list, not a mapping"),
        ("steps: [odd]", 'steps[0] must be a mapping, not "odd"'),
        ("steps: [null]", 'steps[0] must be a mapping, not "null"'),
        ("services: odd", 'services must be a list, not "odd"'),
        ("environment: [a]", "environment must be a mapping, not a list"),
        ("image_pull_secrets: a", 'image_pull_secrets must be a list, not "a"'),
        ("volumes: [{name: a, temp: {size_limit: big}}]", "volumes[0].temp.size_limit must be a size in bytes"),
        ("volumes: [{name: a, host: /tmp}]", 'volumes[0].host must be a mapping, not "/tmp"'),
        ("workspace: {path: [a]}", "workspace.path must be text"),
    ],
)
def test_the_keys_of_the_pipeline_are_checked_too(text: str, expected: str) -> None:
    (fault,) = faults(text)

    assert fault.startswith(f"yaml: wrong type (.drone.yml:3: {expected}")


def test_whatever_a_docker_runner_takes_is_no_fault() -> None:
    text = """\
environment: {A: b, N: 1, S: {from_secret: s}, V: {value: x}, E: null}
image_pull_secrets: [dockerconfig]
workspace: {base: /go, path: src}
services:
- {name: db, image: "postgres:17", ports: [5432, {port: 80, host: 8080, protocol: tcp}], detach: yes}
steps:
- name: build
  image: golang
  commands: [make, 1, true, null]
  command: []
  settings: {tags: [1, {from_secret: x}], deep: {er: {est: 1}}, s: {from_secret: y}}
  environment: null
  privileged: true
  mem_limit: 512MiB
  memswap_limit: 1073741824
  shm_size: 1.5 gb
  volumes: [{name: cache, path: /cache}]
  devices: [{name: d, path: /dev/d}]
  when: odd
  resources: {anything: [goes]}
volumes: [{name: cache, temp: {medium: memory, size_limit: 1Gi}}, {name: d, host: {path: /dev/d}}]
"""
    assert faults(text) == []


def test_a_value_that_the_runner_will_substitute_is_not_judged() -> None:
    text = """\
steps:
- name: build-${ARCH}
  image: ${IMAGE}
  privileged: ${PRIVILEGED}
  detach: "${DETACHED}"
  mem_limit: ${LIMIT}
  environment: ${ENVIRONMENT}
  ports: ["${PORT}"]
- {name: test, image: go, depends_on: ["${NEEDED}"]}
- {name: ship, image: go, depends_on: [build-amd64]}
"""
    assert faults(text) == []


def test_a_step_may_be_called_clone_when_nothing_is_cloned() -> None:
    parse("kind: pipeline\nclone: {disable: true}\nsteps:\n- {name: clone, image: alpine/git}\n")
