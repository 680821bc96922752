"""Parses a pipeline file (`.drone.yml`): its text gives a Config, or an error that lists every problem."""

from dataclasses import dataclass, field

from app.pipeline import containers, lint, source
from app.pipeline.conditions import Conditions
from app.pipeline.fields import Fields
from app.pipeline.model import Clone, Config, FromSecret, Pipeline, SecretDocument, Step
from app.pipeline.nodes import Mapping, Scalar
from app.pipeline.problems import BadPipeline, Problem, quoted
from app.pipeline.uses import MOST, Use, uses
from app.pipeline.values import Values

__all__ = [
    "BadPipeline",
    "Clone",
    "Config",
    "FromSecret",
    "Pipeline",
    "Problem",
    "SecretDocument",
    "Step",
    "parse",
]

DEFAULT_NAME = "default"
#: Kinds of documents that are reserved or from older versions; such documents are skipped (contract drone-yaml 3).
IGNORED = frozenset({"approval", "deployment", "registry", "cron"})
CONDITIONS = tuple(Conditions.__dataclass_fields__)


def parse(text: str, values: Values | None = None) -> Config:
    """The Config of a file; an empty file gives a Config without pipelines. Raises BadPipeline.

    `values` are put in the place of their marks in the text, but for the commands of steps, which keep the marks.
    """
    documents, problems = source.load(text)
    if values is not None:
        documents = [values.fill(document) for document in documents]
    file = _File(problems, complete=not problems)
    for document in documents:
        file.read(document)
    problems.extend(lint.pipelines(file.pipelines, complete=file.complete))
    if problems:
        raise BadPipeline(problems)
    return file.config()


@dataclass(slots=True)
class _File:
    """The documents and problems that have been read so far."""

    problems: list[Problem]
    #: Whether the name of every pipeline is known.
    complete: bool
    pipelines: list[Pipeline] = field(default_factory=list)
    secrets: list[SecretDocument] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    signature: str | None = None

    def read(self, document: Mapping) -> None:
        fields = Fields(document, self.problems)
        match "" if fields.blank("kind") else fields.text("kind"):
            case "pipeline":
                self._pipeline(fields)
            case "secret":
                self._secret(fields)
            case "signature":
                self._signature(fields)
            case kind if kind not in IGNORED:
                self._no_kind(fields, kind)

    def config(self) -> Config:
        found = tuple(self.uses[:MOST])
        return Config(tuple(self.pipelines), tuple(self.secrets), self.signature, _targets(self.pipelines), found)

    def _pipeline(self, fields: Fields) -> None:
        pipeline = _pipeline(fields)
        self.uses.extend(uses(fields.node, pipeline.name))
        if isinstance(fields.get("name"), Scalar | None):
            self.pipelines.append(pipeline)
        else:
            self.complete = False
        if pipeline.type == "exec":
            self.problems.extend(lint.exec_steps(pipeline))
        elif pipeline.type == "docker":
            self.problems.extend(containers.platform(fields, pipeline.os, pipeline.arch))

    def _secret(self, fields: Fields) -> None:
        get = fields.section("get")
        secret = SecretDocument(
            name=fields.text("name"),
            line=fields.line,
            data=fields.text("data"),
            get_path=get.text("path"),
            get_name=get.text("name"),
        )
        self.secrets.append(secret)

    def _signature(self, fields: Fields) -> None:
        self.signature = fields.text("hmac")

    def _no_kind(self, fields: Fields, kind: str) -> None:
        self.complete = False
        known = "pipeline, secret and signature"
        if kind == "template":
            detail = (
                "it must begin a YAML file, with `kind: template` on a line of its own, and no template may make one"
            )
            self._problem(fields, "template: not the first document", detail)
        elif kind:
            detail = f"{quoted(kind)} is not known; there are {known}"
            self._problem(fields, "yaml: unknown kind attribute", detail)
        elif fields.blank("kind"):
            detail = f"a document begins with its kind: {known}"
            self._problem(fields, "yaml: missing kind attribute", detail)

    def _problem(self, fields: Fields, rule: str, detail: str) -> None:
        self.problems.append(Problem(fields.line, rule, detail))


def _targets(pipelines: list[Pipeline]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for p in pipelines for name in p.trigger.target.include))


def _pipeline(fields: Fields) -> Pipeline:
    platform = fields.section("platform")
    type_ = fields.text("type") or "docker"
    clone = _clone(fields.section("clone"))
    return Pipeline(
        kind="pipeline",
        type=type_,
        name=fields.text("name") or DEFAULT_NAME,
        line=fields.line,
        os=platform.text("os") or "linux",
        arch=platform.text("arch") or "amd64",
        variant=platform.text("variant"),
        kernel=platform.text("version"),
        labels=fields.table("node"),
        limit=fields.section("concurrency").number("limit"),
        # A pipeline without a name is named default; an empty name in depends_on means that pipeline.
        depends_on=tuple(name or DEFAULT_NAME for name in fields.texts("depends_on")),
        trigger=_conditions(fields.section("trigger")),
        clone=clone,
        steps=_exec_steps(fields) if type_ == "exec" else containers.steps(fields),
        faults=containers.body(fields.node, clone) if type_ == "docker" else (),
    )


def _clone(fields: Fields) -> Clone:
    return Clone(
        disable=fields.flag("disable"),
        depth=fields.number("depth"),
        retries=fields.number("retries"),
        skip_verify=fields.flag("skip_verify"),
        trace=fields.flag("trace"),
    )


def _conditions(fields: Fields) -> Conditions:
    return Conditions(**{key: fields.condition(key) for key in CONDITIONS})


def _exec_steps(fields: Fields) -> tuple[Step, ...]:
    return tuple(_exec_step(section) for section in fields.sections("steps"))


def _exec_step(fields: Fields) -> Step:
    if not fields.blank("image"):
        detail = f"{fields.place('image')} is set; remove it, or use type: docker"
        rule = "Linter: images are not allowed in exec pipelines"
        fields.problems.append(Problem(fields.line, rule, detail))
    failure = fields.text("failure").lower()
    return Step(
        name=fields.text("name"),
        line=fields.line,
        commands=fields.texts("commands"),
        environment=_environment(fields.section("environment")),
        depends_on=fields.texts("depends_on"),
        when=_conditions(fields.section("when")),
        ignore_failure=failure == "ignore",
        fail_fast=failure in ("fast", "fail-fast"),
        detach=fields.flag("detach"),
        shell=fields.text("shell"),
    )


def _environment(fields: Fields) -> dict[str, str | FromSecret]:
    return {name: _variable(fields, name) for name in fields}


def _variable(fields: Fields, name: str) -> str | FromSecret:
    if not name or "=" in name:
        detail = f"{fields.place(quoted(name))} cannot name a variable"
        fields.problems.append(Problem(fields.line, "yaml: wrong variable name", detail))
    node = fields.node.values[name]
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Mapping) and not (entry := fields.section(name)).blank("from_secret"):
        return FromSecret(entry.text("from_secret"))
    fields.wrong(node, fields.place(name), "text or {from_secret: name}")
    return ""
