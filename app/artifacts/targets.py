"""Permission targets as clients of Artifactory send and read them, in the second form and in the first.

Both forms were taken from what clients send; no contract describes them.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, NotRequired, TypeAlias, cast

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from app.artifacts.configuration import check_patterns
from app.artifacts.lax import Lax, Storable
from app.artifacts.model import ArtifactRepository, System
from app.artifacts.permissions import ANONYMOUS, EVERYBODY, Part, Subject, SubjectKind, Target
from app.artifacts.repositories import Repositories
from app.artifacts.rights import ANY, ANY_LOCAL, ANY_REMOTE, SECTIONS, Rights, Section, of_versions
from app.errors import Invalid, Problem

#: The actions by their names in the second form; the last two are stored and mean nothing here.
ACTIONS: Mapping[str, str] = {
    "read": "read",
    "annotate": "annotate",
    "write": "deploy",
    "deploy": "deploy",
    "delete": "delete",
    "manage": "manage",
    "promote": "promote",
    "managedXrayMeta": "managedXrayMeta",
    "distribute": "distribute",
}
#: The actions by their letters in the first form; `p` is ours.
LETTERS: Mapping[str, str] = {
    "r": "read",
    "n": "annotate",
    "w": "deploy",
    "d": "delete",
    "m": "manage",
    "p": "promote",
    "mxm": "managedXrayMeta",
    "x": "distribute",
}
_NAMES = {action: name for name, action in ACTIONS.items() if name != "deploy"}
_LETTERS = {action: letter for letter, action in LETTERS.items()}
#: The kind of repository that a section is for, and the names of such repositories, which are made on demand.
SYSTEMS: Mapping[Section, System] = {"repo": "", "build": "buildinfo", "releaseBundle": "bundles"}
_ON_DEMAND = {
    "build": re.compile(r"(artifactory|.+)-build-info"),
    "releaseBundle": re.compile(r"(.+-)?release-bundles-v2"),
}
#: The most characters of the name of a target.
LONGEST_NAME = 255


def _known(names: Mapping[str, str]) -> Any:
    def check(action: str) -> str:
        if action not in names:
            raise ValueError(f"there is no action {action[:100]!r}; say {', '.join(names)}")
        return names[action]

    return AfterValidator(check)


Action: TypeAlias = Annotated[str, _known(ACTIONS)]
Letter: TypeAlias = Annotated[str, _known(LETTERS)]


class Actions(Lax):
    """What accounts and groups may do. `repos` is ours: the steps of git repositories, by their slugs."""

    users: dict[Storable, list[Action]] = Field(default_factory=dict, description="`anonymous` is everybody.")
    groups: dict[Storable, list[Action]] = Field(default_factory=dict)
    repos: dict[Storable, list[Action]] | None = Field(None, description="Those that stand there stay without this.")


class SectionInput(Lax):
    """A part of a permission target."""

    repositories: list[Storable] = Field(default_factory=list)
    includes: list[Storable] = Field(
        default_factory=list, alias="include-patterns", description="Without one: all paths."
    )
    excludes: list[Storable] = Field(default_factory=list, alias="exclude-patterns")
    actions: Actions = Field(default_factory=Actions)
    environments: list[Storable] | None = Field(
        None,
        description="Ours, of `releaseBundle` alone: *promote* is only for these; none = all. Without this, those that"
        " stand there stay.",
    )


class TargetInput(Lax):
    """A permission target. A section that is left out is removed."""

    name: Storable = ""
    repo: SectionInput | None = None
    build: SectionInput | None = None
    release_bundle: SectionInput | None = Field(None, alias="releaseBundle")


class Principals(Lax):
    """What accounts and groups may do, in letters."""

    users: dict[Storable, list[Letter]] = Field(default_factory=dict)
    groups: dict[Storable, list[Letter]] = Field(default_factory=dict)


class FirstTargetInput(Lax):
    """A permission target in the first form, which is for files only. Other sections stay."""

    name: Storable = ""
    includes: Storable = Field("", alias="includesPattern", description="Patterns, separated by commas.")
    excludes: Storable = Field("", alias="excludesPattern", description="Patterns, separated by commas.")
    repositories: list[Storable] = Field(default_factory=list)
    principals: Principals = Field(default_factory=Principals)


class ActionsJSON(TypedDict):
    """What accounts and groups may do, and the steps of git repositories."""

    users: dict[str, list[str]]
    groups: dict[str, list[str]]
    repos: NotRequired[dict[str, list[str]]]


#: The keys have dashes.
SectionJSON = TypedDict(
    "SectionJSON",
    {
        "include-patterns": list[str],
        "exclude-patterns": list[str],
        "repositories": list[str],
        "actions": ActionsJSON,
    },
)


class TargetJSON(TypedDict):
    """A permission target."""

    name: str
    repo: NotRequired[SectionJSON]
    build: NotRequired[SectionJSON]
    releaseBundle: NotRequired[SectionJSON]


class PrincipalsJSON(TypedDict):
    """What accounts and groups may do, in letters."""

    users: dict[str, list[str]]
    groups: dict[str, list[str]]


class FirstTargetJSON(TypedDict):
    """A permission target in the first form: its section for files."""

    name: str
    includesPattern: str
    excludesPattern: str
    repositories: list[str]
    principals: PrincipalsJSON


class ListedTargetJSON(TypedDict):
    """A permission target in a list."""

    name: str
    uri: str


Names: TypeAlias = Mapping[SubjectKind, Sequence[str]]


def sections_of(wanted: TargetInput) -> dict[Section, SectionInput]:
    """The sections that were sent."""
    given = {"repo": wanted.repo, "build": wanted.build, "releaseBundle": wanted.release_bundle}
    return {section: found for section in SECTIONS if (found := given[section]) is not None}


def of_first(wanted: FirstTargetInput) -> SectionInput:
    """The section for files of a target in the first form."""
    actions = Actions.model_construct(users=wanted.principals.users, groups=wanted.principals.groups, repos=None)
    return SectionInput.model_construct(
        repositories=wanted.repositories,
        includes=[pattern.strip() for pattern in wanted.includes.split(",")],
        excludes=[pattern.strip() for pattern in wanted.excludes.split(",")],
        actions=actions,
        environments=None,
    )


def names_in(sections: Mapping[Section, SectionInput]) -> Names:
    """The subjects that are named."""
    actions = [section.actions for section in sections.values()]
    return {
        "user": [name for found in actions for name in found.users if name != ANONYMOUS],
        "group": [name for found in actions for name in found.groups],
        "repo": [name for found in actions for name in found.repos or ()],
    }


_KINDS: Mapping[SubjectKind, str] = {"user": "account", "group": "group", "repo": "git repository"}
Known: TypeAlias = Mapping[SubjectKind, Mapping[str, Subject]]


def environments_in(sections: Mapping[Section, SectionInput]) -> list[str]:
    """The environments that are named."""
    named = [name for section in sections.values() for name in section.environments or () if name]
    return list(dict.fromkeys(named))


def target_of(
    name: str,
    sections: Mapping[Section, SectionInput],
    known: Known,
    repositories: Repositories,
    environments: Collection[str],
    old: Target | None,
) -> Target:
    """The target that was sent; Invalid names everything that is not known."""
    problems = [*_wrong(name, sections), *_unknown_subjects(sections, known)]
    problems.extend(_unknown_environments(sections, environments))
    for section, wanted in sections.items():
        problems.extend(_unknown_repositories(section, wanted.repositories, repositories))
    if problems:
        raise Invalid.of(problems)
    kept = old.sections if old else {}
    return Target(name, {section: _part(found, known, kept.get(section)) for section, found in sections.items()})


def _wrong(name: str, sections: Mapping[Section, SectionInput]) -> Iterator[Problem]:
    if not (0 < len(name) <= LONGEST_NAME and name.isprintable() and name.strip() == name):
        words = f"name: {name[:100]!r} is no name of a target; a name is 1 to {LONGEST_NAME} printable characters"
        yield Problem("name", "bad_name", words)
    if not sections:
        yield Problem("repo", "no_section", f"there is no section; say at least one of {', '.join(SECTIONS)}")
    for section, wanted in sections.items():
        if not wanted.repositories:
            field = f"{section}.repositories"
            yield Problem(field, "no_repositories", f"{field}: name at least one repository, or {ANY}")
        yield from check_patterns(wanted.includes, f"{section}.include-patterns")
        yield from check_patterns(wanted.excludes, f"{section}.exclude-patterns")
        if section == "releaseBundle":
            yield from check_version_patterns(wanted.includes, f"{section}.include-patterns")
            yield from check_version_patterns(wanted.excludes, f"{section}.exclude-patterns")


def check_version_patterns(patterns: Sequence[str], field: str) -> Iterator[Problem]:
    """What is wrong with patterns of versions of release bundles: one that no version matches would limit nothing."""
    if deep := [pattern for pattern in patterns if pattern and not of_versions(pattern)]:
        words = (
            f"{field}: no version matches {deep[0][:100]!r}: a pattern is of NAME/VERSION, with nothing but ** behind"
        )
        yield Problem(field, "bad_pattern", words)


def _unknown_environments(sections: Mapping[Section, SectionInput], known: Collection[str]) -> Iterator[Problem]:
    for section, wanted in sections.items():
        field, named = f"{section}.environments", environments_in({section: wanted})
        if named and section != "releaseBundle":
            words = (
                f"{field}: only promotions of release bundles are limited to environments; say them in releaseBundle"
            )
            yield Problem(field, "wrong_section", words)
        elif missing := [name for name in named if name not in known]:
            words = f"{field}: there is no environment {', '.join(repr(name[:100]) for name in missing[:100])}"
            yield Problem(field, "no_environment", words)


def _unknown_subjects(sections: Mapping[Section, SectionInput], known: Known) -> Iterator[Problem]:
    for kind, names in names_in(sections).items():
        missing = [name for name in dict.fromkeys(names) if name not in known[kind]]
        if missing:
            words = f"{kind}s: there is no {_KINDS[kind]} {', '.join(repr(name[:100]) for name in missing[:100])}"
            yield Problem(f"{kind}s", f"no_{kind}", words)


def _unknown_repositories(section: Section, keys: Sequence[str], known: Repositories) -> Iterator[Problem]:
    unknown = [key for key in keys if not _is_for(section, key, known)]
    if unknown:
        field = f"{section}.repositories"
        words = f"{field}: there is no such artifact repository: {', '.join(unknown)[:1000]}"
        yield Problem(field, "no_repository", words)


def _is_for(section: Section, key: str, known: Repositories) -> bool:
    if key in (ANY, ANY_LOCAL, ANY_REMOTE):
        return True
    if section in _ON_DEMAND and _ON_DEMAND[section].fullmatch(key):
        return True
    return key in known.by_key and known.by_key[key].system == SYSTEMS[section]


def _part(wanted: SectionInput, known: Known, old: Part | None) -> Part:
    given: dict[Subject, Sequence[str]] = {}
    actions = wanted.actions
    for name, found in actions.users.items():
        given[EVERYBODY if name == ANONYMOUS else known["user"][name]] = found
    given |= {known["group"][name]: found for name, found in actions.groups.items()}
    given |= {known["repo"][name]: found for name, found in (actions.repos or {}).items()}
    if actions.repos is None and old is not None:  # clients that know nothing of git repositories leave them
        given |= {subject: found for subject, found in old.grants.items() if subject.kind == "repo"}
    grants = {subject: ordered(found) for subject, found in given.items() if found}
    environments = tuple(name for name in wanted.environments or () if name)
    if wanted.environments is None and old is not None:  # nor do clients know of environments here
        environments = old.environments
    includes = tuple(filter(None, wanted.includes)) or ("**",)
    return Part(
        tuple(dict.fromkeys(wanted.repositories)),
        includes,
        tuple(filter(None, wanted.excludes)),
        grants,
        tuple(sorted(set(environments))),
    )


def ordered(actions: Sequence[str]) -> tuple[str, ...]:
    """Actions in one order, each once."""
    return tuple(action for action in _NAMES if action in actions)


def may_manage(rights: Rights, target: Target, known: Repositories) -> bool:
    """Whether a caller may make, change and remove a target: may manage all of every repository that it names.

    One that names all repositories, or none, is for administrators.
    """
    if rights.everything:
        return "manage" in rights.allowed
    named = [
        known.by_key.get(key) or ArtifactRepository(0, key, system=SYSTEMS[section])
        for section, part in target.sections.items()
        for key in part.repositories
    ]
    anywhere = {repo.key for repo in named} & {ANY, ANY_LOCAL, ANY_REMOTE}
    return bool(named) and not anywhere and all(rights.wholly("manage", repo) for repo in named)


def shown(target: Target) -> TargetJSON:
    """A target in the second form."""
    found: dict[str, Any] = {"name": target.name}
    for section, part in target.sections.items():
        actions = ActionsJSON(users=_users(part, _NAMES), groups=_of(part, "group", _NAMES))
        if repos := _of(part, "repo", _NAMES):
            actions["repos"] = repos
        found[section] = {
            "include-patterns": list(part.includes),
            "exclude-patterns": list(part.excludes),
            "repositories": list(part.repositories),
            "actions": actions,
        }
        if part.environments:
            found[section]["environments"] = list(part.environments)
    return cast("TargetJSON", found)


def shown_first(target: Target) -> FirstTargetJSON:
    """A target in the first form."""
    part = target.sections.get("repo", Part((), ()))
    return FirstTargetJSON(
        name=target.name,
        includesPattern=",".join(part.includes),
        excludesPattern=",".join(part.excludes),
        repositories=list(part.repositories),
        principals=PrincipalsJSON(users=_users(part, _LETTERS), groups=_of(part, "group", _LETTERS)),
    )


def _users(part: Part, names: Mapping[str, str]) -> dict[str, list[str]]:
    return {**_of(part, "user", names), **_of(part, "anonymous", names)}


def _of(part: Part, kind: SubjectKind, names: Mapping[str, str]) -> dict[str, list[str]]:
    granted = sorted(part.grants.items(), key=lambda grant: grant[0].name)
    return {who.name: [names[action] for action in actions] for who, actions in granted if who.kind == kind}
