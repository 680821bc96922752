"""Values that are put into a file after its text was parsed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pipeline.document import Config, FromSecret, parse
from app.pipeline.substitute import BadSubstitution
from app.pipeline.values import Values

FILE = """\
kind: pipeline
type: exec
name: ${X}
clone: {depth: ${N}}
node: {"${X}": ${X}}
x-shared: &shared echo ${X}
steps:
- name: one ${X}
  commands: ["echo ${X}", *shared]
  environment:
    PLAIN: ${X}
    QUOTED: "a ${X}"
    BLOCK: |
      ${X}
    SECRET: {from_secret: "${X}"}
    NOTHING: ${EMPTY}
"""


def read(text: str, **variables: str) -> tuple[Config, Values]:
    values = Values(text, variables)
    return parse(values.text, values), values


@pytest.mark.parametrize(
    "value", ["plain", "a: b", "# c", "[x, y]", "*shared", "two\nlines", '"', "'", "- a", "}", "~x", "\ue000"]
)
def test_a_value_is_text_and_no_yaml(value: str) -> None:
    config, values = read(FILE, X=value, N="3")

    (pipeline,) = config.pipelines
    (step,) = pipeline.steps
    assert (pipeline.name, pipeline.clone.depth, pipeline.labels) == (value, 3, {value: value})
    assert step.name == f"one {value}"
    assert step.environment == {
        "PLAIN": value,
        "QUOTED": f"a {value}",
        "BLOCK": f"{value}\n",
        "SECRET": FromSecret(value),
        "NOTHING": "",
    }
    assert [values.put(command) for command in step.commands] == [f"echo {value}"] * 2
    assert all(values.mark.search(command) for command in step.commands)


def test_a_file_without_expressions_is_as_it_is() -> None:
    config, values = read("kind: pipeline\ntype: exec\nsteps: [{name: a, commands: [echo $$x]}]")

    assert config == parse("kind: pipeline\ntype: exec\nsteps: [{name: a, commands: [echo $x]}]")
    assert values.text.endswith("echo $x]}]")


def test_a_mark_is_of_a_character_that_the_file_lacks() -> None:
    text = "kind: pipeline\ntype: exec\nname: \ue0000\ue000\nsteps: [{name: a, commands: ['${X} \ue0000\ue000']}]"

    config, values = read(text, X="v")

    assert config.pipelines[0].name == "\ue0000\ue000"
    assert [values.put(command) for command in config.pipelines[0].steps[0].commands] == ["v \ue0000\ue000"]


def test_a_file_of_all_such_characters_is_refused() -> None:
    with pytest.raises(BadSubstitution, match="every character that could mark a value"):
        Values("".join(map(chr, range(0xE000, 0xF900))), {})


def test_a_value_of_many_aliases_is_one_text() -> None:
    aliases = ", ".join(["*a"] * 9_000)
    text = f"kind: pipeline\ntype: exec\nx: &a ${{X}}\ny: [{aliases}]\nsteps: [{{name: a, commands: [*a]}}]"

    config, _ = read(text, X="x" * 1_000_000)

    assert len(config.pipelines) == 1


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_any_value_leaves_the_form_of_the_file_alone(value: str) -> None:
    config, values = read("kind: pipeline\ntype: exec\nsteps:\n- {name: a, commands: [echo ${X}]}\n", X=value)

    ((step,),) = (pipeline.steps for pipeline in config.pipelines)
    assert (step.name, [values.put(command) for command in step.commands]) == ("a", [f"echo {value}"])
