"""Pipeline files that are made for each build: Starlark, Jsonnet, templates, from git to the log of a step."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.server import Server
from tests.scm.repository import Repository

STARLARK = """
def main(ctx):
    build = ctx.build
    steps = [step(region, build) for region in build.params.get("REGIONS", "eu").split(",")]
    return {"kind": "pipeline", "type": "exec", "name": build.event, "clone": {"disable": True}, "steps": steps}

def step(region, build):
    return {"name": region, "commands": ["echo to " + build.environment + " in " + region + " of " + build.sender]}
"""
JSONNET = """
local count = if std.extVar('build.event') == 'promote' then std.parseInt(std.extVar('build.param.COUNT')) else 1;
[
  {
    kind: 'pipeline', type: 'exec', name: 'n%d' % n, clone: { disable: true },
    steps: [{ name: 'a', commands: ['echo %s %d' % [std.extVar('repo.slug'), n]] }],
  }
  for n in std.range(1, count)
]
"""
FILE = "kind: template\nload: deploy.yaml\ndata:\n  by: rsync\n  regions: [eu, us]\n"
TEMPLATE = """
kind: pipeline
type: exec
name: {{ .build.Event }}
clone:
  disable: true
steps:
{{- range .input.regions }}
- name: {{ . }}
  commands:
  - echo {{ $.input.by }} {{ . }} {{ $.build.Deploy }} {{ with $.build.Params.V }}{{ . }} {{ end }}${DRONE_BUILD_NUMBER}
{{- end }}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("converters")
    with Server(folder / "server", git_roots=str(folder), jsonnet_import_limit="2") as server:
        yield server


class Project:
    """A repository whose pipeline file has some name, on the server."""

    def __init__(self, server: Server, folder: Path, slug: str, file: str, text: str) -> None:
        self.server = server
        self.slug = slug
        self.file = file
        self.repository = Repository(folder / slug)
        self.sha = self.repository.commit({file: text})
        server.register(self.repository.url, slug, config_path=file, default_branch="main")

    def push(self, text: str = "") -> Any:
        """The build of a push, of a new text if there is one."""
        if text:
            self.sha = self.repository.commit({self.file: text})
        return self.server.push(self.slug, self.sha).json()

    def begin(self) -> "Project":
        """The first push, over."""
        self.server.finished(self.slug, self.push()["number"])
        return self

    def promoted(self, **params: str) -> Any:
        """A promotion, once it is over."""
        return self.server.finished(self.slug, self.server.promote(self.slug, 1, **params)["number"])

    def build(self, number: int) -> Any:
        return self.server.json("GET", f"/api/repos/{self.slug}/builds/{number}")


@pytest.fixture
def project(server: Server, request: pytest.FixtureRequest) -> Any:
    """Makes a repository that is named after the test."""
    folder = server.folder.parent
    name = request.node.name.partition("[")[0]

    def make(file: str, text: str) -> Project:
        number = len(list((folder / "acme").iterdir())) if (folder / "acme").exists() else 0
        return Project(server, folder, f"acme/{name[-80:]}-{number}", file, text)

    return make


@pytest.fixture
def template(server: Server) -> Iterator[None]:
    """The template of the namespace, for one test."""
    server.json("POST", "/api/templates/acme", json={"name": "deploy.yaml", "data": TEMPLATE})
    yield
    server.ask("DELETE", "/api/templates/acme/deploy.yaml")


def steps(build: Any) -> dict[str, list[str]]:
    """Names of the steps, by stage."""
    return {stage["name"]: [step["name"] for step in stage.get("steps", [])] for stage in build["stages"]}


def test_parameters_decide_which_steps_a_starlark_file_has(server: Server, project: Any) -> None:
    made = project("ci/.drone.star", STARLARK).begin()

    build = made.promoted(REGIONS="eu,us")

    assert (steps(made.build(1)), steps(build)) == ({"push": ["eu"]}, {"promote": ["eu", "us"]})
    assert (build["status"], build["params"]) == ("success", {"REGIONS": "eu,us"})
    assert "to production in us of octocat\n" in server.output(made.slug, build["number"], 1, 2)


def test_parameters_decide_which_stages_a_jsonnet_file_has(server: Server, project: Any) -> None:
    made = project(".drone.jsonnet", JSONNET).begin()

    build = made.promoted(COUNT="3")
    again = server.json("POST", f"/api/repos/{made.slug}/builds/{build['number']}", params={"COUNT": "2"})

    assert (steps(made.build(1)), steps(build)) == ({"n1": ["a"]}, {"n1": ["a"], "n2": ["a"], "n3": ["a"]})
    assert f"{made.slug} 3\n" in server.output(made.slug, build["number"], 3, 1)
    assert [*steps(server.finished(made.slug, again["number"]))] == ["n1", "n2"]


