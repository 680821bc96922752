"""Files of Drone 0.8, as documents of today (contract drone-yaml 2): `pipeline:` and no `kind`."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from app.convert import documents, matrix
from app.convert.errors import BadConversion
from app.convert.fault import Fault
from app.convert.matrix import Axis
from app.convert.values import values
from app.pipeline import source
from app.pipeline.conditions import Condition
from app.pipeline.fields import Fields
from app.pipeline.nodes import Mapping as Node
from app.pipeline.nodes import Scalar, Sequence
from app.pipeline.problems import Problem

_PIPELINE = re.compile(r"^pipeline[ \t]*:", re.MULTILINE)
_TEXTS = ("entrypoint", "command", "commands", "dns", "dns_search", "extra_hosts")
_FLAGS = ("detach", "privileged")
#: Keys of a step that are dropped, as Drone drops them.
_DROPPED = ("allow_failure", "devices", "shell", "tmpfs")
#: Keys of a step that are no settings of its plugin.
_KNOWN = {"name", "image", "pull", "environment", "secrets", "volumes", "when", *_TEXTS, *_FLAGS, *_DROPPED}
#: Conditions of 0.8, and those of today.
_CONDITIONS = {
    "ref": "ref",
    "repo": "repo",
    "instance": "instance",
    "environment": "target",
    "event": "event",
    "branch": "branch",
    "status": "status",
}
_EVENTS = {"deploy": "promote", "deployment": "promote"}
#: Refs of pull requests at GitHub, Bitbucket and GitLab: the branches of a file were never a filter for them.
_PULLS = ["refs/pull/**", "refs/pull-requests/**", "refs/merge-requests/**"]


def applies(text: str) -> bool:
    """Whether a file may be one of 0.8: it has `pipeline`, and no document says its kind."""
    return _PIPELINE.search(text) is not None and not re.search(r"^kind[ \t]*:", text, re.MULTILINE)


def convert(file: str, text: str, link: str) -> str:
    """The documents of a file of 0.8; `link` is the repository's page. Raises BadConversion."""
    try:
        return documents.dump(_documents(text, link), source.MAX_BYTES)
    except Fault as fault:
        raise BadConversion("version 0.8", file, fault.reason, line=fault.line) from None


def _documents(text: str, link: str) -> list[dict[str, Any]]:
    found, problems = source.load(text)
    root = Fields(found[0] if found else Node(1, {}), problems)
    axes = matrix.axes(root)
    # The first one is the file as it is: that it is counted bounds what its aliases repeat.
    plain, *files = (Fields(one, problems) for one in matrix.replaced(root.node, [{}, *axes]))
    if axes:
        named = enumerate(zip(axes, files, strict=True), start=1)
        made = [_pipeline(file, f"matrix-{number}", link, axis) for number, (axis, file) in named]
    else:
        made = [_pipeline(plain, "default", link, {})]
    made += _secrets(plain.section("secrets"))
    if problems:
        raise Fault(problems[0].text, problems[0].line)
    return made


def _pipeline(fields: Fields, name: str, link: str, axis: Axis) -> dict[str, Any]:
    clones, steps, services = (
        list(_containers(fields.section(key), axis)) for key in ("clone", "pipeline", "services")
    )
    return _filled(
        {
            "kind": "pipeline",
            "name": name,
            "platform": {"os": "linux", "arch": "amd64"},
            "workspace": _workspace(fields.section("workspace"), link),
            "clone": {"disable": True} if clones else {},
            "steps": _named(clones + steps),
            "services": services,
            "volumes": _volumes(fields),
            "trigger": _trigger(fields.condition("branches"), steps),
        }
    )


def _filled(made: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in made.items() if value}


def _workspace(fields: Fields, link: str) -> dict[str, str]:
    base, path = fields.text("base"), fields.text("path")
    path = "" if path == "." else path
    if link:
        base, path = base or "/drone", path or _path(link)
    return _filled({"base": base, "path": path})


def _path(link: str) -> str:
    """Where 0.8 put the source of a repository, as Go wanted it."""
    try:
        parts = urlsplit(link)
        host = parts.hostname
    except ValueError:
        return "src"
    return f"src/{host}/{parts.path.strip('/')}" if host else "src"


def _trigger(branches: Condition, steps: list[dict[str, Any]]) -> dict[str, Any]:
    """The branches of a file: with excluded ones a condition of branches, else of refs, for tags have no branch."""
    if branches.exclude or not branches.include:
        return _filled({"branch": _condition(branches)})
    refs = _PULLS + [f"refs/heads/{branch}" for branch in branches.include]
    if any("tag" in _included(step) for step in steps):
        refs.append("refs/tags/**")
    return {"ref": refs}


