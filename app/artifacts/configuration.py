"""The configuration of artifact repositories, as clients send it and read it (contract artifactory-storage 8)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired, cast

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from app.artifacts import environments
from app.artifacts.lax import Lax, Storable
from app.artifacts.model import ArtifactRepository, Kind
from app.artifacts.repositories import Repositories
from app.errors import Invalid, Problem
from app.evolve import evolve
from app.names import is_name, rule

#: The most characters of a key.
LONGEST_KEY = 64
#: First words of paths that are no repositories, and names that stand for all repositories.
RESERVED = frozenset({"api", "list", "ui", "v1", "v2", "webapp", "any"})
#: The most patterns of paths in one list, and the most characters of one pattern.
PATTERNS, LONGEST_PATTERN = 200, 1000
#: What clients call a kind.
KINDS: Mapping[str, Kind] = {"local": "local", "federated": "local", "virtual": "virtual"}
#: The forms of package types in lists that are not just the word with a capital letter.
_DISPLAYED = {
    **{
        name.lower(): name for name in ("BuildInfo", "CocoaPods", "CRAN", "GitLfs", "HelmOCI", "HuggingFaceML", "NuGet")
    },
    **{name.lower(): name for name in ("OCI", "P2", "ReleaseBundles", "RPM", "SBT", "TerraformBackend", "VCS")},
}


class Configuration(Lax):
    """What a repository shall be. Fields that are not named here are stored and given back."""

    key: Storable = Field("", description="The name of the repository; the same as in the path.")
    rclass: Storable = Field("", description="`local` or `virtual`; `federated` is the same as `local`.")
    package_type: Storable = Field("", alias="packageType", description="Any word; without it `generic`.")
    project: Storable | None = Field(None, alias="projectKey", description="The key of a project.")
    description: Storable | None = None
    notes: Storable | None = None
    includes: Storable | None = Field(None, alias="includesPattern", description="Patterns, separated by commas.")
    excludes: Storable | None = Field(None, alias="excludesPattern", description="Patterns, separated by commas.")
    layout: Storable | None = Field(None, alias="repoLayoutRef", description="Stored, and means nothing here.")
    environments: list[Storable] | None = Field(None, description="Unknown environments are added.")
    immutable: bool | None = Field(None, description="Whether a path keeps the first bytes that were put there.")
    repositories: list[Storable] | None = Field(None, description="Of a virtual repository: in the order of search.")
    deploy_to: Storable | None = Field(
        None, alias="defaultDeploymentRepo", description="Of a virtual repository: the local one that files go to."
    )


@with_config(ConfigDict(extra="allow"))
class RepositoryJSON(TypedDict):
    """A repository, with every other field that was sent."""

    key: str
    rclass: str
    packageType: str
    projectKey: str
    description: str
    notes: str
    includesPattern: str
    excludesPattern: str
    repoLayoutRef: str
    environments: list[str]
    immutable: bool
    repositories: NotRequired[list[str]]
    defaultDeploymentRepo: NotRequired[str]


class ListedJSON(TypedDict):
    """A repository in a list. `type` is in capital letters."""

    key: str
    type: str
    description: str
    url: str
    packageType: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a repository shall be, and the repositories that a virtual one shall stand for."""

    repo: ArtifactRepository
    members: tuple[int, ...] = ()


def check_key(key: str) -> Iterator[Problem]:
    """What is wrong with the key of a new repository."""
    if not is_name(key, LONGEST_KEY):
        yield Problem("key", "bad_key", f"key: {key[:100]!r} is no key; a key is {rule(LONGEST_KEY)}")
    elif key.lower() in RESERVED:
        yield Problem("key", "reserved_key", f"key: {key} is reserved for the server; choose another key")
    elif re.fullmatch(r"(artifactory|.+)-build-info|(.+-)?release-bundles-v2", key):
        words = f"key: {key} is the name of a repository that the server makes itself; choose another key"
        yield Problem("key", "reserved_key", words)


def created(key: str, wanted: Configuration, known: Repositories, now_ms: int) -> Wanted:
    """A new repository; Invalid names every problem."""
    problems = list(check_key(key))
    if key in known.by_key:
        words = f"key: there is a repository {key} already; choose another key, or send POST to change that one"
        problems.append(Problem("key", "key_taken", words))
    if not wanted.rclass:
        problems.append(Problem("rclass", "missing_rclass", "rclass is missing: say local or virtual"))
    kind = KINDS.get(wanted.rclass.lower(), "local")
    repo = ArtifactRepository(0, key, kind, _package(wanted.package_type) or "generic", created=now_ms, updated=now_ms)
    return _changed(repo, (), wanted, known, problems, now_ms)


def updated(repo: ArtifactRepository, wanted: Configuration, known: Repositories, now_ms: int) -> Wanted:
    """A repository with the fields changed that were sent; Invalid names every problem."""
    problems = list[Problem]()
    if wanted.rclass and KINDS.get(wanted.rclass.lower(), repo.kind) != repo.kind:
        words = f"rclass: {repo.key} is {repo.kind}, which cannot change; make another repository"
        problems.append(Problem("rclass", "fixed", words))
    if (package := _package(wanted.package_type)) and package != repo.package_type:
        words = (
            f"packageType: {repo.key} has the type {repo.package_type}, which cannot change; make another repository"
        )
        problems.append(Problem("packageType", "fixed", words))
    return _changed(repo, known.members.get(repo.id, ()), wanted, known, problems, now_ms)