@pytest.mark.usefixtures("template")
def test_a_template_is_filled_in_with_data_build_and_parameters(server: Server, project: Any) -> None:
    made = project(".drone.yml", FILE).begin()

    build = made.promoted(V="1.2")

    assert steps(build) == {"promote": ["eu", "us"]}
    assert f"rsync us production 1.2 {build['number']}\n" in server.output(made.slug, build["number"], 1, 2)


@pytest.mark.usefixtures("template")
def test_what_runs_is_what_was_planned_whatever_becomes_of_the_template(server: Server, project: Any) -> None:
    made = project(".drone.yml", FILE)
    server.execute(f"UPDATE repos SET protected = TRUE WHERE name = '{made.slug.partition('/')[2]}'")
    kept, dropped = made.push(), made.push()
    changed = {"data": TEMPLATE.replace("echo", "echo changed")}
    server.json("PATCH", "/api/templates/acme/deploy.yaml", json=changed)
    server.ask("POST", f"/api/repos/{made.slug}/builds/{kept['number']}/approve")
    assert server.finished(made.slug, kept["number"])["status"] == "success"
    later = server.promote(made.slug, 1)
    server.ask("POST", f"/api/repos/{made.slug}/builds/{later['number']}/approve")
    assert server.finished(made.slug, later["number"])["status"] == "success"
    server.ask("DELETE", "/api/templates/acme/deploy.yaml")
    server.ask("POST", f"/api/repos/{made.slug}/builds/{dropped['number']}/approve")

    assert server.finished(made.slug, dropped["number"])["status"] == "success"
    for number in (kept["number"], dropped["number"]):
        assert server.output(made.slug, number).endswith(f"rsync eu {number}\n"), number
    assert "changed rsync eu production" in server.output(made.slug, later["number"])


@pytest.mark.parametrize("by", ["push", "promote", "restart", "create"])
def test_a_template_that_is_missing_makes_an_error_build(server: Server, project: Any, by: str) -> None:
    made = project(".drone.yml", FILE)
    first = made.push()
    if by != "push":
        builds = f"/api/repos/{made.slug}/builds"
        path = {"promote": f"{builds}/1/promote?target=x", "restart": f"{builds}/1", "create": builds}[by]
        first = server.json("POST", path)

    assert first["status"] == "error"
    assert first["error"] == 'template: there is no template "deploy.yaml" in "acme" (.drone.yml)'
    assert made.build(first["number"])["finished"] > 0


def test_a_jsonnet_file_imports_files_of_its_commit(server: Server, project: Any) -> None:
    library = (
        "{ pipeline(name): { kind: 'pipeline', type: 'exec', name: name + N, clone: { disable: true }, steps: [] } }"
    )
    made = project("ci/.drone.jsonnet", "(import '../lib/a.libsonnet').pipeline(importstr 'name.txt')")
    made.repository.commit({"ci/name.txt": "a", "lib/a.libsonnet": library.replace("N", "'1'")})
    first = made.push((made.repository.path / made.file).read_text())
    made.repository.commit({"lib/a.libsonnet": library.replace("N", "'2'")})

    second = made.push((made.repository.path / made.file).read_text())
    promoted = server.promote(made.slug, first["number"])

    made_of = [[*steps(made.build(build["number"]))] for build in (first, second, promoted)]
    assert made_of == [["a1"], ["a2"], ["a1"]]


def test_a_link_out_of_the_repository_is_not_imported(project: Any) -> None:
    made = project(".drone.jsonnet", "importstr 'x'")
    (made.repository.path / "x").symlink_to("/etc/passwd")

    assert "x at commit" in made.push("{} + importstr 'x'")["error"]


def test_a_starlark_file_may_be_indented_with_tabs(server: Server, project: Any) -> None:
    made = project(".drone.star", STARLARK.replace("    ", "\t")).begin()

    assert made.build(1)["status"] == "success"


def test_a_file_of_0_8_is_built_and_promoted_on_a_runner_for_docker(server: Server, project: Any) -> None:
    steps_of_it = "  build: {image: alpine}\n  ship: {image: alpine, when: {event: deployment}}\n"
    made = project(".drone.yml", f"pipeline:\n{steps_of_it}branches: [main]\n")
    pushed = made.push()

    promoted = server.promote(made.slug, pushed["number"])

    for number in (pushed["number"], promoted["number"]):
        stages = made.build(number)["stages"]
        assert [(one["name"], one["type"], one["status"]) for one in stages] == [("default", "docker", "pending")]


