"""Files of Drone 0.8: what they are today, as Drone 2.25 converts them."""

import textwrap
from typing import Any

import pytest
import yaml

from app.convert import legacy, matrix
from app.convert.errors import BadConversion
from app.pipeline import source
from app.pipeline.document import parse
from app.pipeline.event import Event
from app.pipeline.plan import plan

LINK = "https://git.example.com/acme/web/"


def documents(text: str, link: str = "") -> list[dict[str, Any]]:
    made = legacy.convert(".drone.yml", textwrap.dedent(text), link)
    parse(made)
    return list(yaml.safe_load_all(made))


def one(text: str, link: str = "") -> dict[str, Any]:
    (document,) = documents(text, link)
    return document


def step(body: str) -> dict[str, Any]:
    """The step of this body, without its name and what every step has."""
    made = one("pipeline:\n  a:\n    image: x\n" + textwrap.indent(textwrap.dedent(body), "    "))["steps"][0]
    assert (made.pop("name"), made.pop("image")) == ("a", "x")
    return dict(made)


def refused(text: str) -> str:
    with pytest.raises(BadConversion) as caught:
        documents(text)
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "is_old"),
    [
        ("pipeline:\n  a: {image: x}\n", True),
        ("workspace: {base: /go}\n\npipeline :\r\n  a: {image: x}\n", True),
        ("pipeline: {a: {image: x}}\n", True),
        ("kind: pipeline\nsteps: []\n", False),
        ("kind: pipeline\npipeline:\n  a: {image: x}\n", False),
        ("x:\n  pipeline:\n", False),
        ("pipelines:\n", False),
        ("", False),
    ],
)
def test_a_file_of_0_8_has_a_pipeline_and_no_kind(text: str, is_old: bool) -> None:
    assert legacy.applies(text) is is_old


def test_the_steps_keep_their_order_and_run_in_containers() -> None:
    assert one("pipeline: {z: {image: alpine, commands: [make]}, a: {image: plugins/slack, room: 7}}") == {
        "kind": "pipeline",
        "name": "default",
        "platform": {"os": "linux", "arch": "amd64"},
        "steps": [
            {"name": "z", "pull": "if-not-exists", "image": "alpine", "commands": ["make"]},
            {"name": "a", "pull": "if-not-exists", "image": "plugins/slack", "settings": {"room": 7}},
        ],
    }


def test_every_key_of_a_step() -> None:
    assert step(
        """
        pull: true
        detach: true
        privileged: yes
        commands: make all
        command: [serve, "80"]
        entrypoint: [/bin/sh]
        dns: 8.8.8.8
        dns_search: [example.com]
        extra_hosts: ["db:10.0.0.1"]
        volumes: [/var/run/docker.sock:/sock, "/a:/b:ro"]
        allow_failure: true
        devices: [/dev/x]
        shell: bash
        tmpfs: [/tmp]
        """
    ) == {
        "pull": "always",
        "detach": True,
        "privileged": True,
        "commands": ["make all"],
        "command": ["serve", "80"],
        "entrypoint": ["/bin/sh"],
        "dns": ["8.8.8.8"],
        "dns_search": ["example.com"],
        "extra_hosts": ["db:10.0.0.1"],
        "volumes": [
            {"name": b"/var/run/docker.sock".hex(), "path": "/sock"},
            {"name": b"/a".hex(), "path": "/b"},
        ],
    }


def test_volumes_of_steps_and_services_are_those_of_the_host() -> None:
    made = one(
        """
        pipeline:
          a: {image: x, volumes: ["/a:/1", "/b:/2"]}
          b: {image: x, volumes: ["/a:/3"]}
        services:
          c: {image: x, volumes: ["/c:/4"]}
        """
    )
    assert made["volumes"] == [{"name": path.encode().hex(), "host": {"path": path}} for path in ("/a", "/b", "/c")]


def test_environment_and_secrets_are_variables() -> None:
    assert step("environment: [A=1, B=x=y, C]\nsecrets: [token, {source: key, target: deploy_key}, {source: s}]") == {
        "pull": "if-not-exists",
        "environment": {
            "A": "1",
            "B": "x=y",
            "TOKEN": {"from_secret": "token"},
            "DEPLOY_KEY": {"from_secret": "key"},
            "S": {"from_secret": "s"},
        },
    }
    assert step("environment: {A: 1.10, B: true, C: ~}")["environment"] == {"A": "1.10", "B": "true", "C": ""}


def test_what_a_step_has_beside_are_settings_with_their_types() -> None:
    assert step("repo: acme/web\ntags: [1.0, latest]\nforce: true\nports: 80\ngroup: x\nfrom: {a: ~, b: 1.5}")[
        "settings"
    ] == {
        "repo": "acme/web",
        "tags": [1.0, "latest"],
        "force": True,
        "ports": 80,
        "group": "x",
        "from": {"a": None, "b": 1.5},
    }


