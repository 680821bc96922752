"""Copies and moves of files and folders: rows change, and no byte is touched (contract artifactory-storage 6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import orjson

from app.artifacts import deploy, finding, items, placing, repositories, system, trees
from app.artifacts.access import Visitor
from app.artifacts.address import Address, check_length
from app.artifacts.items import ITEMS, Found, Stamp, found_of
from app.artifacts.model import TOP, ArtifactRepository, Item, depth, parted
from app.artifacts.rights import Action
from app.artifacts.visible import VISIBLE, visible_in
from app.db.tx import Tx, many, one, run
from app.errors import AppError, Invalid, Problem
from app.moments import Actor, Change

TREE = trees.statement(f"{ITEMS} WHERE {{tree}} AND items.name <> '.' ORDER BY items.path, items.name")
#: An item with which the caller may not do something.
REFUSED = trees.statement(
    f"SELECT id FROM items WHERE {{tree}} AND items.name <> '.' AND NOT {VISIBLE} LIMIT 1"  # noqa: S608 - fixed texts
)
COPY = """
    INSERT INTO items (
        repo_id, path, name, folder, depth, blob_id, set_id, mime, sent, created, created_by, modified, modified_by,
        updated
    )
    SELECT :repo_id, entry.path, entry.name, FALSE, entry.depth, items.blob_id, items.set_id, items.mime, items.sent,
        items.created, items.created_by, items.modified, items.modified_by, :now
    FROM :rows(entries; id bigint, path text, name text, depth bigint) AS entry JOIN items ON items.id = entry.id
    WHERE TRUE ON CONFLICT (repo_id, path, name) DO NOTHING RETURNING id
"""
MOVE = """
    UPDATE items SET repo_id = :repo_id, path = entry.path, name = entry.name, depth = entry.depth, updated = :now
    FROM :rows(entries; id bigint, path text, name text, depth bigint) AS entry WHERE items.id = entry.id
    RETURNING items.id AS id
"""
REMOVE = "DELETE FROM items WHERE id IN (SELECT id FROM :rows(ids; id bigint) AS gone)"
#: Folders get the properties of those that they are copies of.
DRESS = """
    UPDATE items SET set_id = entry.set_id, updated = :now
    FROM :rows(entries; path text, name text, set_id bigint) AS entry
    WHERE items.repo_id = :repo_id AND items.path = entry.path AND items.name = entry.name AND items.folder
        AND items.set_id <> entry.set_id
"""
#: Of some folders, those that nothing is in.
PRUNE = """
    DELETE FROM items WHERE id IN (
        SELECT items.id FROM :rows(entries; path text, name text, whole text) AS entry CROSS JOIN items
        WHERE items.repo_id = :repo_id AND items.path = entry.path AND items.name = entry.name AND items.folder
            AND NOT EXISTS (
                SELECT 1 FROM items AS inner_item
                WHERE inner_item.repo_id = :repo_id AND inner_item.path = entry.whole
            )
    )