def _included(step: dict[str, Any]) -> list[str]:
    events: Any = step.get("when", {}).get("event", [])
    return list(events.get("include", []) if isinstance(events, dict) else events)


def _named(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps, with a number behind a name that an earlier step has."""
    names: set[str] = set()
    for number, step in enumerate(steps):
        if step["name"] in names:
            step["name"] += f"_{number}"
        names.add(step["name"])
    return steps


def _containers(fields: Fields, axis: Axis) -> Iterator[dict[str, Any]]:
    """The steps or services of a section, without those that are for another axis."""
    for name in fields:
        container = fields.section(name)
        when = container.section("when")
        wanted = when.table("matrix")
        if not axis or not wanted or any(axis.get(key) == value for key, value in wanted.items()):
            yield _container(name, container, when)


def _container(name: str, fields: Fields, when: Fields) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": name,
        "pull": "always" if fields.flag("pull") else "if-not-exists",
        "image": fields.text("image"),
    }
    made |= {key: fields.flag(key) for key in _FLAGS}
    made |= {key: _texts(fields, key) for key in _TEXTS}
    rest = {key: value for key, value in fields.node.values.items() if key not in _KNOWN}
    made |= {
        "settings": values(Node(fields.line, rest)),
        "environment": _environment(fields) | dict(_secret_variables(fields)),
        "volumes": [{"name": _volume_name(path), "path": inside} for path, inside in _mounts(fields)],
        "when": _conditions(when),
    }
    return _filled(made)


def _texts(fields: Fields, key: str) -> list[str]:
    """A text, or a list of texts."""
    node = fields.get(key)
    return [node.text] if isinstance(node, Scalar) else list(fields.texts(key))


def _environment(fields: Fields) -> dict[str, Any]:
    """A mapping, or a list of `NAME=value`; entries without `=` are dropped."""
    if isinstance(fields.get("environment"), Sequence):
        pairs = (text.partition("=") for text in fields.texts("environment"))
        return {name: value for name, equals, value in pairs if equals}
    return dict(fields.table("environment"))


def _secret_variables(fields: Fields) -> Iterator[tuple[str, Any]]:
    """The secrets of a step: names, or mappings of the secret's name and the variable's."""
    for number, node in enumerate(fields.items("secrets")):
        if isinstance(node, Node):
            secret = Fields(node, fields.problems, f"{fields.place('secrets')}[{number}]")
            name = secret.text("source")
            yield (secret.text("target") or name).upper(), {"from_secret": name}
        elif isinstance(node, Scalar):
            yield node.text.upper(), {"from_secret": node.text}
        else:
            fields.wrong(node, f"{fields.place('secrets')}[{number}]", "a name, or source and target")


def _mounts(fields: Fields) -> Iterator[tuple[str, str]]:
    """The volumes of a step: the path on the host, and the path in the container."""
    for number, text in enumerate(fields.texts("volumes")):
        path, colon, inside = text.partition(":")
        if not colon:
            detail = f"{fields.place('volumes')}[{number}] must be PATH:PATH"
            fields.problems.append(Problem(fields.line, "yaml: wrong volume", detail))
        yield path, inside.partition(":")[0]


def _volume_name(path: str) -> str:
    return path.encode(errors="replace").hex()


def _volumes(fields: Fields) -> list[dict[str, Any]]:
    """The volumes of all steps and services."""
    sections = (fields.section(key) for key in ("pipeline", "services"))
    containers = (section.section(name) for section in sections for name in section)
    paths = dict.fromkeys(path for container in containers for path, _ in _mounts(container))
    return [{"name": _volume_name(path), "host": {"path": path}} for path in paths]


def _conditions(fields: Fields) -> dict[str, Any]:
    found = {ours: fields.condition(theirs) for theirs, ours in _CONDITIONS.items()}
    event = found["event"]
    found["event"] = Condition(
        *(tuple(_EVENTS.get(one, one) for one in side) for side in (event.include, event.exclude))
    )
    return _filled({name: _condition(condition) for name, condition in found.items()})


def _condition(condition: Condition) -> Any:
    if not condition.exclude:
        return list(condition.include)
    return _filled({"include": list(condition.include), "exclude": list(condition.exclude)})


def _secrets(fields: Fields) -> list[dict[str, Any]]:
    """The secrets of a file, each asked of a secret extension by its path."""
    return [
        {"kind": "secret", "name": name, "get": _filled(dict(_get(fields.section(name))))} for name in sorted(fields)
    ]


def _get(fields: Fields) -> Mapping[str, str]:
    if fields.text("driver") == "vault":
        options = fields.section("driver_opts")
        return {"path": options.text("path"), "name": options.text("key")}
    return {"path": fields.text("path") or fields.text("vault")}
