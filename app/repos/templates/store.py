"""The SQL of templates."""

from dataclasses import dataclass, replace

from app.db import schema
from app.db.mapper import Mapper
from app.db.tx import Tx, many, one
from app.errors import Conflict, NotFound
from app.repos import sharing

ALL = "SELECT * FROM templates ORDER BY name, namespace"
OF_NAMESPACE = "SELECT * FROM templates WHERE namespace = :namespace ORDER BY name"
BY_NAME = "SELECT * FROM templates WHERE namespace = :namespace AND name = :name"
#: The template of a name for the builds of a repository that shares in the namespace.
SHARED = f"{BY_NAME} AND {sharing.condition(':scm', ':namespace')}"
CREATE = schema.insert_sql(schema.templates, "ON CONFLICT DO NOTHING RETURNING id")
UPDATE = """
    UPDATE templates SET data = :data, updated = :now WHERE namespace = :namespace AND name = :name RETURNING *
"""
DELETE = "DELETE FROM templates WHERE namespace = :namespace AND name = :name RETURNING *"
#: `move` deletes the row and inserts it again. An UPDATE would end in an error of the database when another
#: transaction takes the name at the same time.
PUT_BACK = """
    INSERT INTO templates (id, namespace, name, data, created, updated)
    VALUES (:id, :namespace, :name, :data, :created, :updated) ON CONFLICT DO NOTHING RETURNING id
"""


@dataclass(frozen=True)
class Template:
    """A pipeline file, or a program that makes one; the extension of `name` says which. Times are Unix seconds."""

    id: int
    namespace: str
    name: str
    data: str
    created: int = 0
    updated: int = 0


_MAPPER = Mapper(Template, schema.templates)


def list_all() -> Tx[list[Template]]:
    """The templates of every namespace, by name."""
    return [_MAPPER.make(row) for row in (yield from many(ALL))]


def list_of(namespace: str) -> Tx[list[Template]]:
    """The templates of a namespace, by name."""
    return [_MAPPER.make(row) for row in (yield from many(OF_NAMESPACE, namespace=namespace))]


def find_if_any(namespace: str, name: str) -> Tx[Template | None]:
    """The template of a name, or None; letter case matters."""
    row = yield from one(BY_NAME, namespace=namespace, name=name)
    return _MAPPER.make(row) if row else None


def for_build(namespace: str, scm: str, name: str) -> Tx[Template | None]:
    """The template of a name for the builds of a repository of a host, or None."""
    row = yield from one(SHARED, namespace=namespace, scm=scm, name=name)
    return _MAPPER.make(row) if row else None


def find(namespace: str, name: str) -> Tx[Template]:
    """The template of a name; NotFound."""
    if (found := (yield from find_if_any(namespace, name))) is None:
        raise _unknown(name)
    return found


def create(template: Template) -> Tx[Template]:
    """Add a template; Conflict when its namespace has a template of this name."""
    row = yield from one(CREATE, **_MAPPER.values(template))
    if row is None:
        raise _taken(template.namespace, template.name)
    return replace(template, id=row["id"])


def update(namespace: str, name: str, data: str, now: int) -> Tx[Template]:
    """Give a template another text; NotFound."""
    row = yield from one(UPDATE, namespace=namespace, name=name, data=data, now=now)
    if row is None:
        raise _unknown(name)
    return _MAPPER.make(row)


def move(namespace: str, name: str, to: str, now: int) -> Tx[Template]:
    """Move a template to another namespace; NotFound, or Conflict when that namespace has a template of this name."""
    row = yield from one(DELETE, namespace=namespace, name=name)
    if row is None:
        raise _unknown(name)
    moved = replace(_MAPPER.make(row), namespace=to, updated=now)
    if (yield from one(PUT_BACK, id=moved.id, **_MAPPER.values(moved))) is None:
        raise _taken(to, name)
    return moved


def delete(namespace: str, name: str) -> Tx[Template]:
    """Remove a template and return it; NotFound."""
    row = yield from one(DELETE, namespace=namespace, name=name)
    if row is None:
        raise _unknown(name)
    return _MAPPER.make(row)


def _unknown(name: str) -> NotFound:
    return NotFound(f"template {name} not found")


def _taken(namespace: str, name: str) -> Conflict:
    text = f"template {name} exists already in {namespace}; change that one, or choose another name"
    return Conflict(text, code="template_exists")
