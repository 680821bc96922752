"""The SQL of permission targets: who may do what, in which repositories, at which paths."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, get_args

import orjson

from app.artifacts.rights import Section
from app.db.tx import Row, Tx, many, one, run

#: Who is granted something: an account, a group, the steps of a git repository, or everybody.
SubjectKind: TypeAlias = Literal["user", "group", "repo", "anonymous"]
SUBJECTS: tuple[SubjectKind, ...] = get_args(SubjectKind)
#: The name of everybody, which clients use like the name of an account.
ANONYMOUS = "anonymous"

SECTIONS = """
    SELECT permission_targets.name AS target, section, repositories, includes, excludes
    FROM permission_targets JOIN permission_sections ON permission_targets.id = target_id
"""
#: The names of git repositories are read here, with SQL: artifacts know no rooms of builds, and need no more of git
#: repositories than id and name. A subject that was deleted has no name.
GRANTS = """
    SELECT permission_targets.name AS target, section, kind, subject_id, actions,
        CASE kind WHEN 'user' THEN users.login WHEN 'group' THEN groups.name
            WHEN 'repo' THEN repos.namespace || '/' || repos.name ELSE 'anonymous' END AS subject
    FROM permission_targets JOIN grants ON permission_targets.id = target_id
    LEFT JOIN users ON kind = 'user' AND users.id = subject_id
    LEFT JOIN groups ON kind = 'group' AND groups.id = subject_id
    LEFT JOIN repos ON kind = 'repo' AND repos.id = subject_id
"""
#: The environments that a section lets promote to.
ENVIRONMENTS = """
    SELECT permission_targets.name AS target, section, section_environments.name AS name
    FROM permission_targets JOIN section_environments ON permission_targets.id = target_id
"""
NAMED = "WHERE permission_targets.name = :name"
#: What changes a part of a target reads the target after this, so that no other change gets lost.
LOCK = "SELECT id FROM permission_targets WHERE name = :name :exclusive"
PUT = """
    INSERT INTO permission_targets (name, created, updated) VALUES (:name, :now, :now)
    ON CONFLICT (name) DO UPDATE SET updated = :now RETURNING id
"""
ADD_SECTION = """
    INSERT INTO permission_sections (target_id, section, repositories, includes, excludes)
    VALUES (:target_id, :section, :repositories, :includes, :excludes)
"""
ADD_ENVIRONMENTS = """
    INSERT INTO section_environments (target_id, section, name)
    SELECT :target_id, :section, entry.name FROM :rows(entries; name text) AS entry
"""
ADD_GRANTS = """
    INSERT INTO grants (target_id, section, kind, subject_id, actions)
    SELECT :target_id, :section, entry.kind, entry.subject_id, entry.actions
    FROM :rows(entries; kind text, subject_id bigint, actions text) AS entry
