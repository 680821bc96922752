"""Finding bytes that are stored already, by their checksums (contract artifactory-storage 3.2).

Only bytes that the caller may read somewhere are found: whoever knows a digest has no right to the bytes.
"""

from app.artifacts import repositories
from app.artifacts.access import Visitor
from app.artifacts.blobs.rows import MAPPER
from app.artifacts.checksums import DIGITS
from app.artifacts.model import Blob, Sums
from app.artifacts.visible import VISIBLE, visible_to
from app.db.tx import Tx, many
from app.errors import Conflict, Invalid, NotFound, Problem

#: The blobs of a checksum that are files somewhere, and those that are files somewhere where the caller may read.
_ANYWHERE = """
    SELECT * FROM blobs WHERE {name} = :sum AND EXISTS (SELECT 1 FROM items WHERE items.blob_id = blobs.id)
    ORDER BY id LIMIT 100
"""
_READABLE = f"""
    SELECT * FROM blobs
    WHERE {{name}} = :sum AND EXISTS (SELECT 1 FROM items WHERE items.blob_id = blobs.id AND {VISIBLE})
    ORDER BY id LIMIT 100
"""  # noqa: S608 - fixed texts
ANYWHERE = {name: _ANYWHERE.format(name=name) for name in DIGITS}
READABLE = {name: _READABLE.format(name=name) for name in DIGITS}


def unknown() -> NotFound:
    """The error for checksums of no bytes that the caller may read."""
    return NotFound("Checksum values not found: send the bytes themselves")


def find(visitor: Visitor, sums: Sums) -> Tx[Blob]:
    """The bytes that have all of these checksums. NotFound when the caller may read none.

    Conflict when two checksums name different bytes, and when a checksum alone names several.
    """
    given = {name: value for name in DIGITS if (value := getattr(sums, name))}
    if not given:
        words = "a deployment by checksum needs one of the headers X-Checksum-Sha256, -Sha1, -Md5 and X-Checksum"
        raise Invalid.of([Problem("X-Checksum-Sha256", "missing_checksum", words)])
    parameters: dict[str, str] = {}
    queries = ANYWHERE
    if not (visitor.rights.everything and "read" in visitor.rights.allowed):
        parameters = visible_to(visitor.rights, (yield from repositories.read_all())).parameters()
        queries = READABLE
    common: dict[int, Blob] = {}
    for at, (name, value) in enumerate(given.items()):
        found = {row["id"]: MAPPER.make(row) for row in (yield from many(queries[name], sum=value, **parameters))}
        if not found:
            raise unknown()
        common = {blob_id: blob for blob_id, blob in found.items() if not at or blob_id in common}
        if not common:
            raise Conflict("the checksums name different bytes; send those of one file", code="checksums_differ")
        if at == 0 and len(common) == 1 and _fits(given, next(iter(common.values()))):
            break
    if len(common) > 1:
        words = f"{len(common)} different files have this checksum; send the sha256 of the one that is meant"
        raise Conflict(words, code="ambiguous_checksum")
    return next(iter(common.values()))


def _fits(given: dict[str, str], blob: Blob) -> bool:
    return all(getattr(blob, name) == value for name, value in given.items())
