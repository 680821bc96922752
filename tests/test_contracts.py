"""Every contract that code cites is in docs/contracts, and has the sections that are cited."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "docs" / "contracts"
#: This file's own examples are no citations.
SOURCES = [
    path for folder in ("app", "tests") for path in sorted((ROOT / folder).rglob("*.py")) if path != Path(__file__)
]

#: Between two words of a text, which may go on in the next line of a docstring or a comment.
_GAP = r"(?:[ \t]|\n[ \t]*(?:#:?)?)+"
_NUMBER = r"\d+(?:\.\d+)*(?![\w]|\.\d)"
_SPAN = rf"{_NUMBER}(?:[-–]{_NUMBER})?"
_SPANS = rf"{_SPAN}(?:(?:,{_GAP}|{_GAP}and{_GAP}){_SPAN})*"
_MARK = r"\b[Cc]ontract\b"
_HEADING = re.compile(r"^#{2,} (\d+(?:\.\d+)*)\.? ", re.MULTILINE)


class Citation(NamedTuple):
    """One section of one contract, cited in one line; a whole contract has no section."""

    line: int
    name: str
    section: str


def sections() -> dict[str, set[str]]:
    """The numbers of the headings of each contract."""
    files = [path for path in CONTRACTS.glob("*.md") if path.name != "README.md"]
    return {path.stem: set(_HEADING.findall(path.read_text(encoding="utf-8"))) for path in files}


class Reader:
    """Finds citations in the text of a file, and what looks like one and cannot be read."""

    def __init__(self, names: set[str]) -> None:
        families = "|".join(sorted({name.partition("-")[0] for name in names}))
        part = rf"(?:{families})-[a-z]+(?![\w-])(?:{_GAP}{_SPANS})?"
        self._part = re.compile(rf"(?P<name>[a-z]+-[a-z]+)(?:{_GAP}(?P<spans>{_SPANS}))?")
        self._citation = re.compile(rf"{_MARK}{_GAP}(?P<parts>{part}(?:[,;]{_GAP}{part})*)")
        known = "|".join(sorted(names))
        # A part of a file's name, of a path or of a URN is no citation.
        named = rf"(?<![\w/.:-])(?:{known})(?![\w-]|[.:]\w)"
        self._unread = re.compile(rf"\b[Cc]ontract{_GAP}(?:{families})-|{named}")

    def citations(self, text: str) -> Iterator[Citation]:
        """Each cited section; of a range, every one."""
        for found in self._citation.finditer(text):
            for part in self._part.finditer(found["parts"]):
                line = text.count("\n", 0, found.start("parts") + part.start()) + 1
                spans = re.findall(_SPAN, part["spans"] or "")
                for section in [one for span in spans for one in _spread(span)] or [""]:
                    yield Citation(line, part["name"], section)

    def unread(self, text: str) -> Iterator[tuple[int, str]]:
        """The line and the words of what names a contract, or says that it does, and is no citation."""
        rest = self._citation.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
        for found in self._unread.finditer(rest):
            yield text.count("\n", 0, found.start()) + 1, found[0]


def _spread(span: str) -> list[str]:
    """The sections of `4.1`, or of a range such as `7-9` or `1.1-1.3`."""
    first, _, last = span.replace("–", "-").partition("-")
    head, dot, low = first.rpartition(".")
    other, _, high = last.rpartition(".")
    if not last:
        return [first]
    if head != other or int(low) >= int(high):
        return [span]  # no heading has such a number
    return [f"{head}{dot}{number}" for number in range(int(low), int(high) + 1)]


KNOWN = {"drone-rest": {"1", "1.1", "2"}, "drone-env": {"3"}, "scm-api": {"9"}}
READER = Reader(set(KNOWN))


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("(contract drone-rest 1.1).", [("drone-rest", "1.1")]),
        ("Contract drone-rest 1.1; recorded: x.json", [("drone-rest", "1.1")]),
        ("contract drone-rest 1.1, 2, with 30 more", [("drone-rest", "1.1"), ("drone-rest", "2")]),
        ("contract drone-env 1 and 2). Pure", [("drone-env", "1"), ("drone-env", "2")]),
        ("contract drone-rest 7-9", [("drone-rest", "7"), ("drone-rest", "8"), ("drone-rest", "9")]),
        ("contract drone-env 1.3–1.4, 2", [("drone-env", "1.3"), ("drone-env", "1.4"), ("drone-env", "2")]),
        ("contract drone-env 2-1.4", [("drone-env", "2-1.4")]),
        ("contract drone-rest 2, row 6", [("drone-rest", "2")]),
        ("contract drone-rest", [("drone-rest", "")]),
        ("contract drone-rest 2nd", [("drone-rest", "")]),
        (
            "contract drone-rest 2.6, drone-env 3; scm-api 9.",
            [("drone-rest", "2.6"), ("drone-env", "3"), ("scm-api", "9")],
        ),
        ("contract drone-rest 2, drone-typo 3", [("drone-rest", "2"), ("drone-typo", "3")]),
        ("contract drone-rest 2, non-blocking", [("drone-rest", "2")]),
        ("not contract\n    drone-rest 8, which", [("drone-rest", "8")]),
        ("#: contract\n    #: drone-rest\n    #: 8,\n    #: 9", [("drone-rest", "8"), ("drone-rest", "9")]),
        ("# contract drone-rest 8 and\n# 9", [("drone-rest", "8"), ("drone-rest", "9")]),
        ("the contract of drone and 3", []),
        ("docs/drone-rest.md, drone-env.json or urn:x:scm-api:v1", []),
    ],
)
def test_a_citation_is_read_in_every_form(text: str, cited: list[tuple[str, str]]) -> None:
    assert [(found.name, found.section) for found in READER.citations(text)] == cited
    assert list(READER.unread(text)) == []


def test_a_citation_knows_its_line() -> None:
    found = READER.citations("\n(contract drone-rest\n2;\nscm-api 9)")
    assert list(found) == [Citation(2, "drone-rest", "2"), Citation(4, "scm-api", "9")]


@pytest.mark.parametrize(
    "text",
    ["spec drone-rest 4.1", "contract drone-rest-x 4", "as drone-env says"],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    assert list(READER.citations(text)) == []
    assert [line for line, _ in READER.unread(text)] == [1]


def test_every_citation_leads_to_a_section() -> None:
    known = sections()
    reader = Reader(set(known))
    wrong, count = [], 0
    for path in SOURCES:
        text, place = path.read_text(encoding="utf-8"), path.relative_to(ROOT)
        wrong += [f"{place}:{line} -> no citation that can be read: {words!r}" for line, words in reader.unread(text)]
        for line, name, section in reader.citations(text):
            count += 1
            if name not in known:
                wrong.append(f"{place}:{line} -> no docs/contracts/{name}.md")
            elif section and section not in known[name]:
                wrong.append(f"{place}:{line} -> docs/contracts/{name}.md has no section {section}")
    assert not wrong, "\n" + "\n".join(wrong)
    assert count > 100  # else the citations have a form that is not read
