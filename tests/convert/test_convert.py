import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.convert.convert import BadConversion, Converter, Facts
from app.convert.limits import Limits
from app.pipeline.document import parse

FACTS = Facts(
    build={"event": "promote", "target_branch": "main", "deploy_to": "prod", "params": {"tag": "v1"}},
    repo={"namespace": "octocat", "name": "hello", "slug": "octocat/hello"},
)
PLAIN = "kind: pipeline\r\ntype: exec\nname: a\n"
#: recorded: admin.json
DEPLOY = """\
kind: pipeline
type: exec
name: {{ .input.name }}
steps:
- name: a
  commands:
  - echo {{ .input.name }}
"""
STARLARK = """
def main(ctx):
    name = ctx.input.name if hasattr(ctx.input, "name") else ctx.build.params["tag"]
    return {"kind": "pipeline", "type": "exec", "name": name}
"""
JSONNET = """
[{ kind: "pipeline", type: "exec", name: std.extVar(name) } for name in ["build.param.tag", "repo.slug"]]
"""
TEMPLATES = {
    ("octocat", "deploy.yaml"): DEPLOY,
    ("octocat", "bad.yml"): "a\n{{ toYaml .input.name }}\n",
    ("octocat", "run.star"): STARLARK,
    ("octocat", "run.starlark"): "def main(ctx):\n  fail('never')\n",
    ("octocat", "run.script"): STARLARK,
    ("octocat", "import.jsonnet"): "import 'x'",
    ("octocat", "run.jsonnet"): "{ kind: 'pipeline', type: 'exec', name: std.extVar('input.name') }",
    ("other", "theirs.yaml"): PLAIN,
}


async def find_template(namespace: str, scm: str, name: str) -> str | None:
    return None if scm == "another" else TEMPLATES.get((namespace, name))


@pytest.fixture
def converter() -> Converter:
    return Converter(find_template)


async def read(path: str) -> str:
    return f"{{ name: '{path}' }}"


async def convert(converter: Converter, path: str, text: str) -> str:
    return await converter.convert(path, text, FACTS, read)


def template(name: str, data: str = "{name: web}") -> str:
    return f"kind: template\nload: {name}\ndata: {data}\n"


async def failed(converter: Converter, path: str, text: str) -> BadConversion:
    with pytest.raises(BadConversion) as caught:
        await convert(converter, path, text)
    return caught.value


def names(text: str) -> list[str]:
    return [pipeline.name for pipeline in parse(text).pipelines]


@pytest.mark.parametrize("path", [".drone.yml", "ci/.drone.yaml", ".drone", "x.star.yml", "pipeline.STAR", ""])
@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        "",
        " kind: template\n",
        "# kind: template\n",
        "kind: templates\n",
        "kind:template\n",
        "a: |\n  kind: template\n",
        "name: {{ .build.Event }}\n",
    ],
)
async def test_plain_files_come_back_as_they_are(converter: Converter, path: str, text: str) -> None:
    assert await convert(converter, path, text) == text


async def test_a_template_is_only_looked_for_in_yaml(converter: Converter) -> None:
    assert await convert(converter, "file.txt", template("deploy.yaml")) == template("deploy.yaml")


@pytest.mark.parametrize(
    "text",
    [
        template("deploy.yaml"),
        "---\n" + template("deploy.yaml"),
        template("deploy.yaml").replace("\n", "\r\n"),
        template("deploy.yaml").replace("kind: template", "kind:  'template' # ours"),
        "load: deploy.yaml\nkind: template\ndata: {name: web}\n---\nkind: secret\n",
    ],
)
async def test_a_template_replaces_the_whole_file(converter: Converter, text: str) -> None:
    for path in (".drone.yml", "ci/pipeline.yaml"):
        assert await convert(converter, path, text) == DEPLOY.replace("{{ .input.name }}", "web")


@pytest.mark.parametrize("name", ["run.star", "run.script", "run.jsonnet"])
async def test_a_template_may_be_a_script(converter: Converter, name: str) -> None:
    assert names(await convert(converter, ".drone.yml", template(name))) == ["web"]


@pytest.mark.parametrize("path", ["a.star", "ci/.drone.starlark", ".drone.script"])
async def test_starlark_files(converter: Converter, path: str) -> None:
    assert names(await convert(converter, path, STARLARK)) == ["v1"]


async def test_jsonnet_files(converter: Converter) -> None:
    assert names(await convert(converter, ".drone.jsonnet", JSONNET)) == ["v1", "octocat/hello"]