def test_a_file_of_megabytes_runs_and_is_signed(server: Server, project: Any) -> None:
    text = "kind: pipeline\ntype: exec\nname: a\nclone: {disable: true}\nsteps:\n- {name: a, commands: ['true']}\n"
    text += "notes:\n" + f"- {'x' * 1000}\n" * 2500
    made = project(".drone.yml", text).begin()

    assert made.build(1)["status"] == "success"
    assert len(server.json("POST", f"/api/repos/{made.slug}/sign", json={"data": text})["data"]) == 64
    assert server.ask("POST", f"/api/repos/{made.slug}/sign", json={"data": "#" * 9_000_000}).status_code == 400
    assert server.ask("POST", f"/api/repos/{made.slug}/sign", json={"data": "#" * 17_000_000}).status_code == 413


ENDLESS = "def main(ctx):\n    for a in range(1000000):\n        for b in range(1000000):\n            pass\n"
STARLARK_RETURN = "def main(ctx):\n    return "


@pytest.mark.parametrize(
    ("file", "text", "error"),
    [
        (".drone.star", ENDLESS, "starlark: it takes more than 50000 steps (.drone.star:"),
        (".drone.star", 'load("/etc/passwd", "x")\n', "starlark: "),
        (".drone.star", STARLARK_RETURN + 'open("/etc/passwd")', "starlark: Variable `open` not found"),
        (".drone.star", STARLARK_RETURN + "7", "starlark: it must make a mapping or a list of mappings, not a number"),
        (".drone.star", "main = 7", "starlark: "),
        (".drone.star", STARLARK_RETURN + "{'a': 'x' * 9000000}", "starlark: it makes "),
        (
            ".drone.jsonnet",
            "import '/etc/passwd'",
            'jsonnet: cannot import "/etc/passwd": an import names a file of the',
        ),
        (".drone.jsonnet", "import '../x'", 'jsonnet: cannot import "../x": an import names a file of the'),
        (".drone.jsonnet", "importstr 'http://127.0.0.1/x'", 'jsonnet: cannot import "http:/127.0.0.1/x": http:/127.'),
        (".drone.jsonnet", "local f(n) = f(n + 1); f(0)", "jsonnet: "),
        (
            ".drone.jsonnet",
            "{ kind: 'pipeline', type: 'exec', steps: 1 }",
            "yaml: wrong type (output of .drone.jsonnet:",
        ),
    ],
)
def test_a_file_that_asks_for_too_much_is_an_error_build_soon(
    server: Server, project: Any, file: str, text: str, error: str
) -> None:
    began = time.monotonic()
    build = project(file, text).push()

    assert build["error"].startswith(error)
    assert build["status"] == "error"
    assert time.monotonic() - began < 10


def test_files_that_never_end_hold_up_nobody_else(server: Server, project: Any) -> None:
    endless = project(".drone.jsonnet", "local f(n) = if n == 0 then 1 else f(n - 1) + f(n - 1); { a: f(60) }")
    slowest = 0.0
    with ThreadPoolExecutor(2) as threads:
        pushes = [threads.submit(endless.push) for _ in range(2)]
        while wait(pushes, timeout=0.05).not_done:
            began = time.monotonic()
            assert server.ask("GET", f"/api/repos/{endless.slug}").status_code == 200
            slowest = max(slowest, time.monotonic() - began)

    def builds() -> Any:  # a server with much else to do answers that it makes a build later
        made = server.json("GET", f"/api/repos/{endless.slug}/builds")
        return made if len(made) == 2 else None

    assert slowest < 2
    made = server.until(builds, "both pushes have a build")
    assert [build["error"] for build in made] == ["jsonnet: it takes more than 3 s (.drone.jsonnet)"] * 2
    assert project(".drone.jsonnet", JSONNET).begin().build(1)["status"] == "success"


def test_many_builds_of_one_file_at_one_moment_are_each_their_own(server: Server, project: Any) -> None:
    made = project(".drone.star", STARLARK).begin()
    with ThreadPoolExecutor(6) as threads:
        builds = list(threads.map(lambda n: server.promote(made.slug, 1, REGIONS=f"r{n}"), range(6)))

    ended = [server.finished(made.slug, build["number"]) for build in builds]
    assert [steps(build) for build in ended] == [{"promote": [f"r{n}"]} for n in range(6)]


def test_a_file_that_starts_nothing_says_so(server: Server, project: Any) -> None:
    made = project(
        ".drone.star",
        "def main(ctx):\n    return [] if ctx.build.event == 'promote' else "
        + "{'kind': 'pipeline', 'type': 'exec', 'steps': []}",
    )
    made.begin()

    answer = server.ask("POST", f"/api/repos/{made.slug}/builds/1/promote?target=production")

    assert (answer.status_code, answer.json()["code"]) == (422, "nothing_to_run")
    assert "the file has no pipelines" in answer.json()["message"]
