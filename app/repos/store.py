"""The SQL of repositories and rights."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from app.accounts.model import User
from app.db import schema
from app.db.mapper import NAMES, Mapper
from app.db.tx import Row, Tx, each, many, one, rows_of, run
from app.db.window import Part, Window
from app.errors import Conflict, NotFound
from app.repos import aged
from app.repos.model import Permissions, Repo

BY_SLUG = "SELECT * FROM repos WHERE namespace = :namespace AND name = :name"
#: Repositories of a name, in any letter case, that an account may read.
NAMED = f"""
    SELECT repos.* FROM repos WHERE lower(name) = lower(:name) AND (
        :everywhere OR visibility <> 'private' OR EXISTS (
            SELECT 1 FROM permissions WHERE permissions.user_id = :user_id
                AND permissions.repo_id = repos.id AND permissions.can_read AND {aged.COUNTS}
        )
    ) ORDER BY namespace, id LIMIT :limit
"""  # noqa: S608 - SQL of ours
BY_UID = "SELECT * FROM repos WHERE scm = :host AND scm <> '' AND uid = :uid"
BY_ID = "SELECT * FROM repos WHERE id = :id"
ALL = "SELECT * FROM repos ORDER BY namespace, name LIMIT :limit OFFSET :offset"
ALL_AFTER = "SELECT * FROM repos WHERE (namespace, name) > (:namespace, :name) ORDER BY namespace, name LIMIT :limit"
ALL_BEFORE = """
    SELECT * FROM repos WHERE (namespace, name) < (:namespace, :name) ORDER BY namespace DESC, name DESC LIMIT :limit
"""
AFTER = "SELECT * FROM repos WHERE id > :id ORDER BY id LIMIT :limit"
#: A newest build that was purged does not count.
USED_SINCE = """
    SELECT repos.id AS id FROM repos LEFT JOIN builds ON builds.repo_id = repos.id AND builds.number = repos.counter
    WHERE repos.created >= :since OR builds.created >= :since
"""
OF_USER = f"""
    SELECT repos.* FROM permissions JOIN repos ON repos.id = permissions.repo_id
    WHERE permissions.user_id = :user_id AND permissions.can_read AND {aged.LISTED} ORDER BY namespace, name
"""  # noqa: S608 - SQL of ours
#: The condition, as SQL, that somebody may read a repository; its values are those of `reader`.
MAY_READ = f"""(
        :everywhere OR repos.visibility = 'public' OR (:known AND repos.visibility = 'internal') OR EXISTS (
            SELECT 1 FROM permissions WHERE permissions.user_id = :user_id
                AND permissions.repo_id = repos.id AND permissions.can_read AND {aged.COUNTS}
        )
    )"""  # noqa: S608 - SQL of ours
_READABLE = f"SELECT repos.* FROM repos WHERE {MAY_READ}"  # noqa: S608 - SQL of ours
READABLE = f"""
    {_READABLE} AND (namespace, name) > (:namespace, :name) ORDER BY namespace, name LIMIT :limit OFFSET :offset
"""
READABLE_BEFORE = f"""
    {_READABLE} AND (namespace, name) < (:namespace, :name) ORDER BY namespace DESC, name DESC LIMIT :limit
"""
CREATE = schema.insert_sql(schema.repos, "ON CONFLICT DO NOTHING RETURNING id")
#: Read after the new row was inserted, so that it sees the row that the deletion of the slug's last repository wrote.
LAST_NUMBER = "SELECT counter FROM retired WHERE namespace = :namespace AND name = :name"
RESUME = "UPDATE repos SET counter = :counter, unbroken_from = :next WHERE id = :id RETURNING *"
PERMISSIONS = """
    SELECT can_read, can_write, can_admin FROM permissions WHERE user_id = :user_id AND repo_id = :repo_id
"""
RIGHTS_OF = f"""
    SELECT permissions.repo_id AS repo_id, can_read, can_write, can_admin
    FROM :rows(asked; repo_id bigint) AS asked CROSS JOIN permissions
    WHERE permissions.user_id = :user_id AND permissions.repo_id = asked.repo_id AND {aged.COUNTS}
