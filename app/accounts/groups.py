"""The SQL of groups of accounts: a group is granted rights like an account."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from app.accounts.model import User
from app.db import holdings
from app.db.columns import insert_sql
from app.db.mapper import Codec, Mapper
from app.db.tx import Tx, many, one, run
from app.errors import Invalid, NotFound, Problem

ALL = "SELECT * FROM groups ORDER BY name"
BY_NAME = "SELECT * FROM groups WHERE name = :name"
PUT = insert_sql(
    holdings.groups,
    """
    ON CONFLICT (name) DO UPDATE SET description = excluded.description, auto_join = excluded.auto_join,
        settings = excluded.settings RETURNING *
    """,
)
DELETE = "DELETE FROM groups WHERE id = :id"
FORGET_GRANTS = "DELETE FROM grants WHERE kind = 'group' AND subject_id = :id"
MEMBERS = """
    SELECT login FROM group_members JOIN users ON users.id = group_members.user_id
    WHERE group_id = :id ORDER BY lower(login)
"""
OF_USER = """
    SELECT groups.* FROM group_members JOIN groups ON groups.id = group_members.group_id
    WHERE user_id = :user_id ORDER BY name
"""
LEAVE = "DELETE FROM group_members WHERE group_id = :id"
LEAVE_ALL = "DELETE FROM group_members WHERE user_id = :user_id"
JOIN = """
    INSERT INTO group_members (group_id, user_id)
    SELECT entry.group_id, entry.user_id FROM :rows(entries; group_id bigint, user_id bigint) AS entry
    WHERE TRUE ON CONFLICT DO NOTHING
"""
JOIN_AUTO = """
    INSERT INTO group_members (group_id, user_id) SELECT id, :user_id FROM groups
    WHERE auto_join ON CONFLICT DO NOTHING
"""
BY_NAMES = "SELECT id, name FROM groups WHERE name IN (SELECT name FROM :rows(names; name text) AS asked)"
BY_LOGINS = """
    SELECT users.id, asked.login AS asked FROM :rows(logins; login text) AS asked
    LEFT JOIN users ON lower(users.login) = lower(asked.login)
"""


@dataclass(frozen=True)
class Group:
    """A group of accounts. New accounts join a group with `auto_join`; `settings` are given back as they came."""

    id: int
    name: str
    description: str = ""
    auto_join: bool = False
    settings: dict[str, Any] = field(default_factory=dict)


_SETTINGS: Codec = (lambda value: orjson.dumps(value).decode(), orjson.loads)
_MAPPER = Mapper(Group, holdings.groups, codecs={"settings": _SETTINGS})


def list_all() -> Tx[list[Group]]:
    """All groups, by name."""
    return [_MAPPER.make(row) for row in (yield from many(ALL))]


def find_if_any(name: str) -> Tx[Group | None]:
    """The group of a name; None without one."""
    row = yield from one(BY_NAME, name=name)
    return _MAPPER.make(row) if row is not None else None


def find(name: str) -> Tx[Group]:
    """The group of a name; NotFound."""
    group = yield from find_if_any(name)
    if group is None:
        raise NotFound(f"group {name} not found")
    return group


def put(group: Group, logins: Sequence[str] | None) -> Tx[Group]:
    """Add a group, or replace the group of the same name; with `logins` these are its members. Invalid names every
    login that is not known."""
    row = yield from one(PUT, **_MAPPER.values(group))
    assert row is not None
    made = _MAPPER.make(row)
    if logins is not None:
        yield from run(LEAVE, id=made.id)
        user_ids = yield from _ids(logins)
        yield from run(JOIN, entries=orjson.dumps([[made.id, user_id] for user_id in user_ids]).decode())
    return made


def _ids(logins: Sequence[str]) -> Tx[list[int]]:
    rows = yield from many(BY_LOGINS, logins=_column(logins))
    problems = [
        Problem("userNames", "unknown_user", f"userNames: there is no account {row['asked'][:100]}")
        for row in rows
        if row["id"] is None
    ]
    if problems:
        raise Invalid.of(problems)
    return [row["id"] for row in rows]


def delete(name: str) -> Tx[Group]:
    """Remove a group, with what it was granted. NotFound."""
    group = yield from find(name)
    yield from run(FORGET_GRANTS, id=group.id)
    yield from run(DELETE, id=group.id)
    return group


def members(group: Group) -> Tx[list[str]]:
    """The logins of the members."""
    return [row["login"] for row in (yield from many(MEMBERS, id=group.id))]


def of_user(user_id: int) -> Tx[list[Group]]:
    """The groups of an account, by name."""
    return [_MAPPER.make(row) for row in (yield from many(OF_USER, user_id=user_id))]


def set_of_user(user: User, names: Sequence[str]) -> Tx[None]:
    """Make an account a member of these groups and of no others. Invalid names every group that is not known."""
    rows = yield from many(BY_NAMES, names=_column(names))
    known = {row["name"] for row in rows}
    problems = [
        Problem("groups", "unknown_group", f"groups: there is no group {name[:100]}")
        for name in names
        if name not in known
    ]
    if problems:
        raise Invalid.of(problems)
    yield from run(LEAVE_ALL, user_id=user.id)
    yield from run(JOIN, entries=orjson.dumps([[row["id"], user.id] for row in rows]).decode())


def join_auto(user: User) -> Tx[None]:
    """Make a new account a member of the groups that new accounts join."""
    yield from run(JOIN_AUTO, user_id=user.id)


def _column(values: Sequence[str]) -> str:
    return orjson.dumps([[value] for value in values]).decode()
