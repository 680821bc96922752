"""Splits a pipeline file into documents, by lines before any decoding; refuses a file that is too large."""

import itertools
import re
from collections.abc import Iterator

from app.pipeline.nodes import MAX_NODES, TOO_MANY, Mapping, Node, Scalar, Sequence, compose
from app.pipeline.problems import BadPipeline, Problem

MAX_BYTES = 8 * 1024 * 1024
MAX_DOCUMENTS = 1000

#: Characters from which on a text takes long to parse.
LARGE = 32 * 1024
_ANCHOR = re.compile(r"(?:^|[\s\[{,])&[^\s&]", re.MULTILINE)

TOO_LARGE = "yaml: the file is too large"


def is_costly(text: str) -> bool:
    """Whether to parse a text takes so long that it belongs into a thread; anchors make many values of a short text."""
    return len(text) >= LARGE or _ANCHOR.search(text) is not None


def load(text: str) -> tuple[list[Mapping], list[Problem]]:
    """The documents that can be decoded, and the problems of the others; empty documents are left out."""
    if problem := _unreadable(_normalised(text)):
        return [], [problem]
    documents: list[Mapping] = []
    problems: list[Problem] = []
    left = MAX_NODES
    chunks = ((line, chunk) for line, chunk in split(text) if chunk.strip("\n"))
    for count, (line, chunk) in enumerate(chunks, start=1):
        if count > MAX_DOCUMENTS:
            problems.append(Problem(line, TOO_LARGE, f"it has more than {MAX_DOCUMENTS} documents"))
            break
        try:
            root, used = compose(chunk, line, left)
            left -= used
            if root is not None:
                documents.append(_as_mapping(root, line))
        except BadPipeline as error:
            problems.extend(error.problems)
            if error.problems[0].rule == f"yaml: {TOO_MANY}":
                break
    return documents, problems


def split(text: str) -> Iterator[tuple[int, str]]:
    """Each document with its first line's number, blank ones too; every line ends with LF (contract drone-yaml 1)."""
    first = 1
    lines: list[str] = []
    for number, line in enumerate(_content(text), start=1):
        if line.startswith("---"):
            yield first, "".join(lines)
            first, lines = number + 1, []
        else:
            lines.append(line + "\n")
    yield first, "".join(lines)


def _content(text: str) -> Iterator[str]:
    """The lines up to the end mark `...`."""
    lines = _normalised(text).split("\n")
    if not lines[-1]:
        lines.pop()
    return itertools.takewhile(lambda line: not line.startswith("..."), lines)


def _normalised(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _unreadable(text: str) -> Problem | None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        return Problem(line, "yaml: invalid text", "save the file as UTF-8")
    if size > MAX_BYTES:
        return Problem(1, TOO_LARGE, f"it has {size} bytes, and at most {MAX_BYTES} are read")
    return None


def _as_mapping(root: Node, first_line: int) -> Mapping:
    if isinstance(root, Mapping):
        return root
    if isinstance(root, Scalar) and root.null:
        return Mapping(root.line, {})
    found = "!!seq" if isinstance(root, Sequence) else f"!!str `{_shortened(root.source)}`"
    place = f"line {root.line - first_line + 1}"
    rule = f"yaml: unmarshal errors:\n  {place}: cannot unmarshal {found} into yaml.RawResource"
    detail = "a document is a mapping with keys such as kind, type, name and steps"
    raise BadPipeline([Problem(root.line, rule, detail)])


def _shortened(source: str) -> str:
    return source if len(source) <= 10 else source[:7] + "..."