"""  # noqa: S608 - SQL of ours
#: With the account that the account has at the repository's host, if any.
WITH_RIGHTS = """
    SELECT repos.*, can_read, can_write, can_admin, permissions.synced AS told, host_accounts.id AS at_host
    FROM repos LEFT JOIN permissions ON permissions.repo_id = repos.id AND permissions.user_id = :user_id
        LEFT JOIN host_accounts ON host_accounts.user_id = :user_id AND host_accounts.host = repos.scm
    WHERE namespace = :namespace AND name = :name
"""
GRANT = """
    INSERT INTO permissions (user_id, repo_id, can_read, can_write, can_admin, created, updated, synced)
    VALUES (:user_id, :repo_id, :can_read, :can_write, :can_admin, :now, :now, :synced)
    ON CONFLICT (user_id, repo_id) DO UPDATE SET can_read = excluded.can_read, can_write = excluded.can_write,
        can_admin = excluded.can_admin, updated = excluded.updated, synced = excluded.synced
"""
REVOKE = "DELETE FROM permissions WHERE user_id = :user_id AND repo_id = :repo_id"
COLLABORATORS = """
    SELECT users.id AS user_id, login, avatar, can_read, can_write, can_admin,
        permissions.created AS created, permissions.updated AS updated, permissions.synced AS synced
    FROM permissions JOIN users ON users.id = permissions.user_id
    WHERE repo_id = :repo_id ORDER BY lower(login)
"""
_SOME_COLLABORATORS = """
    SELECT users.id AS user_id, login, can_read, can_write, can_admin, permissions.synced AS synced
    FROM permissions JOIN users ON users.id = permissions.user_id WHERE repo_id = :repo_id
"""
COLLABORATORS_AFTER = f"""
    {_SOME_COLLABORATORS} AND lower(login) > lower(:login) ORDER BY lower(login) LIMIT :limit OFFSET :offset
"""
COLLABORATORS_BEFORE = f"""
    {_SOME_COLLABORATORS} AND lower(login) < lower(:login) ORDER BY lower(login) DESC LIMIT :limit
"""
_PEOPLE = """
    SELECT login FROM permissions JOIN users ON users.id = permissions.user_id
    WHERE repo_id = :repo_id AND {right} AND active AND NOT machine AND {counts}
    ORDER BY lower(login) LIMIT :limit
"""
#: People who may write in a repository, and those who administer a repository, by a right of theirs.
WRITERS = _PEOPLE.format(right="can_write", counts=aged.COUNTS)
ADMINISTRATORS = _PEOPLE.format(right="can_admin", counts=aged.COUNTS)
NEXT_NUMBER = """
    UPDATE repos SET counter = counter + 1, version = version + 1 WHERE id = :id RETURNING counter
"""
BREAK = """
    UPDATE repos SET unbroken_from = CASE WHEN :number > counter THEN counter + 1 ELSE :number END
    WHERE id = :id AND unbroken_from < :number
"""

PARAMETERS = NAMES
_MAPPER = Mapper(Repo, schema.repos, codecs={"parameters": PARAMETERS})
#: Columns of a whole row.
WIDTH = len(schema.repos.columns)


def made(row: Row) -> Repo:
    """The repository of a whole row, or of one that begins with a whole row."""
    return _MAPPER.make(row)


def values(repo: Repo) -> dict[str, Any]:
    """The values of a repository's columns, by column, without the id."""
    return _MAPPER.values(repo)


def find_if_any(namespace: str, name: str) -> Tx[Repo | None]:
    """The repository of a slug; letter case matters."""
    row = yield from one(BY_SLUG, namespace=namespace, name=name)
    return made(row) if row else None


def named(name: str, user: User, limit: int, now: int) -> Tx[list[Repo]]:
    """The repositories of a name, in any letter case and whatever their namespace, that an account may read."""
    who = {"user_id": user.id, "everywhere": user.admin, "since": aged.since(now)}
    return [made(row) for row in (yield from many(NAMED, name=name, limit=limit, **who))]