async def test_jsonnet_files_import_as_many_files_as_the_settings_say() -> None:
    importing = Converter(find_template, Limits(imports=1))
    document = "{ kind: 'pipeline', type: 'exec' } + import '../lib/a.libsonnet'"

    assert names(await convert(importing, "ci/.drone.jsonnet", document)) == ["lib/a.libsonnet"]
    two = document + " + (import 'b')"
    assert "GANTRY_JSONNET_IMPORT_LIMIT allows (1)" in (await failed(importing, "ci/.drone.jsonnet", two)).message


async def test_a_script_may_start_nothing(converter: Converter) -> None:
    assert names(await convert(converter, "a.star", "def main(ctx): return []")) == []
    assert names(await convert(converter, "a.jsonnet", "[]")) == []


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("p.yml", template("nope.yaml"), 'template: there is no template "nope.yaml" in "octocat" (p.yml)'),
        ("p.yml", template("theirs.yaml"), 'template: there is no template "theirs.yaml" in "octocat" (p.yml)'),
        (
            "p.yml",
            template("deploy.txt"),
            'template: load names a template that ends with .yaml, .starlark or .jsonnet, not "deploy.txt" (p.yml:1)',
        ),
        (
            "p.yml",
            "kind: template\n",
            'template: load names a template that ends with .yaml, .starlark or .jsonnet, not "" (p.yml:1)',
        ),
        (
            "p.yml",
            f"---\n{PLAIN}---\n{template('deploy.yaml')}",
            "template: the document of kind template must be the first of its file (p.yml:2)",
        ),
        (
            "p.yml",
            template("deploy.yaml", "[a]"),
            "template: yaml: wrong type: data must be a mapping, not a list (p.yml:3)",
        ),
        (
            "p.yml",
            "kind: template\nload: [a]\n",
            "template: yaml: wrong type: load must be text (quote it if it holds ': '), not a list (p.yml:2)",
        ),
        ("p.yml", template("bad.yml"), "template: function toYaml is not supported; there are "),
        ("p.yml", template("run.starlark"), "starlark: fail: never (run.starlark:2)"),
        ("p.star", "\nfoo", "starlark: Variable `foo` not found"),
        ("p.star", "#" * (8 * 1024 * 1024 + 1), "starlark: it has more than 8388608 characters (p.star)"),
        ("p.jsonnet", "{\n a: error 'no' }", "jsonnet: no (p.jsonnet:2)"),
        (
            "p.jsonnet",
            "\nimport 'x'",
            "jsonnet: imports are not allowed: put everything into one file, or set GANTRY_JSONNET_IMPORT_LIMIT (p.j",
        ),
        ("p.yml", template("import.jsonnet"), "jsonnet: a template cannot import files: put everything into the te"),
        ("p.jsonnet", "1", "jsonnet: it must make a mapping or a list of mappings, not a number (p.jsonnet)"),
    ],
)
async def test_a_failure_names_file_line_and_reason(converter: Converter, path: str, text: str, message: str) -> None:
    assert (await failed(converter, path, text)).message.startswith(message)


async def test_broken_yaml_is_named_with_its_line(converter: Converter) -> None:
    error = await failed(converter, "p.yml", "kind: template\nload: [\n")

    assert (error.file, error.line) == ("p.yml", 3)
    assert error.reason.startswith("yaml: line ")


async def test_a_template_is_found_for_the_host_of_the_repository(converter: Converter) -> None:
    document = "kind: template\nload: deploy.yaml\ndata: {name: web}\n"
    facts = Facts(FACTS.build, {**FACTS.repo, "scm": "another"})

    with pytest.raises(BadConversion, match="there is no template"):
        await converter.convert("p.yml", document, facts, read)


async def test_the_fault_of_a_template_names_the_template(converter: Converter) -> None:
    error = await failed(converter, "p.yml", template("bad.yml"))

    assert (error.file, error.line) == ("bad.yml", 2)


async def test_many_files_at_once_take_turns(converter: Converter) -> None:
    made = await asyncio.gather(*(convert(converter, "a.star", STARLARK) for _ in range(8)))

    assert [names(text) for text in made] == [["v1"]] * 8


@given(st.text(alphabet=st.sampled_from("kind: template\nload.yml[]{}&*-#'\"|>"), max_size=40))
def test_any_yaml_file_gives_text_or_a_bad_conversion(text: str) -> None:
    with contextlib.suppress(BadConversion):
        made = asyncio.run(convert(Converter(find_template), "p.yml", "kind: template\n" + text))
        assert isinstance(made, str)