"""
REMOVE = "DELETE FROM permission_targets WHERE name = :name RETURNING id"
USERS = "SELECT id, login AS name FROM users WHERE lower(login) IN (SELECT name FROM :rows(names; name text) AS wanted)"
GROUPS = "SELECT id, name FROM groups WHERE name IN (SELECT name FROM :rows(names; name text) AS wanted)"
REPOS = """
    SELECT repos.id AS id, repos.namespace || '/' || repos.name AS name FROM repos
    JOIN :rows(names; namespace text, name text) AS wanted
        ON wanted.namespace = repos.namespace AND wanted.name = repos.name
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody who is granted something."""

    kind: SubjectKind
    id: int
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


EVERYBODY = Subject("anonymous", 0, ANONYMOUS)


@dataclass(frozen=True, slots=True)
class Part:
    """One section of a permission target."""

    repositories: tuple[str, ...]
    includes: tuple[str, ...] = ("**",)
    excludes: tuple[str, ...] = ()
    #: The actions of each subject. Some actions of clients are stored and mean nothing here.
    grants: Mapping[Subject, tuple[str, ...]] = field(default_factory=dict)
    #: Of release bundles, the environments that *promote* is for; without any, all environments.
    environments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """A permission target."""

    name: str
    sections: Mapping[Section, Part] = field(default_factory=dict)

    def facts(self) -> dict[str, dict[str, object]]:
        """What each subject may do, for the record: by `user/ada`."""
        found: dict[str, dict[str, object]] = {}
        for section, part in self.sections.items():
            places = {"repositories": part.repositories, "includes": part.includes, "excludes": part.excludes}
            places["environments"] = part.environments
            for subject, actions in part.grants.items():
                lists = {name: list(values) for name, values in {"actions": actions, **places}.items() if values}
                found.setdefault(str(subject), {})[section] = lists
        return found


def find(name: str) -> Tx[Target | None]:
    """The permission target of a name."""
    sections = yield from many(f"{SECTIONS} {NAMED}", name=name)
    grants = yield from many(f"{GRANTS} {NAMED}", name=name)
    environments = yield from many(f"{ENVIRONMENTS} {NAMED}", name=name)
    return _targets(sections, grants, environments).get(name)


def lock(name: str) -> Tx[Target | None]:
    """The permission target of a name, which nobody else changes until the transaction ends."""
    yield from one(LOCK, name=name)
    return (yield from find(name))


def list_all() -> Tx[list[Target]]:
    """All permission targets, by name."""
    sections = yield from many(SECTIONS)
    grants = yield from many(GRANTS)
    environments = yield from many(ENVIRONMENTS)
    return sorted(_targets(sections, grants, environments).values(), key=lambda target: target.name)


def _targets(sections: Iterable[Row], grants: Iterable[Row], environments: Iterable[Row]) -> dict[str, Target]:
    granted: dict[tuple[str, str], dict[Subject, tuple[str, ...]]] = {}
    for row in grants:
        if row["subject"] is not None:
            subject = Subject(row["kind"], row["subject_id"], row["subject"])
            granted.setdefault((row["target"], row["section"]), {})[subject] = tuple(orjson.loads(row["actions"]))
    reached: dict[tuple[str, str], list[str]] = {}
    for row in environments:
        reached.setdefault((row["target"], row["section"]), []).append(row["name"])
    found: dict[str, dict[Section, Part]] = {}
    for row in sections:
        keys, includes, excludes = (tuple(orjson.loads(row[name])) for name in ("repositories", "includes", "excludes"))
        which = (row["target"], row["section"])
        part = Part(keys, includes, excludes, granted.get(which, {}), tuple(sorted(reached.get(which, ()))))
        found.setdefault(row["target"], {})[row["section"]] = part
    return {name: Target(name, parts) for name, parts in found.items()}


def put(target: Target, now: int) -> Tx[None]:
    """Store a permission target in place of the one of its name; one without sections is removed."""
    if not target.sections:
        yield from remove(target.name)
        return
    row = yield from one(PUT, name=target.name, now=now)
    assert row is not None
    yield from run("DELETE FROM grants WHERE target_id = :id", id=row["id"])
    yield from run("DELETE FROM permission_sections WHERE target_id = :id", id=row["id"])
    yield from run("DELETE FROM section_environments WHERE target_id = :id", id=row["id"])
    for section, part in target.sections.items():
        lists = {name: _json(getattr(part, name)) for name in ("repositories", "includes", "excludes")}
        yield from run(ADD_SECTION, target_id=row["id"], section=section, **lists)
        names = _json([[name] for name in part.environments])
        yield from run(ADD_ENVIRONMENTS, target_id=row["id"], section=section, entries=names)
        entries = [[subject.kind, subject.id, _json(actions)] for subject, actions in part.grants.items()]
        yield from run(ADD_GRANTS, target_id=row["id"], section=section, entries=_json(entries))


def remove(name: str) -> Tx[bool]:
    """Remove a permission target; whether it was there."""
    return (yield from one(REMOVE, name=name)) is not None


def subjects(kind: SubjectKind, names: Sequence[str]) -> Tx[dict[str, Subject]]:
    """The subjects of these names, by the names as they were given; unknown ones are left out."""
    if kind == "anonymous":
        return dict.fromkeys(names, EVERYBODY)
    wanted = {name.lower() if kind == "user" else name: name for name in names if "\0" not in name}
    if kind == "repo":
        rows = yield from many(REPOS, names=_json([name.split("/") for name in wanted if name.count("/") == 1]))
    else:
        rows = yield from many(USERS if kind == "user" else GROUPS, names=_json([[name] for name in wanted]))
    known = {row["name"].lower() if kind == "user" else row["name"]: row for row in rows}
    return {given: Subject(kind, known[key]["id"], known[key]["name"]) for key, given in wanted.items() if key in known}


def forget_repository(key: str, now: int) -> Tx[None]:
    """Take a repository that was deleted out of all permission targets: its name may be given again."""
    for name in [target.name for target in (yield from list_all()) if _names(target, key)]:
        target = yield from lock(name)
        if target is None:
            continue
        parts = {section: _without(part, key) for section, part in target.sections.items()}
        kept = {section: part for section, part in parts.items() if part.repositories}
        yield from put(Target(name, kept), now)


def _names(target: Target, key: str) -> bool:
    return any(key in part.repositories for part in target.sections.values())


def _without(part: Part, key: str) -> Part:
    left = tuple(name for name in part.repositories if name != key)
    return replace(part, repositories=left)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
