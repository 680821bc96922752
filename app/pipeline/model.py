"""The contents of a pipeline file, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from app.pipeline import globs
from app.pipeline.conditions import Conditions
from app.pipeline.problems import Problem
from app.pipeline.uses import Use

#: Targets of a file that are listed before anything is promoted to them.
MOST_DECLARED = 200


@dataclass(frozen=True, slots=True)
class FromSecret:
    """An environment entry whose value is the secret of this name."""

    name: str


@dataclass(frozen=True, slots=True)
class Clone:
    """How a pipeline gets its source; depth 0 is the full history."""

    disable: bool = False
    depth: int = 0
    retries: int = 0
    skip_verify: bool = False
    trace: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One step; steps of pipelines other than `exec` have only a name and a line."""

    name: str
    line: int
    commands: tuple[str, ...] = ()
    environment: Mapping[str, str | FromSecret] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    when: Conditions = field(default_factory=Conditions)
    ignore_failure: bool = False
    #: Whether the step's failure ends the stage at once.
    fail_fast: bool = False
    detach: bool = False
    shell: str = ""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One document of kind pipeline; it becomes a stage of each build whose event matches its trigger."""

    kind: str
    type: str
    #: `default` when the file gives none
    name: str
    #: the line of the file where the document starts, from 1
    line: int
    os: str
    arch: str
    variant: str
    kernel: str
    #: a runner must have exactly these labels to take the stage
    labels: Mapping[str, str]
    #: stages of this name that may run at once; 0 is unlimited
    limit: int
    depends_on: tuple[str, ...]
    trigger: Conditions
    clone: Clone
    steps: tuple[Step, ...]
    #: What its runner would refuse the pipeline for. Such a stage ends as error when it is started; others run.
    faults: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class SecretDocument:
    """A secret in the file: encrypted `data`, or the path and name of the secret in a secret extension.

    A secret with neither has no value: only a step that asks for the secret notices.
    """

    name: str
    line: int
    data: str = field(repr=False)
    get_path: str
    get_name: str


@dataclass(frozen=True, slots=True)
class Config:
    """A whole pipeline file; a file without pipelines starts nothing and is no error."""

    pipelines: tuple[Pipeline, ...] = ()
    secrets: tuple[SecretDocument, ...] = ()
    #: the hmac of the signature document; empty if the document has none
    signature: str | None = None
    #: the names in the include lists of all `trigger.target`, globs as written
    targets: tuple[str, ...] = ()
    #: which steps name which secrets, in the order of the file
    uses: tuple[Use, ...] = ()

    @property
    def declared(self) -> tuple[str, ...]:
        """The targets that the file names whole, in its order: no globs, and MOST_DECLARED at most."""
        named = (one for one in self.targets if one and not globs.is_pattern(one) and "\0" not in one)
        return tuple(islice((one for one in named if len(one) <= globs.MAX_LENGTH), MOST_DECLARED))
