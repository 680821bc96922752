"""Checks of docker pipelines: the server stores and plans them, a docker runner interprets them.

The platform is checked with the file. The body is checked for the stage alone, because a runner that gets the stage
would refuse the body (contract drone-yaml 11.3). The server reads the text before substitution, so a value with `${`
is not judged. Rules that depend on whether the repository is trusted are left to the docker runner.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from app.pipeline.fields import Fields
from app.pipeline.lint import CLONE, unknown
from app.pipeline.model import Clone, Step
from app.pipeline.nodes import Mapping as MappingNode
from app.pipeline.nodes import Node, Scalar, Sequence
from app.pipeline.problems import Problem, quoted

SYSTEMS = ("linux", "windows")
ARCHITECTURES = ("amd64", "arm64", "arm", "ppc64le", "s390x")
RESERVED_VOLUMES = frozenset({"workspace", "_workspace", "_docker_socket"})
LONGEST_NAME = 100

#: The beginning of an expression that the runner replaces.
_EXPRESSION = "${"
_SIZE = re.compile(r"[0-9]+(\.[0-9]+)* ?[kKmMgGtTpPeE]?[iI]?[bB]?", re.ASCII)


def steps(pipeline: Fields) -> tuple[Step, ...]:
    """The named steps. Steps of an unknown form are left out without an error, as the runner may know that form."""
    named = ((_text(node, "name"), node.line) for node in _items(pipeline, "steps"))
    return tuple(Step(name, line) for name, line in named if name)


def platform(pipeline: Fields, os: str, arch: str) -> Iterator[Problem]:
    """The problems of a platform that docker runners do not have."""
    for key, value, known in (("os", os, SYSTEMS), ("arch", arch, ARCHITECTURES)):
        if value not in known:
            detail = f"platform.{key} is {quoted(value)}; docker pipelines know {', '.join(known)}"
            yield Problem(pipeline.line, f"linter: unsupported {key}", detail)


def body(pipeline: MappingNode, clone: Clone) -> tuple[Problem, ...]:
    """The problems for which a docker runner would refuse the pipeline in any repository."""
    problems: list[Problem] = []
    fields = _Raw(pipeline, problems)
    _read(fields, _PIPELINE)
    problems.extend(_containers(fields, clone))
    problems.extend(_volumes(fields))
    return tuple(problems)


class _Raw(Fields):
    """Reads values before substitution: the type of a value with an expression is not known yet."""

    def wrong(self, node: Node, place: str, wanted: str) -> None:
        if not (isinstance(node, Scalar) and _EXPRESSION in node.source):
            super().wrong(node, place, wanted)


#: Reads the value of a key, and notes a wrong type as a problem.
_Reader = Callable[[Fields, str], object]


def _read(fields: Fields, known: Mapping[str, _Reader]) -> None:
    for key, reader in known.items():
        reader(fields, key)


def _each(known: Mapping[str, _Reader]) -> _Reader:
    """The reader of a list of mappings with these keys."""

    def read(fields: Fields, key: str) -> None:
        for section in fields.sections(key):
            _read(section, known)

    return read


def _section(known: Mapping[str, _Reader]) -> _Reader:
    """The reader of a mapping with these keys."""
    return lambda fields, key: _read(fields.section(key), known)


def _plain(reader: _Reader, wanted: str) -> _Reader:
    """The reader of a value for which a docker runner takes no text in quotes."""

    def read(fields: Fields, key: str) -> None:
        node = fields.get(key)
        if isinstance(node, Scalar) and not node.plain:
            fields.wrong(node, fields.place(key), f"{wanted}, without quotes")
        else:
            reader(fields, key)

    return read


_flag = _plain(Fields.flag, "true or false")
_number = _plain(Fields.number, "a number")


def _variables(fields: Fields, key: str) -> None:
    variables = fields.section(key)
    for name in variables:
        if isinstance(node := variables.node.values[name], MappingNode):
            _read(variables.section(name), {"from_secret": Fields.text, "value": Fields.text})
        elif not isinstance(node, Scalar):
            variables.wrong(node, variables.place(name), "text or {from_secret: name}")


def _size(fields: Fields, key: str) -> None:
    if fields.blank(key):
        return
    node = fields.node.values[key]
    if not (isinstance(node, Scalar) and _SIZE.fullmatch(node.text)):
        fields.wrong(node, fields.place(key), "a size in bytes, such as 1073741824 or 512MiB")


def _ports(fields: Fields, key: str) -> None:
    for number, node in enumerate(fields.items(key)):
        place = f"{fields.place(key)}[{number}]"
        if isinstance(node, MappingNode):
            port = type(fields)(node, fields.problems, place)
            _read(port, {"port": _number, "host": _number, "protocol": Fields.text})
        elif not (isinstance(node, Scalar) and node.plain and node.text.isdecimal()):
            fields.wrong(node, place, "a number, or a mapping of port, host and protocol")


_NAMED = {"name": Fields.text, "path": Fields.text}
_CONTAINER: Mapping[str, _Reader] = {
    **dict.fromkeys(
        ("command", "commands", "depends_on", "dns", "dns_search", "entrypoint", "extra_hosts"), Fields.texts
    ),
    **dict.fromkeys(("failure", "image", "name", "network_mode", "pull", "shell", "user", "working_dir"), Fields.text),
    **dict.fromkeys(("detach", "privileged"), _flag),
    **dict.fromkeys(("mem_limit", "memswap_limit", "shm_size"), _size),
    **dict.fromkeys(("devices", "volumes"), _each(_NAMED)),
    "environment": _variables,
    "ports": _ports,
    "settings": Fields.section,
}
_VOLUME: Mapping[str, _Reader] = {
    "name": Fields.text,
    "temp": _section({"medium": Fields.text, "size_limit": _size}),
    "host": _section({"path": Fields.text}),
}
_PIPELINE: Mapping[str, _Reader] = {
    "environment": _variables,
    "services": _each(_CONTAINER),
    "steps": _each(_CONTAINER),
    "volumes": _each(_VOLUME),
    "image_pull_secrets": Fields.texts,
    "workspace": _section({"base": Fields.text, "path": Fields.text}),
}


def _containers(pipeline: Fields, clone: Clone) -> Iterator[Problem]:
    names = {} if clone.disable else {CLONE: None}
    for container in (*_items(pipeline, "services"), *_items(pipeline, "steps")):
        line, name = container.line, _text(container, "name")
        if not name:
            detail = "every step and service needs a name"
            yield Problem(line, "linter: invalid or missing step name", detail)
        if len(name.encode(errors="replace")) > LONGEST_NAME:
            yield Problem(line, "linter: step name is too long", f"{quoted(name)} has more than {LONGEST_NAME} bytes")
        if name in names:
            detail = f"{quoted(name)} is already the name of a step or service, or of the clone step"
            yield Problem(line, "linter: duplicate step names", detail)
        if not _text(container, "image"):
            detail = f"{quoted(name)} needs an image to run in; type: exec runs without"
            yield Problem(line, "linter: invalid or missing image", detail)
        for needed in _texts(container, "depends_on"):
            if needed not in names and not any(_EXPRESSION in one for one in (needed, *names)):
                rule = "linter: invalid or unknown step dependency"
                yield Problem(line, rule, f"before it {unknown(name, needed, names)}")
        names[name] = None


def _volumes(pipeline: Fields) -> Iterator[Problem]:
    for volume in _items(pipeline, "volumes"):
        name = _text(volume, "name")
        if not name:
            yield Problem(volume.line, "linter: missing volume name", "give the volume a name")
        elif name in RESERVED_VOLUMES:
            detail = f"{quoted(name)} is the runner's own, choose another"
            yield Problem(volume.line, "linter: invalid volume name", detail)


def _items(pipeline: Fields, key: str) -> tuple[MappingNode, ...]:
    node = pipeline.get(key)
    items = node.items if isinstance(node, Sequence) else ()
    return tuple(item for item in items if isinstance(item, MappingNode))


def _text(node: MappingNode, key: str) -> str:
    value = node.values.get(key)
    return value.text if isinstance(value, Scalar) else ""


def _texts(node: MappingNode, key: str) -> tuple[str, ...]:
    value = node.values.get(key)
    items = value.items if isinstance(value, Sequence) else ()
    return tuple(item.text for item in items if isinstance(item, Scalar))