def find_told(hosts: Collection[str], uid: str, slug: str) -> Tx[list[Repo]]:
    """The repositories that a webhook may mean, by their id at one of the hosts, else by their slug.

    `hosts` are the names of the hosts that may have sent the webhook, each with a repository of this id; none for plain
    git. A repository of another host is none of these; one of plain git may be read from a host. The last slash of a
    slug ends the namespace.
    """
    rows = (yield from each(one(BY_UID, host=host, uid=uid) for host in hosts)) if uid else []
    found = [made(row) for row in rows if row is not None]
    namespace, _, name = slug.rpartition("/")
    if not found and (repo := (yield from find_if_any(namespace, name))) and repo.scm in ("", *hosts):
        found.append(repo)
    return found


@dataclass(frozen=True, slots=True)
class RepoRights:
    """A repository, and the rights of an account in it: None for an account without a row of rights."""

    repo: Repo
    rights: Permissions | None
    #: When the host told these rights, Unix seconds; 0 when it did not.
    told: int
    #: Whether the account has an account at the repository's host, which knows its rights.
    at_host: bool


def find_with_rights(namespace: str, name: str, user_id: int) -> Tx[RepoRights | None]:
    """The repository of a slug, and the rights of an account in it."""
    row = yield from one(WITH_RIGHTS, namespace=namespace, name=name, user_id=user_id)
    if row is None:
        return None
    rights = _permissions(row) if row["can_read"] is not None else None
    return RepoRights(made(row), rights, row["told"] or 0, row["at_host"] is not None)


def find_by_id_if_any(repo_id: int) -> Tx[Repo | None]:
    """The repository of an id."""
    row = yield from one(BY_ID, id=repo_id)
    return made(row) if row else None


def find(repo_id: int) -> Tx[Repo]:
    """The same; NotFound."""
    if (found := (yield from find_by_id_if_any(repo_id))) is None:
        raise NotFound
    return found


def list_all(window: Window) -> Tx[Part[Repo]]:
    """A part of all repositories, ordered by slug; the keys of the window are slugs."""
    if not (key := window.after or window.before):
        rows = yield from many(ALL, limit=window.reach, offset=window.offset)
    else:
        namespace, _, name = key.rpartition("/")
        sql = ALL_AFTER if window.after else ALL_BEFORE
        rows = yield from many(sql, namespace=namespace, name=name, limit=window.reach)
    return window.part([made(row) for row in rows])


def reader(user: User | None, now: int) -> dict[str, Any]:
    """The values of MAY_READ for an account, or for a caller without an account."""
    return {
        "everywhere": user is not None and user.admin,
        "known": user is not None,
        "user_id": user.id if user else 0,
        "since": aged.since(now),
    }


def list_readable(user: User | None, window: Window, now: int) -> Tx[Part[Repo]]:
    """A part of the repositories that an account may read, or a caller without an account, by slug; keys are slugs."""
    namespace, _, name = (window.after or window.before).rpartition("/")
    who = reader(user, now) | {"namespace": namespace, "name": name}
    if window.before:
        rows = yield from many(READABLE_BEFORE, limit=window.reach, **who)
    else:
        rows = yield from many(READABLE, limit=window.reach, offset=window.offset, **who)
    return window.part([made(row) for row in rows])


def list_after(repo_id: int, limit: int) -> Tx[list[Repo]]:
    """The next repositories after an id, by id."""
    return [made(row) for row in (yield from many(AFTER, id=repo_id, limit=limit))]


def used_since(since: int) -> Tx[set[int]]:
    """The ids of the repositories that were registered, or had their newest build, since a time."""
    return {row["id"] for row in (yield from many(USED_SINCE, since=since))}


def list_of(user_id: int, now: int) -> Tx[list[Repo]]:
    """The repositories in which an account has the right to read, by slug; a private one only if the right counts."""
    return [made(row) for row in (yield from many(OF_USER, user_id=user_id, since=aged.since(now)))]


