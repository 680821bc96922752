import pytest

from app.pipeline.nodes import MAX_DEPTH, Mapping, Node, Scalar, Sequence, compose
from app.pipeline.problems import BadPipeline


def tree(node: Node | None) -> object:
    """The node as plain values."""
    if isinstance(node, Mapping):
        return {key: tree(value) for key, value in node.values.items()}
    if isinstance(node, Sequence):
        return [tree(item) for item in node.items]
    return node.text if isinstance(node, Scalar) else None


def read(text: str) -> object:
    return tree(compose(text, 1)[0])


def refused(text: str, line: int = 1) -> str:
    with pytest.raises(BadPipeline) as caught:
        compose(text, line)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.10", "1.10"),
        ("true", "true"),
        ("NO", "NO"),
        ("0x1F", "0x1F"),
        ("2024-01-02", "2024-01-02"),
        ("1_000", "1_000"),
        ("~", ""),
        ("null", ""),
        ("Null", ""),
        ("'null'", "null"),
        ('""', ""),
        ("!!str null", "null"),
        ("|\n  a\n   b\n", "a\n b\n"),
        (r'"\u00fc\n"', "ü\n"),
        ("!custom tagged", "tagged"),
        ("[a, {b: c}, ~]", ["a", {"b": "c"}, ""]),
        ("", None),
        ("# only a comment", None),
    ],
)
def test_scalars_keep_their_source_text(text: str, expected: object) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x [1]\nb: *x", {"a": ["1"], "b": ["1"]}),
        ("a: &x 1\nb: *x\nc: &x 2\nd: *x", {"a": "1", "b": "1", "c": "2", "d": "2"}),
        ("a: 1\na: 2", {"a": "2"}),
        ("? [a]\n: 1\n? {b: c}\n: 2\nd: 3", {"d": "3"}),
        ("x: &x {a: 1, b: 2}\ny:\n  b: 3\n  <<: *x", {"x": {"a": "1", "b": "2"}, "y": {"a": "1", "b": "3"}}),
        ("<<: [{a: 1}, {a: 2, b: 2}]\nc: 3", {"a": "1", "b": "2", "c": "3"}),
        ("'<<': 1", {"<<": "1"}),
        ("<<: {<<: {a: 1}, b: 2}", {"a": "1", "b": "2"}),
        ("<<: []\na: 1", {"a": "1"}),
    ],
)
def test_anchors_aliases_and_merge_keys(text: str, expected: object) -> None:
    assert read(text) == expected


def test_nodes_know_their_line_in_the_file() -> None:
    root, used = compose("# comment\n\na:\n- b\n", 10)

    assert isinstance(root, Mapping)
    assert root.line == 12
    assert root.values["a"].line == 13
    assert used == 4


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("kind:\tpipeline\n\tname: a\n", "yaml: line 1: found a tab character that violate indentation ("),
        ("a: b: c", "yaml: mapping values are not allowed in this context (.drone.yml:5: at column 5)"),
        ("- a\nb: c", "yaml: line 1: did not find expected '-' indicator (.drone.yml:6: at column 1, while"),
        ("'", "yaml: found unexpected end of stream (.drone.yml:5: at column 2, while scanning"),
        ("a: 1\nb: {", "yaml: line 2: did not find expected node content (.drone.yml:7: "),
        ("a: !x!y z", "yaml: found undefined tag handle (.drone.yml:5: "),
        ("a: é\nb: \a", "yaml: control characters are not allowed (.drone.yml:6: remove the character)"),
        ('a: "\\0"', r"yaml: control characters are not allowed (.drone.yml:5: remove the NUL (\0))"),
        ("a: *b", "yaml: unknown anchor 'b' referenced (.drone.yml:5: define it before"),
        ("&a [*a]", "yaml: anchor 'a' value contains itself (.drone.yml:5: "),
        ("&a {<<: *a}", "yaml: anchor 'a' value contains itself (.drone.yml:5: "),
        ("<<: 3", "yaml: map merge requires map or sequence of maps as the value (.drone.yml:5: "),
        ("<<: [{a: 1}, 3]", "yaml: map merge requires map or sequence of maps as the value (.drone.yml:5: "),
        ("a\u2028---\nb", "yaml: did not find expected <document end> (.drone.yml:7: "),
    ],
)
def test_a_fault_begins_as_recorded_and_tells_the_place_in_the_file(text: str, start: str) -> None:
    assert refused(text, line=5).startswith(start)


def test_an_end_of_text_far_from_its_cause_is_told_by_the_cause() -> None:
    assert refused('a: 1\nb: "').startswith("yaml: line 1: found unexpected end of stream (.drone.yml:2: ")


def test_nesting_has_a_limit() -> None:
    read("[" * MAX_DEPTH + "]" * MAX_DEPTH)

    assert refused("[" * (MAX_DEPTH + 1)).startswith("yaml: exceeded maximum depth (.drone.yml:1: ")
    assert refused("{a: " * 100_000).startswith("yaml: exceeded maximum depth")


def test_aliases_count_as_often_as_they_are_used() -> None:
    assert compose("a: &a [x, x]\nb: [*a, *a]", 1)[1] == 1 + 1 + 3 + 1 + 1 + 3 + 3

    laughs = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    assert refused(laughs).startswith("yaml: document contains too many values (.drone.yml:7: ")


def test_plain_size_counts_too() -> None:
    assert compose("- a\n" * 999, 1, 1000)[1] == 1000

    with pytest.raises(BadPipeline, match="yaml: document contains too many values"):
        compose("- a\n" * 1000, 1, 1000)
