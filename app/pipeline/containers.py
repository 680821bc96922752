"""The server's checks of docker pipelines: the server stores and plans them, a docker runner interprets them.

Rules that depend on whether the repository is trusted are left to the docker runner (contract drone-yaml 11.3).
"""

from collections.abc import Iterator

from app.pipeline.fields import Fields
from app.pipeline.lint import CLONE, unknown
from app.pipeline.model import Clone, Step
from app.pipeline.nodes import Mapping, Node, Scalar, Sequence
from app.pipeline.problems import Problem, quoted

SYSTEMS = ("linux", "windows")
ARCHITECTURES = ("amd64", "arm64", "arm")
RESERVED_VOLUMES = frozenset({"workspace", "_workspace", "_docker_socket"})


def steps(pipeline: Fields) -> tuple[Step, ...]:
    """The named steps. Steps of an unknown form are left out without an error, as the runner may know that form."""
    named = ((_text(node, "name"), node.line) for node in _items(pipeline, "steps"))
    return tuple(Step(name, line) for name, line in named if name)


def lint(pipeline: Fields, os: str, arch: str, clone: Clone) -> Iterator[Problem]:
    """The problems for which a docker runner would refuse the pipeline in any repository."""
    if os not in SYSTEMS:
        yield _unsupported(pipeline, "os", os, SYSTEMS)
    if arch not in ARCHITECTURES:
        yield _unsupported(pipeline, "arch", arch, ARCHITECTURES)
    yield from _containers(pipeline, clone)
    for volume in _items(pipeline, "volumes"):
        name = _text(volume, "name")
        if not name:
            yield Problem(volume.line, "linter: missing volume name", "give the volume a name")
        elif name in RESERVED_VOLUMES:
            detail = f"{quoted(name)} is the runner's own, choose another"
            yield Problem(volume.line, "linter: invalid volume name", detail)


def _unsupported(pipeline: Fields, key: str, value: str, known: tuple[str, ...]) -> Problem:
    detail = f"platform.{key} is {quoted(value)}; docker pipelines know {', '.join(known)}"
    return Problem(pipeline.line, f"linter: unsupported {key}", detail)


def _containers(pipeline: Fields, clone: Clone) -> Iterator[Problem]:
    names = {} if clone.disable else {CLONE: None}
    for container in (*_items(pipeline, "services"), *_items(pipeline, "steps")):
        line, name = container.line, _text(container, "name")
        if not name:
            detail = "every step and service needs a name"
            yield Problem(line, "linter: invalid or missing step name", detail)
        if name in names:
            detail = f"{quoted(name)} is already the name of a step or service, or of the clone step"
            yield Problem(line, "linter: duplicate step names", detail)
        if not _text(container, "image"):
            detail = f"{quoted(name)} needs an image to run in; type: exec runs without"
            yield Problem(line, "linter: invalid or missing image", detail)
        for needed in _texts(container, "depends_on"):
            if needed not in names:
                rule = "linter: invalid or unknown step dependency"
                yield Problem(line, rule, f"before it {unknown(name, needed, names)}")
        names[name] = None


def _items(pipeline: Fields, key: str) -> tuple[Node, ...]:
    node = pipeline.get(key)
    return node.items if isinstance(node, Sequence) else ()


def _text(node: Node, key: str) -> str:
    value = node.values.get(key) if isinstance(node, Mapping) else None
    return value.text if isinstance(value, Scalar) else ""


def _texts(node: Node, key: str) -> tuple[str, ...]:
    value = node.values.get(key) if isinstance(node, Mapping) else None
    items = value.items if isinstance(value, Sequence) else ()
    return tuple(item.text for item in items if isinstance(item, Scalar))
