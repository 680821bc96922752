"""`gantry lint`: what a file would start, what is wrong with it and what is dangerous, without a server."""

import json
from pathlib import Path

import pytest

from tests.cli.local.conftest import Here
from tests.scm.repository import Repository

FILE = """\
kind: pipeline
type: exec
name: build
trigger: {event: [push, pull_request, tag], branch: {exclude: [wip]}}
steps:
- {name: test, commands: [make]}
- {name: tell, commands: [./tell], when: {status: [failure]}}
- {name: never, commands: [./never], when: {event: [cron]}}
---
kind: pipeline
type: docker
name: deploy
depends_on: [smoke]
trigger: {event: [promote], target: [production, 'demo-*']}
steps:
- {name: to, image: alpine, commands: [./deploy]}
---
kind: pipeline
type: exec
name: smoke
trigger: {target: [production, staging]}
steps:
- {name: smoke, commands: [./smoke]}
---
kind: pipeline
type: exec
name: nightly
trigger: {cron: [nightly]}
steps:
- {name: all, commands: [make all]}
"""


@pytest.fixture
def file(clone: Repository) -> Path:
    path = clone.path / ".drone.yml"
    path.write_text(FILE)
    return path


@pytest.mark.usefixtures("file")
def test_without_an_event_all_that_a_file_is_for_are_told(gantry: Here) -> None:
    done = gantry("lint")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "push to main\tbuild",
        "pull_request into main\tbuild",
        "tag v1.0.0\tbuild",
        "promote to production\tdeploy, smoke",
        "promote to staging\tsmoke",
        "rollback to production\tsmoke",
        "rollback to staging\tsmoke",
        "cron nightly\tnightly",
    ]


@pytest.mark.usefixtures("file")
def test_an_event_tells_stages_steps_and_what_is_left_out(gantry: Here) -> None:
    assert gantry("lint", "--event", "push").stdout.splitlines()[:3] == [
        "push to main starts:",
        "  build (exec): clone always, test, tell on failure",
        "It does not start:",
    ]
    promoted = gantry("lint", "--target", "production").stdout.splitlines()
    assert promoted[:3] == [
        "promote to production starts:",
        "  deploy (docker) after smoke: to",
        "  smoke (exec): clone always, smoke",
    ]
    assert promoted[4] == '  pipeline "build": trigger.event includes push, pull_request, tag, not "promote"'


@pytest.mark.usefixtures("file")
def test_an_event_that_starts_nothing_fails_with_the_reason(gantry: Here) -> None:
    done = gantry("lint", "--target", "prodution")

    assert done.returncode == 1
    assert "promote to prodution starts nothing: no pipeline for promote has the target" in done.stdout
    assert "did you mean production?" in done.stdout


@pytest.mark.usefixtures("file")
def test_a_branch_a_tag_and_a_job_may_be_named(gantry: Here) -> None:
    assert "push to wip\t-" in gantry("lint", "--branch", "wip").stdout
    assert "tag v2 starts:" in gantry("lint", "--tag", "v2").stdout
    assert "cron nightly starts:\n  nightly (exec)" in gantry("lint", "--cron", "nightly").stdout


@pytest.mark.usefixtures("file")
def test_a_promotion_needs_a_target_and_a_parameter_a_free_name(gantry: Here) -> None:
    assert "a promote needs a target: give --target" in gantry("lint", "--event", "promote").stderr
    refused = gantry("lint", "-p", "PATH=/x", "--event", "push")
    assert refused.returncode == 1
    assert "parameter 'PATH' is reserved" in refused.stderr


def test_all_that_is_wrong_is_told_with_its_line(gantry: Here, file: Path) -> None:
    file.write_text(FILE.replace("name: smoke\ntrigger", "name: build\ntrigger").replace("[make all]", "{a: b}"))

    done = gantry("lint")

    assert done.returncode == 1
    assert [line.partition(": ")[0] for line in done.stdout.splitlines()] == [
        *(".drone.yml:10", ".drone.yml:18", ".drone.yml:30")
    ]
    assert '"build" is also the name of the pipeline at line 1' in done.stdout


def test_what_a_runner_cannot_use_is_wrong(gantry: Here, file: Path) -> None:
    file.write_text(FILE.replace("image: alpine, ", "").replace("[./smoke]", "['echo ${A-b}']"))

    told = gantry("lint").stdout.splitlines()

    assert told[0].startswith(".drone.yml:16: linter: invalid or missing image")
    assert told[1].startswith(".drone.yml:23: substitution: bad substitution")
    assert told[-1] == "cron nightly\tnightly"


