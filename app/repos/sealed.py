"""All that is sealed in the database: whether its keys are at hand, and sealing it anew with another key."""

from typing import NamedTuple

from app.db.tx import Row, Tx, each, many, one, run
from app.repos.flow import SECRET, SIGNER
from app.repos.secrets import store as secrets
from app.sealing import HEAD, CannotOpen, Seal


class Statements(NamedTuple):
    """What is said to one column of sealed values."""

    heads: str
    after: str
    update: str


def _statements(purpose: str) -> Statements:
    table, column = purpose.split(".")
    return Statements(
        heads=f"SELECT DISTINCT substr({column}, 1, {HEAD}) AS head FROM {table}",  # noqa: S608 - names only
        after=f"SELECT id, {column} AS value FROM {table} WHERE id > :id ORDER BY id LIMIT 1",  # noqa: S608 - names of ours
        update=f"UPDATE {table} SET {column} = :value WHERE id = :id AND {column} = :old",  # noqa: S608 - names of ours
    )


#: Each column by what its values are sealed for, which is its name.
COLUMNS = {
    purpose: _statements(purpose)
    for purpose in (SIGNER, SECRET, secrets.of_repo(0).purpose, secrets.of_namespace("").purpose)
}


def check(seal: Seal) -> Tx[None]:
    """CannotOpen when some value was sealed with a key that is not at hand. Nothing is opened for it."""
    for purpose, sql in COLUMNS.items():
        for row in (yield from many(sql.heads)):
            seal.check(row["head"], purpose)


def renew(seal: Seal) -> Tx[int]:
    """Seal with the newest key whatever another one sealed; how many values. CannotOpen says which is damaged."""
    return sum((yield from each(_renew_column(purpose, seal) for purpose in COLUMNS)))


def _renew_column(purpose: str, seal: Seal) -> Tx[int]:
    sql, renewed = COLUMNS[purpose], 0
    row = yield from one(sql.after, id=0)
    while row is not None:
        if not seal.is_newest(row["value"]):
            yield from run(sql.update, id=row["id"], old=row["value"], value=_renewed(row, purpose, seal))
            renewed += 1
        row = yield from one(sql.after, id=row["id"])
    return renewed


def _renewed(row: Row, purpose: str, seal: Seal) -> bytes:
    try:
        return seal.renew(row["value"], purpose)
    except CannotOpen as error:
        raise CannotOpen(f"{error.message}: it is in the row with id {row['id']}") from error