def _changed(
    repo: ArtifactRepository,
    members: tuple[int, ...],
    wanted: Configuration,
    known: Repositories,
    problems: list[Problem],
    now_ms: int,
) -> Wanted:
    settings = dict(wanted.model_extra or {})
    problems.extend(_wrong(repo.key, wanted))
    if repo.kind == "virtual":
        if wanted.repositories is not None:
            members = tuple(_ids(wanted.repositories, known, problems))
        repo = _deploying(repo, wanted, members, known, problems)
    else:
        given = {"repositories": wanted.repositories, "defaultDeploymentRepo": wanted.deploy_to}
        settings |= {name: value for name, value in given.items() if value is not None}
    if problems:
        raise Invalid.of(problems)
    texts = ("project", "description", "notes", "includes", "excludes", "layout", "immutable")
    said = {name: value for name in texts if (value := getattr(wanted, name)) is not None}
    if said.get("includes") == "":
        said["includes"] = "**/*"
    if wanted.environments is not None:
        said["environments"] = tuple(dict.fromkeys(wanted.environments))
    if "downloadRedirect" in settings:  # the bytes always come from this server
        settings["downloadRedirect"] = False
    return Wanted(evolve(repo, **said, settings={**repo.settings, **settings}, updated=now_ms), members)


def _wrong(key: str, wanted: Configuration) -> Iterator[Problem]:
    """What is wrong with single fields."""
    if wanted.key and wanted.key != key:
        yield Problem("key", "other_key", f"key: the body says {wanted.key[:100]!r}, and the path says {key!r}")
    if wanted.rclass.lower() == "remote":
        words = (
            "rclass: remote repositories are not supported, as nothing is fetched from elsewhere; say local or virtual"
        )
        yield Problem("rclass", "remote_refused", words)
    elif wanted.rclass and wanted.rclass.lower() not in KINDS:
        yield Problem("rclass", "bad_rclass", f"rclass: say local or virtual, not {wanted.rclass[:100]!r}")
    if wanted.package_type and not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", wanted.package_type):
        words = "packageType: a type is 1 to 64 of letters, digits, dot, dash, underscore"
        yield Problem("packageType", "bad_package_type", words)
    if wanted.project and not is_name(wanted.project, environments.LONGEST):
        words = f"projectKey: a key of a project is {rule(environments.LONGEST)}"
        yield Problem("projectKey", "bad_project", words)
    for name in wanted.environments or ():
        yield from environments.check(name, "environments")
    yield from check_patterns((wanted.includes or "").split(","), "includesPattern")
    yield from check_patterns((wanted.excludes or "").split(","), "excludesPattern")


def check_patterns(patterns: Sequence[str], field: str) -> Iterator[Problem]:
    """What is wrong with a list of patterns of paths."""
    if len(patterns) > PATTERNS:
        words = f"{field}: there are {len(patterns)} patterns; at most {PATTERNS} are allowed"
        yield Problem(field, "too_many_patterns", words)
    if any(len(pattern) > LONGEST_PATTERN for pattern in patterns):
        words = f"{field}: a pattern has more than {LONGEST_PATTERN} characters"
        yield Problem(field, "pattern_too_long", words)


def _ids(keys: Sequence[str], known: Repositories, problems: list[Problem]) -> Iterator[int]:
    unknown = [key for key in keys if key not in known.by_key]
    if unknown:
        words = f"repositories: there is no artifact repository {', '.join(unknown)[:1000]}"
        problems.append(Problem("repositories", "no_repository", words))
    return (known.by_key[key].id for key in dict.fromkeys(keys) if key in known.by_key)


def _deploying(
    repo: ArtifactRepository,
    wanted: Configuration,
    members: Sequence[int],
    known: Repositories,
    problems: list[Problem],
) -> ArtifactRepository:
    """A virtual repository whose files go where they shall; nowhere when the member was left out."""
    if not wanted.deploy_to:
        kept = repo.deploy_to if wanted.deploy_to is None and repo.deploy_to in members else 0
        return evolve(repo, deploy_to=kept)
    target = known.by_key.get(wanted.deploy_to)
    if target is None or target.kind != "local" or target.id not in members:
        words = (
            f"defaultDeploymentRepo: {wanted.deploy_to[:100]} is no local repository among `repositories`; add it there"
        )
        problems.append(Problem("defaultDeploymentRepo", "not_a_member", words))
        return repo
    return evolve(repo, deploy_to=target.id)


def _package(name: str) -> str:
    """The package type as it is stored."""
    return {"yum": "rpm"}.get(name.lower(), name.lower())


def displayed(package_type: str) -> str:
    """The package type as lists show it."""
    return _DISPLAYED.get(package_type, package_type.capitalize())


def listed(repo: ArtifactRepository, public_url: str) -> ListedJSON:
    """A repository in a list."""
    return ListedJSON(
        key=repo.key,
        type=repo.kind.upper(),
        description=repo.description,
        url=f"{public_url}/artifactory/{repo.key}",
        packageType=displayed(repo.package_type),
    )


def shown(repo: ArtifactRepository, members: Sequence[str], deploy_to: str) -> RepositoryJSON:
    """A repository with all its fields."""
    known = RepositoryJSON(
        key=repo.key,
        rclass=repo.kind,
        packageType=repo.package_type,
        projectKey=repo.project,
        description=repo.description,
        notes=repo.notes,
        includesPattern=repo.includes,
        excludesPattern=repo.excludes,
        repoLayoutRef=repo.layout,
        environments=list(repo.environments),
        immutable=repo.immutable,
    )
    if repo.kind == "virtual":
        known["repositories"] = list(members)
        known["defaultDeploymentRepo"] = deploy_to
        known = cast(
            "RepositoryJSON", {"artifactoryRequestsCanRetrieveRemoteArtifacts": False, **repo.settings, **known}
        )
    return cast("RepositoryJSON", {**repo.settings, **known})