"""


@dataclass(frozen=True, slots=True)
class Order:
    """What shall be copied or moved, and where to."""

    source: Address
    target: Address
    move: bool = False
    #: Whether nothing is done when a file cannot be done.
    fail_fast: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """A file or folder that was left where it is, and why."""

    path: str
    error: AppError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done: from where, to where, how many files and folders, and what could not be done."""

    order: Order
    source: str
    target: str
    files: int = 0
    folders: int = 0
    failures: tuple[Failure, ...] = ()
    #: Whether source and target are one and the same, so that nothing is to be done.
    same: bool = False

    @property
    def done(self) -> str:
        """What was done, in words."""
        if self.same:
            return f"{self.source} is the target itself: nothing is to be done"
        verb = "moved" if self.order.move else "copied"
        return (
            f"{verb} {self.source} to {self.target}: {_count(self.files, 'file')} and {_count(self.folders, 'folder')}"
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


class Rehearsed(Exception):
    """Ends a transaction whose changes are not wanted; holds what would have been done."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class _Plan:
    """The items of the source, and the path of the source that becomes a path of the target."""

    found: Found
    source: ArtifactRepository
    target: ArtifactRepository
    #: The path that the source gets.
    path: str

    def moved(self, path: str) -> str:
        """The path of the target for a path of the source."""
        rest = path[len(self.found.item.whole_path) :].lstrip("/")
        return "/".join(part for part in (self.path, rest) if part)

    @property
    def names(self) -> tuple[str, str]:
        """Source and target in words."""
        source = f"{self.source.key}:{self.found.item.whole_path}".rstrip(":")
        return source, f"{self.target.key}:{self.path}".rstrip(":")


def carry_out(visitor: Visitor, order: Order, stamp: Stamp, *, dry: bool = False) -> Tx[Outcome]:
    """Copy or move. Of a dry run all is done, and Rehearsed ends the transaction.

    Unauthorized, Forbidden, NotFound, Conflict or Invalid says why nothing is done. Without `fail_fast` the files that
    can be done are done, and the outcome names the others.
    """
    outcome = yield from _carried_out(visitor, order, stamp)
    if dry:
        raise Rehearsed(outcome)
    return outcome


def _carried_out(visitor: Visitor, order: Order, stamp: Stamp) -> Tx[Outcome]:
    plan = yield from _planned(visitor, order)
    source, target = plan.names
    if plan.source.id == plan.target.id and plan.path == plan.found.item.whole_path:
        return Outcome(order, source, target, same=True)
    if _is_inside(plan):
        words = f"to: {target} lies inside of {source}, so it cannot take it; choose another folder"
        raise Invalid.of([Problem("to", "inside_itself", words)])
    yield from _lock(plan, order)
    path = plan.found.item.whole_path
    for action in _needed(order):
        yield from _require(visitor, action, plan.source, path)
    rows = [found_of(row) for row in (yield from many(TREE.of(path), **trees.parameters(plan.source.id, path)))]
    if not rows and path:  # gone before the locks were there
        raise finding.no_item(order.source)
    files, folders = [f for f in rows if not f.item.folder], [f.item for f in rows if f.item.folder]
    for folder in folders:
        check_length(plan.moved(folder.whole_path))
    there, failures = yield from _judged(visitor, plan, files, folders, order)
    failed = {failure.path for failure in failures}
    going = [found for found in files if found.item.whole_path not in failed]
    made = [folder for folder in folders if folder.whole_path not in failed]
    yield from _put(plan, going, made, there, order, stamp)
    if order.move:
        yield from _clear(plan, made)
    return Outcome(order, source, target, len(going), len(made), tuple(failures))


def _planned(visitor: Visitor, order: Order) -> Tx[_Plan]:
    source = yield from finding.local(visitor, order.source, "read")
    target = yield from deploy.takes(visitor, order.target)
    if order.move and source.system:
        raise system.move_refused(source)
    found = yield from items.find(source.id, order.source.path)
    if found is None or (order.source.folder and not found.item.folder):
        raise finding.no_item(order.source)
    path = order.target.path
    there = yield from items.find(target.id, path)
    into = order.target.folder or (there is not None and there.item.folder)
    if into and found.item.name != TOP and not (there is not None and there.item.id == found.item.id):
        path = "/".join(part for part in (path, found.item.name) if part)
    return _Plan(found, source, target, path)


def _is_inside(plan: _Plan) -> bool:
    whole = plan.found.item.whole_path
    return (
        plan.source.id == plan.target.id
        and plan.found.item.folder
        and f"{plan.path}/".startswith(f"{whole}/" if whole else "")
    )


def _lock(plan: _Plan, order: Order) -> Tx[None]:
    """Lock both repositories, in the order of their ids, so that two moves do not wait for each other.

    A move, also of a file, may leave a folder empty, which goes: nobody may put something into the folder meanwhile.
    """
    for repo_id in sorted({plan.source.id, plan.target.id}):
        yield from (repositories.hold if order.move and repo_id == plan.source.id else repositories.share)(repo_id)


def _needed(order: Order) -> Sequence[Action]:
    return ("read", "delete") if order.move else ("read",)


def _require(visitor: Visitor, action: Action, repo: ArtifactRepository, path: str) -> Tx[None]:
    """Forbidden when there is an item in the tree with which the caller may not do something."""
    visible = visible_in(visitor.rights, [repo], action)
    if repo.id in visible.whole:
        return
    tree = trees.parameters(repo.id, path)
    if (yield from one(REFUSED.of(path), **tree, **visible.parameters())) is not None:
        visitor.refuse(action, repo.key, f"{path}/**" if path else "**")


def _judged(
    visitor: Visitor, plan: _Plan, files: Sequence[Found], folders: Sequence[Item], order: Order
) -> Tx[tuple[Mapping[str, Found], list[Failure]]]:
    """What lies at the targets, and the files and folders that cannot go there; an error when nothing can be done."""
    targets = {found.item.whole_path: plan.moved(found.item.whole_path) for found in files}
    there, refused = yield from deploy.judge_each(
        visitor, plan.target, {plan.moved(found.item.whole_path): found.file.sums for found in files}
    )
    # Of a folder the folder itself must not be a file either, so a slash stands for what would be in the folder.
    below = {folder.whole_path: f"{plan.moved(folder.whole_path)}/" for folder in folders}
    around = {path for target in (targets | below).values() for path in placing.folders_of(target)}
    known = yield from placing.among(plan.target.id, around)
    clashes = {path for path, found in known.items() if not found.item.folder}
    failures = list[Failure]()
    for path, target in (targets | below).items():
        clash = next((folder for folder in placing.folders_of(target) if folder in clashes), None)
        error = refused.get(target) or (items.file_in_the_way(clash) if clash is not None else None)
        if error is not None:
            failures.append(Failure(path, error))
    failed = sum(failure.path in targets for failure in failures)
    if failures and (order.fail_fast or failed == len(files)):
        raise failures[0].error
    return there, failures


def _put(
    plan: _Plan,
    files: Sequence[Found],
    folders: Sequence[Item],
    there: Mapping[str, Found],
    order: Order,
    stamp: Stamp,
) -> Tx[None]:
    targets = {found.item.id: plan.moved(found.item.whole_path) for found in files}
    dressed = {plan.moved(folder.whole_path): folder.set_id for folder in folders}
    wholes = dict.fromkeys(
        folder
        for path in [*targets.values(), *(f"{folder}/" for folder in dressed)]
        for folder in placing.folders_of(path)
    )
    yield from items.add_folders_at(plan.target.id, list(wholes), stamp)
    if dressed:
        entries = orjson.dumps([[*parted(path), set_id] for path, set_id in dressed.items()]).decode()
        yield from run(DRESS, repo_id=plan.target.id, entries=entries, now=stamp.at)
    kept = {item_id: path for item_id, path in targets.items() if plan.target.immutable and path in there}
    going = {item_id: path for item_id, path in targets.items() if item_id not in kept}
    gone = [there[path].item.id for path in going.values() if path in there]
    if order.move:
        gone.extend(kept)
    if gone:
        yield from run(REMOVE, ids=orjson.dumps([[item_id] for item_id in gone]).decode())
    if not going:
        return
    entries = orjson.dumps([[item_id, *parted(path), depth(path)] for item_id, path in going.items()]).decode()
    done = yield from many(MOVE if order.move else COPY, repo_id=plan.target.id, entries=entries, now=stamp.at)
    if len(done) != len(going):
        raise placing.ChangedMeanwhile("another caller has changed the files at the same moment; try again")


def _clear(plan: _Plan, folders: Sequence[Item]) -> Tx[None]:
    """Remove the folders of a source that are empty now, and those around it: the innermost first."""
    paths = [*(folder.whole_path for folder in folders), *placing.folders_of(plan.found.item.whole_path)]
    for _, alike in groupby(sorted(paths, key=depth, reverse=True), depth):
        entries = orjson.dumps([[*parted(path), path] for path in alike]).decode()
        yield from run(PRUNE, repo_id=plan.source.id, entries=entries)


def moment(by: Actor, outcome: Outcome) -> Change | None:
    """Files were copied or moved; None when nothing was done."""
    if outcome.same:
        return None
    verb = "artifact.move" if outcome.order.move else "artifact.copy"
    after = {"to": outcome.target, "files": outcome.files, "folders": outcome.folders}
    return Change(verb, by, outcome.source, after=after)


def order_of(source: Address, target: Address, *, move: bool, fail_fast: bool) -> Order:
    """An order; matrix parameters have no meaning in it."""
    return Order(replace(source, matrix=()), replace(target, matrix=()), move, fail_fast)
