import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pipeline import source


def lines_of(text: str) -> list[int]:
    documents, problems = source.load(text)
    assert problems == []
    return [document.line for document in documents]


def first_problem(text: str) -> str:
    _, problems = source.load(text)
    return problems[0].at(".drone.yml")


def test_documents_are_split_by_lines() -> None:
    assert lines_of("a: 1\n---\nb: 2\n--- # rest of the line is dropped\n\n# c\nc: 3\n") == [1, 3, 7]


def test_a_separator_needs_the_first_column() -> None:
    assert lines_of("a: |\n  ---\n  -----BEGIN KEY\n") == [1]


def test_empty_and_comment_only_documents_are_ignored() -> None:
    assert lines_of("---\n---\n# comment\n---\na: 1\n---\n") == [5]
    assert lines_of("") == []
    assert lines_of("\n\n# nothing\n") == []


def test_nothing_is_read_after_the_end_mark() -> None:
    assert lines_of("a: 1\n...\n\t[ no yaml\n---\nb: 2\n") == [1]


def test_line_ends_of_other_systems_and_a_byte_order_mark() -> None:
    assert lines_of("\ufeffa: 1\r\n---\r\nb: 2\r\n") == [1, 3]
    assert lines_of("a: 1\r---\rb: 2\r") == [1, 3]


def test_a_line_may_be_long() -> None:
    assert lines_of(f"a: {'x' * 200_000}\n---\nb: 2\n") == [1, 3]


def test_a_broken_document_does_not_hide_the_others() -> None:
    documents, problems = source.load("a: [\n---\nb: 2\n---\n- c\n---\n*d\n")

    assert [document.line for document in documents] == [3]
    assert [problem.line for problem in problems] == [2, 5, 7]


def test_a_document_must_be_a_mapping() -> None:
    start = "yaml: unmarshal errors:\n  line 2: cannot unmarshal "
    assert first_problem("a: 1\n---\n\nhello\n").startswith(f"{start}!!str `hello` into yaml.RawResource (")
    assert first_problem("a: 1\n---\n\nhello world\n").startswith(f"{start}!!str `hello w...` into")
    assert first_problem("a: 1\n---\n\n- a\n").startswith(f"{start}!!seq into yaml.RawResource (.drone.yml:4: ")


def test_a_null_document_is_an_empty_mapping() -> None:
    documents, _ = source.load("~")

    assert documents[0].values == {}


def test_the_size_of_a_file_has_a_limit() -> None:
    assert lines_of("#" * source.MAX_BYTES) == []
    large = "yaml: the file is too large (.drone.yml:1: it has 8388610 bytes, and at most 8388608 are read)"
    assert first_problem("ü" * (source.MAX_BYTES // 2 + 1)) == large


def test_the_number_of_documents_has_a_limit() -> None:
    assert len(lines_of("---\na: 1\n" * source.MAX_DOCUMENTS)) == source.MAX_DOCUMENTS

    documents, problems = source.load("---\na: 1\n" * (source.MAX_DOCUMENTS + 1))
    assert len(documents) == source.MAX_DOCUMENTS
    assert problems[0].at("f") == "yaml: the file is too large (f:2002: it has more than 1000 documents)"


def test_all_documents_share_one_budget_of_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_NODES", 1000)
    half = "- a\n" * (1000 // 2 - 3)
    assert len(source.load(f"a:\n{half}---\nb:\n{half}")[0]) == 2
    assert "too many values" in first_problem(f"a:\n{half}---\nb:\n{half}---\nc: 1\n")


def test_text_that_is_no_unicode_is_refused() -> None:
    assert first_problem("a: 1\nb: \ud800") == "yaml: invalid text (.drone.yml:2: save the file as UTF-8)"


@given(st.text(alphabet=st.sampled_from("ab-.:\n\r #[]{}&*!|>'\"%@`\t~?,\\<\u2028\ufeff\x85\0"), max_size=60))
def test_any_text_gives_documents_or_problems(text: str) -> None:
    documents, problems = source.load(text)

    lines = [document.line for document in documents] + [problem.line for problem in problems]
    assert all(1 <= line <= len(text) + 1 for line in lines)


def test_large_texts_and_those_with_anchors_are_costly() -> None:
    assert source.is_costly("x" * source.LARGE)
    for text in ("a: &a [x]", "&a b: c", "- &a x", "a: [&a x]", "a: {&a x: y}"):
        assert source.is_costly(text)
    for text in ("", "a: b && c", "a: b & c", "a: b&c", "a: x&y=1", "a: '*'"):
        assert not source.is_costly(text)
