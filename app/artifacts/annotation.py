"""Changing the properties of an item, and of all below a folder (contract artifactory-storage 4.3)."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import orjson

from app.artifacts import finding, items, properties, repositories, system, trees
from app.artifacts.access import Visitor
from app.artifacts.address import Address
from app.artifacts.model import ArtifactRepository
from app.artifacts.properties import check_keys
from app.artifacts.visible import VISIBLE, visible_in
from app.db.tx import Tx, many, one, run
from app.errors import Invalid, Problem

#: New values of keys; None removes the key.
Changes: TypeAlias = Mapping[str, Sequence[str] | None]

SETS = trees.statement("SELECT DISTINCT set_id FROM items WHERE {tree}")
REFUSED = trees.statement(
    # Made of fixed texts and names of columns alone.
    f"SELECT path, name FROM items WHERE {{tree}} AND NOT {VISIBLE} ORDER BY path, name LIMIT 1"  # noqa: S608 - a constant
)
UPDATE = trees.statement("""
    UPDATE items SET set_id = change.new, updated = :now FROM :rows(changes; old bigint, new bigint) AS change
    WHERE items.set_id = change.old AND {tree}
""")


def changed(old: Mapping[str, Sequence[str]], changes: Changes) -> dict[str, list[str]]:
    """Properties after a change: the named keys get new values, and the others stay."""
    kept = {key: list(values) for key, values in old.items() if key not in changes}
    new = {key: list(dict.fromkeys(values)) for key, values in changes.items() if values is not None}
    return kept | new


def change(visitor: Visitor, address: Address, changes: Changes, *, recursive: bool, at: int) -> Tx[None]:
    """Change the properties of an item; with `recursive` also of all below a folder.

    Forbidden when the caller may not annotate one of the items; then nothing is changed. NotFound.
    """
    repo = yield from finding.local(visitor, address, "annotate")
    if repo.system == "bundles" and (refused := system.annotation_refused(repo, address.path)) is not None:
        raise refused
    yield from repositories.hold(repo.id)  # what another change sets meanwhile would be lost
    found = yield from items.find(repo.id, address.path)
    if found is None:
        raise finding.no_item(address)
    item = found.item
    if not (recursive and item.folder):
        old = yield from properties.of_sets([item.set_id])
        new = yield from properties.set_of(changed(old[item.set_id], changes))
        yield from items.set_properties(item.id, new, at)
        return
    path, tree = address.path, trees.parameters(repo.id, address.path)
    yield from _judge(visitor, repo, path)
    sets = [row["set_id"] for row in (yield from many(SETS.of(path), **tree))]
    old = yield from properties.of_sets(sets)
    moves = []
    for set_id in sets:
        new = yield from properties.set_of(changed(old[set_id], changes))
        if new != set_id:
            moves.append([set_id, new])
    if moves:
        yield from run(UPDATE.of(path), **tree, changes=orjson.dumps(moves).decode(), now=at)


def _judge(visitor: Visitor, repo: ArtifactRepository, path: str) -> Tx[None]:
    """Forbidden when there is an item in a tree that the caller may not annotate."""
    visible = visible_in(visitor.rights, [repo], "annotate")
    if repo.id in visible.whole:
        return
    tree = trees.parameters(repo.id, path)
    if (yield from one(REFUSED.of(path), **tree, **visible.parameters())) is not None:
        visitor.refuse("annotate", repo.key)


def parse(text: str) -> dict[str, list[str]]:
    """The pairs of a value of `properties=`: `k=v1,v2;k2=w`, also with `|` between properties. Invalid.

    A backslash takes its special meaning from a comma, a bar, an equals sign, a semicolon and a backslash. A key alone
    gets an empty value.
    """
    found: dict[str, list[str]] = {}
    for key, values in _pairs(text):
        found.setdefault(key, []).extend(values or [""])
    if not found:
        words = "properties: is empty; say properties=KEY=VALUE;KEY2=VALUE2"
        raise Invalid.of([Problem("properties", "no_properties", words)])
    check_keys(found)
    return {key: list(dict.fromkeys(values)) for key, values in found.items()}


def names(text: str) -> list[str]:
    """The keys of a value such as `a,b`."""
    keys = [key for pair, values in _pairs(text.replace(",", ";")) for key in (pair, *values) if key]
    return list(dict.fromkeys(keys))


def _pairs(text: str) -> list[tuple[str, list[str]]]:
    pairs, pieces = list[tuple[str, list[str]]](), [""]
    in_value = False

    def end() -> None:
        if in_value or pieces[0]:
            pairs.append((pieces[0], pieces[1:]))

    characters = iter(text)
    for character in characters:
        if character == "\\":
            following = next(characters, "")
            pieces[-1] += following if following and following in ",|=;\\" else f"\\{following}"
        elif character in ";|":
            end()
            pieces, in_value = [""], False
        elif character == "=" and not in_value:
            pieces.append("")
            in_value = True
        elif character == "," and in_value:
            pieces.append("")
        else:
            pieces[-1] += character
    end()
    return pairs