def create(repo: Repo) -> Tx[Repo]:
    """A new repository; its owner gets every right. Conflict when the slug is taken.

    Its build numbers continue those of a deleted repository of the same slug.
    """
    row = yield from one(CREATE, **_MAPPER.values(repo))
    if row is None:
        raise Conflict(f"repository {repo.slug} exists already", code="repo_exists")
    new = yield from _resumed(replace(repo, id=row["id"]))
    yield from grant(new.id, repo.user_id, Permissions(True, True, True), repo.created)
    return new


def _resumed(repo: Repo) -> Tx[Repo]:
    last = yield from one(LAST_NUMBER, namespace=repo.namespace, name=repo.name)
    row = (yield from one(RESUME, id=repo.id, counter=last["counter"], next=last["counter"] + 1)) if last else None
    return made(row) if row else repo


def next_number(repo_id: int) -> Tx[int]:
    """Take the next build number. The row stays locked until the transaction ends, so that no number is given twice."""
    row = yield from one(NEXT_NUMBER, id=repo_id)
    if row is None:
        raise NotFound
    return int(row["counter"])


def break_numbers(repo_id: int, number: int) -> Tx[None]:
    """From now on the numbers below this one may have gaps."""
    yield from run(BREAK, id=repo_id, number=number)


def permissions(user_id: int, repo_id: int) -> Tx[Permissions | None]:
    """The rights of an account in a repository, None for an account without a row of rights."""
    row = yield from one(PERMISSIONS, user_id=user_id, repo_id=repo_id)
    return _permissions(row) if row else None


def rights_of(user_id: int, repo_ids: Iterable[int], now: int) -> Tx[Mapping[int, Permissions]]:
    """The rights of an account in these repositories that count, by repository id; without one of no row of rights."""
    asked = rows_of((repo_id,) for repo_id in repo_ids)
    rows = yield from many(RIGHTS_OF, asked=asked, user_id=user_id, since=aged.since(now))
    return {row["repo_id"]: _permissions(row) for row in rows}


def grant(repo_id: int, user_id: int, rights: Permissions, now: int, *, synced: int = 0) -> Tx[None]:
    """Set the rights of an account; `synced` is when the host has told them, 0 for rights that are given here."""
    yield from run(
        GRANT,
        user_id=user_id,
        repo_id=repo_id,
        can_read=rights.read,
        can_write=rights.write,
        can_admin=rights.admin,
        now=now,
        synced=synced,
    )


def revoke(repo_id: int, user: User) -> Tx[None]:
    """Take all rights away; harmless when the account has no rights."""
    yield from run(REVOKE, repo_id=repo_id, user_id=user.id)


def collaborators(repo_id: int) -> Tx[list[tuple[Row, Permissions]]]:
    """The accounts with rights: rows of user_id, login, avatar, created and updated, each with the rights."""
    return [(row, _permissions(row)) for row in (yield from many(COLLABORATORS, repo_id=repo_id))]


@dataclass(frozen=True, slots=True)
class Collaborator:
    """An account with rights in a repository; `told` is when the host told these, 0 for rights that were given here."""

    user_id: int
    login: str
    rights: Permissions
    told: int


def page_of_collaborators(repo_id: int, window: Window) -> Tx[Part[Collaborator]]:
    """A part of the accounts with rights in a repository, by login; the keys of the window are logins."""
    if window.before:
        rows = yield from many(COLLABORATORS_BEFORE, repo_id=repo_id, login=window.before, limit=window.reach)
    else:
        place = {"login": window.after, "limit": window.reach, "offset": window.offset}
        rows = yield from many(COLLABORATORS_AFTER, repo_id=repo_id, **place)
    return window.part([Collaborator(row["user_id"], row["login"], _permissions(row), row["synced"]) for row in rows])


def people(repo_id: int, right: Literal["write", "admin"], limit: int, now: int) -> Tx[list[str]]:
    """The logins of at most `limit` people to whom a right in a repository was given, by login."""
    rows = yield from many(
        WRITERS if right == "write" else ADMINISTRATORS, repo_id=repo_id, limit=limit, since=aged.since(now)
    )
    return [row["login"] for row in rows]


def _permissions(row: Row) -> Permissions:
    return Permissions(bool(row["can_read"]), bool(row["can_write"]), bool(row["can_admin"]))