def test_a_danger_fails_and_is_told_once(gantry: Here, file: Path) -> None:
    file.write_text(FILE.replace("[./smoke]", "['./smoke ${VERSION}']"))

    done = gantry("lint")

    assert done.returncode == 1
    assert done.stdout.count(".drone.yml:23: danger: text is put into a script: ") == 1
    assert 'write "$VERSION"' in done.stdout


@pytest.mark.usefixtures("file")
def test_programs_read_json(gantry: Here) -> None:
    told = json.loads(gantry("lint", "--target", "production", "--json").stdout)

    assert (told["file"], told["problems"], told["dangers"]) == (".drone.yml", [], [])
    (start,) = told["starts"]
    assert (start["event"], start["target"], start["nothing"]) == ("promote", "production", "")
    assert start["stages"][0] == {"name": "deploy", "type": "docker", "depends_on": ["smoke"], "steps": ["to"]}


def test_starlark_and_jsonnet_are_evaluated_for_the_event(gantry: Here, clone: Repository) -> None:
    star = clone.path / ".drone.star"
    star.write_text(
        'def main(ctx):\n  return {"kind": "pipeline", "type": "exec", "name": ctx.build.event + " of " + '
        'ctx.repo.slug, "steps": [{"name": "a", "commands": ["x " + ctx.build.params.get("A", "")]}]}\n'
    )
    jsonnet = clone.path / "ci" / "file.jsonnet"
    jsonnet.parent.mkdir()
    jsonnet.write_text('local name = import "name.libsonnet"; {kind: "pipeline", type: "exec", name: name, steps: []}')
    (jsonnet.parent / "name.libsonnet").write_text('"imported"')

    assert "push to main\tpush of octocat/hello-world\n" in gantry("lint").stdout
    assert "  tag of octocat/hello-world (exec)" in gantry("lint", "--event", "tag").stdout
    assert "imports are not allowed" in gantry("lint", "ci/file.jsonnet").stdout
    assert "push to main\timported\n" in gantry("lint", "ci/file.jsonnet", "--jsonnet-imports", "1").stdout


def test_a_conversion_that_fails_is_wrong(gantry: Here, clone: Repository) -> None:
    (clone.path / ".drone.star").write_text("def main(ctx):\n  return nothing\n")

    done = gantry("lint", ".drone.star")

    assert done.returncode == 1
    assert done.stdout.startswith(".drone.star:2: bad_conversion: ")


def test_a_template_is_taken_from_a_folder(gantry: Here, clone: Repository, file: Path) -> None:
    file.write_text("kind: template\nload: exec.yaml\ndata: {name: loaded}\n")
    folder = clone.path / "templates"
    folder.mkdir()

    assert "give --templates FOLDER" in gantry("lint").stderr
    assert 'there is no template "exec.yaml"' in gantry("lint", "--templates", "templates").stdout
    (folder / "exec.yaml").write_text("kind: pipeline\ntype: exec\nname: {{ .input.name }}\n")
    assert "push to main\tloaded\n" in gantry("lint", "--templates", "templates").stdout


@pytest.mark.usefixtures("file")
def test_a_file_is_found_from_below_and_by_its_path(gantry: Here, clone: Repository, tmp_path: Path) -> None:
    (tmp_path / "outside.yml").write_text(FILE)
    (clone.path / "deep").mkdir()

    assert "push to main\tbuild" in gantry("lint", folder="deep").stdout
    assert "push to main\tbuild" in gantry("lint", "../.drone.yml", folder="deep").stdout
    assert "push to main\tbuild" in gantry("lint", "../outside.yml").stdout


def test_without_a_file_it_says_which_are_looked_for(gantry: Here) -> None:
    done = gantry("lint")

    assert done.returncode == 2
    assert "there is no pipeline file .drone.yml, .drone.yaml, .drone.star, .drone.jsonnet" in done.stderr


@pytest.mark.parametrize(("content", "says"), [(b"", "is empty"), (b"\xff", "is not UTF-8 text")])
def test_a_file_that_cannot_be_read(gantry: Here, file: Path, content: bytes, says: str) -> None:
    file.write_bytes(content)

    done = gantry("lint")

    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr
