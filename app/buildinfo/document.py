"""The JSON of a build-info: checked and completed when it comes, and what it lists. Pure.

Contract artifactory-build 3.3, 3.4, 3.5. Fields that are not known are kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from app.artifacts.model import Sums
from app.buildinfo import names, policy, times
from app.buildinfo.fields import SHOWN, SUMS, Fields, Mask, masked, parsed, strings
from app.buildinfo.model import Artifact, Dependency, Entries, Part, Status
from app.buildinfo.policy import Policy
from app.errors import Invalid, Problem, TooLarge

#: The most bytes of a build-info.
BODY = 64 * 1024 * 1024
#: The most bytes of the file of a run, which promotions and appended modules make longer.
STORED = 2 * BODY
#: The most artifacts and dependencies of a build-info together, and the most modules.
ENTRIES = 200_000
MODULES = 20_000
#: The version of the form of build-info, for publishers that do not say one.
VERSION = "1.0.1"
_TEXTS = ("type", "principal", "artifactoryPrincipal", "artifactoryPluginVersion", "url", "vcsRevision", "vcsUrl")
_OBJECTS = ("agent", "buildAgent", "issues", "licenseControl")
_MODULE_TEXTS = ("type", "parent", "repository", "sha1", "md5", "sha256")
#: Fields that name a run, in which no secret is masked.
_IDENTITY = ("name", "number", "started")


@dataclass(frozen=True)
class Document:
    """A build-info whose JSON is complete, and what the JSON says."""

    content: dict[str, Any]
    name: str
    number: str
    #: Unix milliseconds.
    started: int
    started_text: str
    statuses: tuple[Status, ...]
    entries: Entries

    @property
    def data(self) -> bytes:
        """The bytes of the file of the run."""
        return orjson.dumps(self.content)

    @property
    def retention(self) -> Policy | None:
        """Which runs are kept after this one was published; None when nothing is said."""
        if "buildRetention" not in self.content:
            return None
        found = policy.read(Fields(self.content["buildRetention"], "buildRetention"))
        return found if found.limits else None


def normalised(data: bytes, by: str, mask: Mask | None = None) -> Document:
    """The build-info that a publisher sends; Invalid lists what is wrong. `by` is the account that publishes.

    `mask` changes each text: it hides what the publisher knows and others must not read.
    """
    fields = Fields.of(parsed(data))
    if mask is not None:
        identity = {key: value for key, value in fields.values.items() if key in _IDENTITY}
        fields = Fields(masked(fields.values, mask) | identity)
    _check(fields)
    fields.finish()
    content = fields.values
    content["version"] = content.get("version", VERSION)
    content["durationMillis"] = fields.whole("durationMillis", 0)
    content["artifactoryPrincipal"] = content.get("artifactoryPrincipal") or by
    if "properties" in content:
        content["properties"] = strings(content["properties"])
    for ours, theirs in (("vcsRevision", "revision"), ("vcsUrl", "url")):
        if content.get("vcs") and ours not in content and (said := content["vcs"][0].get(theirs)):
            content[ours] = said
    return of_content(content)


def of_content(content: dict[str, Any]) -> Document:
    """The build-info of JSON that is complete."""
    started = times.parse(content["started"], "started")
    return Document(
        content,
        content["name"],
        content["number"],
        started,
        content["started"],
        tuple(content.get("statuses", ())),
        _entries(content),
    )


def loaded(data: bytes) -> dict[str, Any]:
    """The JSON of a file of a run."""
    content: dict[str, Any] = orjson.loads(data)
    return content


def modules_of(data: bytes, mask: Mask | None = None) -> list[dict[str, Any]]:
    """The modules of a request that appends them: a list, or one; Invalid. `mask` see `normalised`."""
    value = parsed(data)
    if mask is not None:
        value = masked(value, mask)
    if not isinstance(value, (list, dict)):
        words = "the body must be a list of modules, or one module"
        raise Invalid.of([Problem("", "wrong_type", words)])
    fields = Fields({"modules": value if isinstance(value, list) else [value]})
    _check_modules(fields)
    for module in fields.objects("modules"):
        if not module.text("id").strip():
            module.wrong("id", "missing_field", "is missing or blank; a module that is appended needs it")
    fields.finish()
    found: list[dict[str, Any]] = fields.values["modules"]
    return found


def append(content: dict[str, Any], modules: list[dict[str, Any]]) -> None:
    """Add modules to the JSON of a run. To a module that is there, what is new is added (contract artifactory-build
    4.5). TooLarge when the run would have more than a build-info may have."""
    known = {module["id"]: module for module in reversed(content.setdefault("modules", []))}
    for module in modules:
        if (old := known.get(module["id"])) is None:
            content["modules"].append(module)
            known[module["id"]] = module
            continue
        for field, key in (("artifacts", "name"), ("dependencies", "id")):
            there = {(entry[key], entry["sha1"]) for entry in old.get(field, ())}
            more = [entry for entry in module.get(field, ()) if (entry[key], entry["sha1"]) not in there]
            if more:
                old[field] = [*old.get(field, ()), *more]
    _check_size(content)


def _check_size(content: Mapping[str, Any]) -> None:
    modules = content["modules"]
    entries = sum(len(module.get(field, ())) for module in modules for field in ("artifacts", "dependencies"))
    if len(modules) > MODULES or entries > ENTRIES:
        words = f"modules: the run would have {len(modules)} modules, and {entries} artifacts and dependencies"
        raise TooLarge(f"{words}; at most {MODULES} and {ENTRIES} are kept")


def complete(artifact: dict[str, Any], path: str, sums: Sums) -> None:
    """Give the JSON of an artifact the path and the checksums that it lacks."""
    for field, value in (("path", path), ("sha1", sums.sha1), ("sha256", sums.sha256), ("md5", sums.md5)):
        artifact[field] = artifact[field] or value


def artifacts_of(content: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The JSON of the artifacts, each after the id of its module, in the order of the entries."""
    for module in content.get("modules", ()):
        for artifact in module["artifacts"]:
            yield module["id"], artifact


def _check(fields: Fields) -> None:
    """Check a whole build-info, and complete what each of its parts must have."""
    content = fields.values
    content["name"], content["number"] = fields.text("name"), fields.number_text("number")
    known = {problem.field for problem in fields.problems}
    wrong = names.check(content["name"], content["number"])
    fields.problems.extend(problem for problem in wrong if problem.field not in known)
    _check_started(fields)
    _check_texts(fields, ("version", *_TEXTS))
    for field in (*_OBJECTS, "properties", "buildRetention"):
        if field in content:
            fields.map(field)
    fields.whole("durationMillis", 0)
    for vcs in fields.objects("vcs"):
        for field in ("revision", "url", "branch", "message"):
            vcs.text(field)
    fields.list("buildDependencies")
    if "modules" in content:
        _check_modules(fields)
    for status in fields.objects("statuses"):
        _check_status(status)
    if isinstance(content.get("buildRetention"), dict):
        policy.read(Fields(content["buildRetention"], "buildRetention", fields.problems))


def _check_started(fields: Fields) -> None:
    text = fields.text("started")
    if "started" not in fields.values or (isinstance(fields.values["started"], str) and not text.strip()):
        fields.wrong("started", "missing_field", "is missing or blank; a build-info needs the time it began at")
    elif text:
        at = fields.checked("started", lambda: times.parse(text, "started"))
        if at is not None:
            fields.values["started"] = times.normalised(text, at)


def _check_status(status: Fields) -> None:
    for field in ("status", "comment", "repository", "user", "ciUser"):
        status.text(field)
    where = status.name("timestamp")
    at = status.values.get("timestamp")
    if isinstance(at, bool) or not isinstance(at, (str, int, type(None))):
        status.wrong("timestamp", "wrong_type", "must be a time")
    elif at not in (None, ""):
        found = status.checked("timestamp", lambda: times.parse_any(at, where))
        if found is not None:
            status.values["timestamp"] = times.normalised(str(at), found)


def _check_modules(fields: Fields) -> None:
    found, count = list(fields.objects("modules")), 0
    if len(found) > MODULES:
        raise TooLarge(f"modules: there are {len(found)}; at most {MODULES} are read")
    for module in found:
        count += _check_module(module)
        if count > ENTRIES:
            raise TooLarge(f"modules: there are more than {ENTRIES} artifacts and dependencies, which is the most")
        if len(fields.problems) >= SHOWN:
            break


def _check_module(module: Fields) -> int:
    """Check a module, and complete it; how many artifacts and dependencies it has."""
    module.values["id"] = module.text("id")
    _check_texts(module, _MODULE_TEXTS)
    if "properties" in module.values:
        module.values["properties"] = strings(module.map("properties"))
    module.list("excludedArtifacts")
    module.values.setdefault("artifacts", [])
    artifacts, dependencies = list(module.objects("artifacts")), list(module.objects("dependencies"))
    for artifact in artifacts:
        _complete_texts(artifact, ("name", "path", *SUMS))
        _check_texts(artifact, ("type", "originalDeploymentRepo"))
    for dependency in dependencies:
        _complete_texts(dependency, ("id", *SUMS))
        _check_texts(dependency, ("type", "repository"))
        dependency.texts("scopes")
        dependency.list("requestedBy")
    return len(artifacts) + len(dependencies)


def _check_texts(fields: Fields, names_of: Sequence[str]) -> None:
    for field in names_of:
        if field in fields.values:
            fields.text(field)


def _complete_texts(fields: Fields, names_of: Sequence[str]) -> None:
    for field in names_of:
        fields.values[field] = fields.text(field)


def _entries(content: Mapping[str, Any]) -> Entries:
    modules = content.get("modules", ())
    return Entries(
        tuple(_artifact(module, artifact) for module, artifact in artifacts_of(content)),
        tuple(_dependency(module["id"], said) for module in modules for said in module.get("dependencies", ())),
        tuple(Part(module["id"], module.get("sha1", "")) for module in modules if module.get("type") == "build"),
    )


def _artifact(module: str, said: Mapping[str, Any]) -> Artifact:
    path, repo = said["path"].strip("/"), said.get("originalDeploymentRepo", "")
    return Artifact(module, said["name"], said.get("type", ""), path, repo, _sums(said))


def _dependency(module: str, said: Mapping[str, Any]) -> Dependency:
    scopes = tuple(str(scope) for scope in said.get("scopes", ()))
    return Dependency(module, said["id"], said.get("type", ""), scopes, said.get("repository", ""), _sums(said))


def _sums(said: Mapping[str, Any]) -> Sums:
    return Sums(said["sha256"].lower(), said["sha1"].lower(), said["md5"].lower())
