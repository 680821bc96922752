import pytest

from app.pipeline.document import BadPipeline, parse


def problems(text: str) -> list[str]:
    with pytest.raises(BadPipeline) as caught:
        parse(text)
    return str(caught.value).splitlines()


def file(**depends_on: str) -> str:
    return "---\n".join(
        f"kind: pipeline\ntype: exec\nname: {name}\ndepends_on: [{names}]\n" for name, names in depends_on.items()
    )


def steps(text: str, *, clone: bool = True) -> str:
    head = "" if clone else "clone: {disable: true}\n"
    return f"kind: pipeline\ntype: exec\nname: p\n{head}steps:\n{text}"


def test_two_pipelines_with_one_name() -> None:
    text = "kind: pipeline\ntype: exec\nname: a\nnode: {}\n---\n\n\n\nkind: pipeline\ntype: exec\nname: a\n"

    assert problems(text) == [
        'linter: duplicate pipeline names (.drone.yml:9: "a" is also the name of the pipeline at line 1)'
    ]


def test_no_name_and_the_name_default_are_the_same() -> None:
    text = "kind: pipeline\ntype: exec\n---\nkind: pipeline\ntype: exec\nname: default\n"

    assert problems(text)[0].startswith('linter: duplicate pipeline names (.drone.yml:4: "default" is also')


def test_a_pipeline_that_waits_for_itself() -> None:
    rule = "linter: pipeline cannot have a dependency on itself"
    assert problems(file(a="a")) == [f'{rule} (.drone.yml:1: "a" waits for "a")']


def test_a_dependency_on_a_pipeline_that_is_not_there() -> None:
    rule = "linter: invalid or unknown pipeline dependency"
    assert problems(file(a="", b="ghost, a, ghost", c="ghost")) == [
        f'{rule} (.drone.yml:6: "b" waits for "ghost", there is "a", "b", "c")',
        f'{rule} (.drone.yml:11: "c" waits for "ghost", there is "a", "b", "c")',
    ]


def test_a_long_list_of_known_names_is_cut() -> None:
    text = file(**dict.fromkeys("abcdefghijkl", ""), z="ghost")

    assert problems(text)[0].endswith('there is "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", …)')


def test_pipelines_in_a_circle() -> None:
    rule = "Error: Dependency cycle detected in Pipeline"
    assert problems(file(x="a", a="b", b="c", c="a", d="e", e="d")) == [
        f'{rule} (.drone.yml:6: "a" → "b" → "c" → "a", each waits for the next)',
        f'{rule} (.drone.yml:21: "d" → "e" → "d", each waits for the next)',
    ]


def test_a_circle_is_refused_even_if_no_trigger_matches() -> None:
    text = file(a="b", b="a").replace("type: exec\n", "type: exec\ntrigger: {event: none}\n")

    assert problems(text)[0].startswith("Error: Dependency cycle detected in Pipeline (")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- {}\n", 'Linter: invalid or missing step name (.drone.yml:5: a step of pipeline "p" has no name)'),
        (
            "- name: a\n- name: b\n- name: a\n",
            'Linter: duplicate step names (.drone.yml:7: "a" is also the name of the step at line 5)',
        ),
        (
            "- name: clone\n",
            'Linter: duplicate step names (.drone.yml:5: "clone" is also the name of '
            "the step that clones the repository)",
        ),
        (
            "- name: a\n  depends_on: [ghost]\n",
            'Linter: invalid or unknown step dependency (.drone.yml:5: "a" waits for "ghost", there is "clone", "a")',
        ),
        (
            "- name: a\n  depends_on: [a]\n",
            'Linter: step cannot have a dependency on itself (.drone.yml:5: "a" waits for "a")',
        ),
        (
            "- name: a\n  depends_on: [b]\n- name: b\n  depends_on: [a]\n",
            'Linter: dependency cycle detected in steps (.drone.yml:5: "a" → "b" → "a", each waits for the next)',
        ),
    ],
)
def test_each_rule_of_exec_steps(text: str, expected: str) -> None:
    assert problems(steps(text)) == [expected]


@pytest.mark.parametrize("text", ["- name: a\n  depends_on: ['']\n- depends_on: [a]\n", "- depends_on: ['']\n"])
def test_steps_without_a_name_are_no_part_of_a_circle(text: str) -> None:
    assert not any("cycle" in line for line in problems(steps(text)))


def test_steps_may_wait_for_later_steps_and_for_clone() -> None:
    parse(steps("- name: a\n  depends_on: [b, clone]\n- name: b\n"))
    parse(steps("- name: a\n  depends_on: [clone]\n", clone=False))
    parse(steps("- name: clone\n", clone=False))