def test_conditions_have_the_names_of_today() -> None:
    assert step(
        """
        when:
          event: [push, deployment, deploy]
          environment: production
          branch: {include: main, exclude: [a, b]}
          ref: {exclude: refs/x}
          repo: acme/*
          instance: drone.example.com
          status: [success, failure]
          local: true
        """
    )["when"] == {
        "event": ["push", "promote", "promote"],
        "target": ["production"],
        "branch": {"include": ["main"], "exclude": ["a", "b"]},
        "ref": {"exclude": ["refs/x"]},
        "repo": ["acme/*"],
        "instance": ["drone.example.com"],
        "status": ["success", "failure"],
    }
    assert step("when: {event: {exclude: deployment}}")["when"] == {"event": {"exclude": ["promote"]}}


@pytest.mark.parametrize(
    ("event", "starts"),
    [
        (Event("push", "a/b", branch="main", ref="refs/heads/main"), True),
        (Event("push", "a/b", branch="topic", ref="refs/heads/topic"), False),
        (Event("promote", "a/b", branch="main", ref="refs/heads/main", target="production"), True),
        (Event("pull_request", "a/b", branch="topic", ref="refs/pull/7/head"), True),
        (Event("pull_request", "a/b", branch="topic", ref="refs/merge-requests/7/head"), True),
        (Event("tag", "a/b", ref="refs/tags/v1"), False),
    ],
)
def test_branches_choose_the_refs_and_no_pull_requests(event: Event, starts: bool) -> None:
    made = legacy.convert("f", "branches: main\npipeline: {a: {image: x}}", "")
    assert bool(plan(parse(made), event).stages) is starts


def test_branches_and_tags() -> None:
    refs = ["refs/pull/**", "refs/pull-requests/**", "refs/merge-requests/**", "refs/heads/main", "refs/heads/v*"]
    tagged = "pipeline: {a: {image: x, when: {event: [push, tag]}}}"

    assert one("branches: [main, v*]\npipeline: {a: {image: x}}")["trigger"] == {"ref": refs}
    assert one(f"branches: [main, v*]\n{tagged}")["trigger"] == {"ref": [*refs, "refs/tags/**"]}
    assert one(f"branches: {{include: main, exclude: b}}\n{tagged}")["trigger"] == {
        "branch": {"include": ["main"], "exclude": ["b"]}
    }
    assert "trigger" not in one(tagged)


def test_a_clone_of_its_own_comes_first_and_a_second_step_of_a_name_gets_a_number() -> None:
    made = one("clone: {git: {image: plugins/git, depth: 50}, a: {image: y}}\npipeline: {b: {image: x}, a: {image: x}}")

    assert made["clone"] == {"disable": True}
    assert [step["name"] for step in made["steps"]] == ["git", "a", "b", "a_3"]
    assert made["steps"][0]["settings"] == {"depth": 50}


@pytest.mark.parametrize(
    ("workspace", "link", "made"),
    [
        ("{base: /go, path: src/x}", LINK, {"base": "/go", "path": "src/x"}),
        ("{base: /go, path: .}", LINK, {"base": "/go", "path": "src/git.example.com/acme/web"}),
        ("{}", LINK, {"base": "/drone", "path": "src/git.example.com/acme/web"}),
        ("{}", "file:///srv/web.git", {"base": "/drone", "path": "src"}),
        ("{}", "https://[x", {"base": "/drone", "path": "src"}),
        ("{path: x}", "", {"path": "x"}),
        ("{path: .}", "", None),
    ],
)
def test_the_workspace_is_where_go_wanted_it(workspace: str, link: str, made: dict[str, str] | None) -> None:
    assert one(f"workspace: {workspace}\npipeline: {{a: {{image: x}}}}", link).get("workspace") == made


def test_secrets_of_the_file_are_asked_of_an_extension() -> None:
    made = documents(
        """
        pipeline: {a: {image: x}}
        secrets:
          c: {vault: secret/c}
          b: {path: secret/b}
          a: {driver: vault, driver_opts: {path: secret/a, key: value}}
        """
    )
    assert made[1:] == [
        {"kind": "secret", "name": "a", "get": {"path": "secret/a", "name": "value"}},
        {"kind": "secret", "name": "b", "get": {"path": "secret/b"}},
        {"kind": "secret", "name": "c", "get": {"path": "secret/c"}},
    ]


MATRIX = """
pipeline:
  test:
    image: golang:${GO}
    commands: ["echo ${GO} ${DB} ${OTHER}"]
    port: ${PORT}
  ${DB}:
    image: x
    when: {matrix: {DB: a, GO: 9}}
services:
  db: {image: "${DB}", when: {matrix: {DB: b}}}
matrix:
"""


