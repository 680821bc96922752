from dataclasses import fields

from app.builds.model import Build
from app.convert import names
from app.convert.gotemplate.values import Struct
from app.convert.names import Facts
from app.repos.model import Repo

FACTS = Facts(
    build={
        "event": "promote",
        "target_branch": "main",
        "after": "abc",
        "deploy_to": "prod",
        "debug": True,
        "params": {"x": "1"},
    },
    repo={"slug": "octocat/hello", "default_branch": "main", "private": True, "secret": "hush", "signer": "hush"},
)


def test_a_template_sees_structs_with_the_names_of_go() -> None:
    dot = names.template(FACTS, {"a": 1})

    assert isinstance(dot["build"], Struct)
    assert dot["build"]["Target"] == "main"
    assert dot["build"]["After"] == "abc"
    assert dot["build"]["Deploy"] == "prod"
    assert dot["build"]["Params"] == {"x": "1"}
    assert dot["repo"]["Slug"] == "octocat/hello"
    assert dot["repo"]["Branch"] == "main"
    assert dot["input"] == {"a": 1}


def test_starlark_sees_the_names_of_its_context() -> None:
    context = names.starlark(FACTS, {"a": [1]})

    assert context["build"]["branch"] == context["build"]["target"] == "main"
    assert context["build"]["commit"] == "abc"
    assert context["build"]["environment"] == "prod"
    assert context["build"]["params"] == {"x": "1"}
    assert context["repo"]["private"] is True
    assert context["input"] == {"a": [1]}


def test_jsonnet_sees_texts() -> None:
    variables = names.jsonnet(FACTS, {"a": [1, None], "b": "x", "c": True, "d": 1.5})

    assert variables["build.event"] == "promote"
    assert variables["build.param.x"] == "1"
    assert variables["build.debug"] == variables["repo.private"] == "true"
    assert {name: value for name, value in variables.items() if name.startswith("input.")} == {
        "input.a": "[1, null]",
        "input.b": "x",
        "input.c": "true",
        "input.d": "1.5",
    }


def test_what_is_not_known_is_empty() -> None:
    assert names.template(Facts(), {})["build"]["Event"] == ""
    assert names.starlark(Facts(), {})["build"]["params"] == {}
    assert names.jsonnet(Facts(), {})["repo.slug"] == ""


def test_no_language_sees_the_keys_of_a_repository() -> None:
    assert "hush" not in str([names.template(FACTS, {}), names.starlark(FACTS, {}), names.jsonnet(FACTS, {})])


def test_every_name_is_one_of_a_build_or_repository() -> None:
    assert {*names.GO_BUILD.values(), *names.SCRIPT_BUILD.values()} <= {field.name for field in fields(Build)}
    assert {*names.GO_REPO.values(), *names.SCRIPT_REPO.values()} <= {field.name for field in fields(Repo)} | {
        "slug",
        "private",
    }