def test_each_combination_of_a_matrix_is_a_pipeline() -> None:
    made = documents(MATRIX + "  GO: [1.10, 1.11]\n  DB: [a, b]\n")

    assert [one["name"] for one in made] == ["matrix-1", "matrix-2", "matrix-3", "matrix-4"]
    assert [one["steps"][0]["image"] for one in made] == ["golang:1.10", "golang:1.10", "golang:1.11", "golang:1.11"]
    assert made[1]["steps"][0]["commands"] == ["echo 1.10 b ${OTHER}"]
    assert [len(one["steps"]) for one in made] == [2, 1, 2, 1]
    assert made[0]["steps"][1]["name"] == "a"
    assert [one.get("services", [{}])[0].get("image") for one in made] == [None, "b", None, "b"]


def test_a_matrix_may_list_its_combinations() -> None:
    made = documents(MATRIX + "  include:\n  - {GO: 1.10, PORT: 80}\n  - {GO: x, PORT: 'no'}\n")

    assert [one["steps"][0]["image"] for one in made] == ["golang:1.10", "golang:x"]
    assert [one["steps"][0]["settings"]["port"] for one in made] == [80, False]


def test_lines_of_a_matrix_stay_one_text() -> None:
    made = one('pipeline: {a: {image: "${A}", commands: ["echo ${A}", "${A}"]}}\nmatrix: {A: ["1\\n2"]}\n')

    assert made["steps"][0]["image"] == "1\n2"
    assert made["steps"][0]["commands"] == ['echo "1\\n2"', "1\n2"]


def test_a_matrix_is_cut_as_drone_cuts_it() -> None:
    table = "".join(f"  K{n}: [1, 2]\n" for n in range(20))

    assert len(documents("pipeline: {a: {image: x}}\nmatrix:\n" + table)) == 27
    assert [one["name"] for one in documents("pipeline: {a: {image: x}}\nmatrix: {}")] == ["default"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pipeline: [a]", "version 0.8: yaml: wrong type: pipeline must be a mapping, not a list (.drone.yml:1)"),
        ("pipeline:\n  a: [b]", "version 0.8: yaml: wrong type: pipeline.a must be a mapping, not a list (.drone.y"),
        ("pipeline:\n  a: {pull: always}", "version 0.8: yaml: wrong type: pipeline.a.pull must be true or false, n"),
        ("pipeline:\n  a: {volumes: [x]}", "version 0.8: yaml: wrong volume: pipeline.a.volumes[0] must be PATH:PAT"),
        ("pipeline:\n  a: {secrets: [[x]]}", "version 0.8: yaml: wrong type: pipeline.a.secrets[0] must be a name, "),
        ("pipeline:\n  a: {image: x}\nmatrix: {A: []}", "version 0.8: matrix.A needs a list of values (.drone.yml:3)"),
        ("pipeline:\n  a: {image: x}\nmatrix: {A: 1}", "version 0.8: matrix.A needs a list of values (.drone.yml:3)"),
        ("pipeline:\n  a: {image: x}\nmatrix: [A]", "version 0.8: yaml: wrong type: matrix must be a mapping, not a"),
        ("pipeline:\n  a: {commands: [{x: y}]}", "version 0.8: yaml: wrong type: pipeline.a.commands[0] must be tex"),
        ("pipeline:\n  a: {\n", "version 0.8: yaml: "),
    ],
)
def test_a_fault_names_its_place(text: str, message: str) -> None:
    assert refused(text).startswith(message)


def test_a_matrix_cannot_make_more_than_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "MAX_CHARACTERS", 100_000)
    large = 'pipeline: {a: {image: x, commands: ["' + "${A}" * 1000 + '"]}}\nmatrix: {A: [' + "x" * 10_000 + "]}"
    wide = "pipeline: {a: {image: x, commands: [" + "y, " * 1000 + "]}}\nmatrix: {A: [" + "1, " * 30 + "]}"

    for text in (large, wide):
        assert "it is too large: more than 100000 characters, in all files of its matrix" in refused(text)
    listed = "pipeline: {a: {image: x}}\nmatrix: {include: [" + "{A: 1}, " * (source.MAX_DOCUMENTS + 1) + "]}"
    assert f"the matrix makes more than {source.MAX_DOCUMENTS} pipelines" in refused(listed)


def test_aliases_cannot_make_more_than_is_read() -> None:
    text = f"x: &x {'x' * 1000}\npipeline: {{a: {{image: x, commands: [{'*x, ' * 2000}]}}}}"

    secrets = f"x: &x {'x' * 1000}\npipeline: {{a: {{image: x}}}}\nsecrets: {{"
    secrets += ", ".join(f"s{number}: {{path: *x}}" for number in range(2000)) + "}"
    for one in (text, secrets):
        assert "it is too large: more than 1048576 characters" in refused(one)
