"""Any sequence of creations, promotions, deletions and uploads: targets hold what the remaining promotions say.

A model beside the database says which files must be where, and what becomes of each call: it knows files and
promotions, and nothing of how the server keeps them.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.artifacts import environments as known
from app.artifacts import pruning
from app.bundles import store, verifying
from app.bundles.model import BUNDLES, Bundle
from app.db.connect import connect
from app.db.tx import Tx, many
from app.errors import AppError, Conflict, Invalid, NotFound
from tests import sqlite
from tests.buildinfo.promotion.test_races import ORPHANS
from tests.buildinfo.promotion.test_sequences import EMPTY
from tests.bundles.farside import Scene, of_artifacts, opened, sums
from tests.bundles.promotion import acts

E = TypeVar("E")

#: What each version is made from: the first two share files, the last has other bytes at their paths.
VERSIONS: Mapping[str, tuple[str, ...]] = {
    "1": ("dev-local:a", "dev-local:lib/b"),
    "2": ("dev-local:a", "dev-local:lib/c/d"),
    "3": ("dev2-local:a", "dev2-local:lib/b"),
}
#: The repositories of each environment; the sources are in one, too.
REPOS: Mapping[str, tuple[str, ...]] = {
    "DEV": ("dev-local",),
    "STAGE": ("both-local", "stage-local"),
    "PROD": ("both-local", "prod-local"),
}
ORDER = ("DEV", "STAGE", "PROD")
PATHS = ("a", "lib/b", "lib/c/d")
KEYS = ("dev-local", "dev2-local", "stage-local", "prod-local", "both-local")
#: What is at the paths of the sources at first, and what else is put.
TEXTS = {"dev-local": "x", "dev2-local": "y"}

versions, places = st.sampled_from(sorted(VERSIONS)), st.tuples(st.sampled_from(KEYS), st.sampled_from(PATHS))
chosen = st.sampled_from(((), ("both-local",), ("stage-local", "prod-local", "dev-local")))
steps = st.one_of(
    st.tuples(st.just("create"), versions),
    st.tuples(
        st.just("promote"), versions, st.sampled_from(sorted(REPOS)), st.sampled_from(("copy", "move")), chosen, chosen,
        st.sampled_from(("", "because")),
    ),
    st.tuples(st.just("delete promotion"), versions, st.integers(0, 3)),
    st.tuples(st.just("delete"), versions),
    st.tuples(st.just("put"), places, st.sampled_from(("x", "y"))),
    st.tuples(st.just("remove"), places),
    st.tuples(st.just("order"), st.booleans()),
)  # fmt: skip


@dataclass
class Made:
    """A promotion as the model knows it."""

    environment: str
    completed: bool = False
    #: The repositories whose files it holds: those that took files, until a move leaves them.
    holds: tuple[str, ...] = ()


@dataclass
class Version:
    """A version as the model knows it: the text at each path, and its promotions, the oldest first."""

    texts: dict[str, str]
    #: That of the source.
    environment: str = ""
    done: list[Made] = field(default_factory=list)

    @property
    def completed(self) -> list[Made]:
        return [one for one in self.done if one.completed]

    def places(self, repos: Iterable[str]) -> Iterator[tuple[str, str]]:
        """The places in some repositories, and their texts."""
        for repo in repos:
            for path, text in self.texts.items():
                yield f"{repo}:{path}", text


@dataclass
class Model:
    """What is where, and why."""

    #: The text of each file that is there.
    text: dict[str, str] = field(default_factory=dict)
    #: Files that users have put. No promotion takes them away.
    of_users: set[str] = field(default_factory=set)
    versions: dict[str, Version] = field(default_factory=dict)
    ordered: bool = False

    def put(self, place: str, text: str) -> None:
        """A user uploads a file."""
        self.text[place] = text
        self.of_users.add(place)

    def remove(self, place: str) -> None:
        """A user removes a file."""
        self.text.pop(place, None)
        self.of_users.discard(place)

    def promoted(self, version: Version, made: Made) -> None:
        """A promotion puts what is not there."""
        for place, text in version.places(made.holds):
            self.text.setdefault(place, text)
        version.done.append(made)

    def settle(self, places: Iterable[tuple[str, str]]) -> None:
        """Promotions have let go of texts at places: what no promotion, and no user, holds there goes."""
        others = self.versions.values()
        held = {place for other in others for made in other.done for place in other.places(made.holds)}
        for place, text in places:
            if (place, text) not in held and self.text.get(place) == text and place not in self.of_users:
                del self.text[place]

    def refusal(self, version: str, environment: str, targets: Sequence[str], reason: str) -> type[AppError] | None:
        """The error that a promotion must end with; None for a promotion that is done."""
        found = self.versions.get(version)
        if found is None:
            return NotFound
        been = {found.environment, *(made.environment for made in found.completed)}
        before = ORDER[: ORDER.index(environment)]
        if self.ordered and environment not in been and before and before[-1] not in been and not reason:
            return Conflict
        if not targets:
            return Invalid
        clash = any(self.text.get(place, text) != text for place, text in found.places(targets))
        return Conflict if clash else None


def targets_of(environment: str, included: Sequence[str], excluded: Sequence[str]) -> tuple[str, ...]:
    """The repositories that take files; none when the choice is refused."""
    there = REPOS[environment]
    if included:
        return tuple(repo for repo in there if repo in included) if set(included) <= set(there) else ()
    return tuple(repo for repo in there if repo not in excluded)


def promotes(version: str, environment: str, *rest: Any, excluded: Sequence[str] = (), reason: str = "") -> Any:
    """The step of a promotion; the rest is its operation."""
    return ("promote", version, environment, *(rest or ("copy",)), (), tuple(excluded), reason)


#: What chance finds seldom, by what each shows.
EXAMPLES: Mapping[str, list[tuple[Any, ...]]] = {
    "a move leaves what another version has promoted": [
        promotes("1", "STAGE"), promotes("2", "STAGE"), promotes("1", "PROD", "move"), ("delete", "1"),
        ("delete promotion", "2", 0),
    ],
    "what a user has put since stays": [
        promotes("1", "STAGE"), ("remove", ("stage-local", "a")), ("put", ("stage-local", "a"), "x"),
        ("put", ("both-local", "lib/b"), "y"), promotes("2", "STAGE"), ("delete promotion", "1", 0),
        ("delete promotion", "2", 0),
    ],
    "what a user had put before stays, and is put again when the user removes it": [
        ("put", ("stage-local", "a"), "x"), promotes("1", "STAGE"), ("remove", ("stage-local", "a")),
        promotes("1", "STAGE"), ("delete promotion", "1", 1), ("delete promotion", "1", 0),
    ],
    "the order is kept to, and overridden": [
        ("order", True), promotes("1", "PROD"), promotes("1", "STAGE"), promotes("1", "PROD"), promotes("3", "DEV"),
        promotes("2", "PROD", reason="because"), promotes("2", "PROD"),
    ],
    "a source that is gone is put again by a promotion, and goes with it": [
        promotes("1", "DEV"), ("remove", ("dev-local", "a")), promotes("1", "DEV", "move"), ("delete", "1"),
    ],
    "a move within an environment copies": [promotes("1", "STAGE"), promotes("1", "STAGE", "move")],
    "a move leaves all that was promoted to the environment": [
        promotes("1", "STAGE"), promotes("1", "STAGE"), promotes("1", "PROD", "move"), ("delete promotion", "1", 2),
    ],
    "a move leaves only the repositories of the latest promotion": [
        promotes("1", "STAGE", excluded=["stage-local"]), promotes("1", "STAGE", excluded=["both-local"]),
        promotes("1", "PROD", "move"), ("delete promotion", "1", 2), ("delete promotion", "1", 0),
    ],
    "claims on other bytes at the same place keep nothing": [
        promotes("1", "STAGE"), ("remove", ("stage-local", "a")), ("remove", ("stage-local", "lib/b")),
        promotes("3", "STAGE", excluded=["both-local"]), ("delete promotion", "3", 0), ("delete promotion", "1", 0),
    ],
    "a promotion that failed holds nothing": [
        promotes("1", "STAGE"), promotes("3", "STAGE"), ("delete promotion", "3", 0), ("delete", "1"),
        promotes("3", "STAGE", excluded=["both-local"]), promotes("3", "PROD", "move", excluded=["both-local"]),
    ],
    "after a deletion the promotion before says where a version is": [
        promotes("1", "STAGE"), promotes("1", "PROD", "move"), ("delete promotion", "1", 1),
        promotes("1", "PROD", "move"), ("delete promotion", "1", 0), ("delete", "1"), ("create", "1"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("sequence", EXAMPLES.values(), ids=EXAMPLES)
def test_a_sequence(sequence: list[tuple[Any, ...]], tmp_path: Path) -> None:
    asyncio.run(_play(tmp_path, sequence))


@settings(max_examples=60)
@given(st.lists(steps, max_size=14))
def test_any_sequence(sequence: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_play(Path(folder), sequence))


async def _play(folder: Path, sequence: list[tuple[Any, ...]]) -> None:
    file = folder / "gantry.sqlite"
    file.write_bytes(sqlite.migrated())
    db = connect(f"sqlite:///{file}")
    await db.open()
    try:
        async with opened(db, folder) as scene:
            await scene.repo("dev2-local")
            await scene.repo("both-local", environments=("STAGE", "PROD"))
            await scene.db.write(known.add(ORDER, 1))
            model = Model()
            for repo, text in TEXTS.items():
                for path in PATHS:
                    await scene.put(f"{repo}:{path}", text)
                    model.put(f"{repo}:{path}", text)
            for version in VERSIONS:
                await _create(scene, model, version)
            for step in sequence:
                await _take(scene, model, step)
                await _check(scene, model)
            for version in model.versions:
                await _verify(scene, version)
    finally:
        await db.close()


async def _take(scene: Scene, model: Model, step: tuple[Any, ...]) -> None:
    match step:
        case "create", version:
            await _create(scene, model, version)
        case "promote", version, environment, operation, included, excluded, reason:
            await _promote(scene, model, version, environment, operation, included, excluded, reason)
        case "delete promotion", version, number:
            await _delete_promotion(scene, model, version, number)
        case "delete", version:
            await _ends(acts.delete(scene, version), None if version in model.versions else NotFound)
            gone = model.versions.pop(version, Version({}))
            model.settle(place for made in gone.done for place in gone.places(made.holds))
        case "put", (repo, path), text:
            await scene.put(f"{repo}:{path}", text)
            model.put(f"{repo}:{path}", text)
        case "remove", (repo, path):
            await scene.remove(f"{repo}:{path}")
            await scene.db.write(pruning.prune(scene.repos[repo], [path.rpartition("/")[0] or "."]))
            model.remove(f"{repo}:{path}")
        case "order", ordered:
            await scene.db.write(known.set_order(ORDER if ordered else ()))
            model.ordered = ordered


async def _create(scene: Scene, model: Model, version: str) -> None:
    texts = {place.partition(":")[2]: model.text.get(place, "") for place in VERSIONS[version]}
    error = Conflict if version in model.versions else None if all(texts.values()) else NotFound
    if await _ends(scene.create("shop", version, of_artifacts(*VERSIONS[version])), error):
        model.versions[version] = Version(texts, "" if version == "3" else "DEV")


async def _promote(
    scene: Scene, model: Model, name: str, environment: str, operation: str, included: Sequence[str],
    excluded: Sequence[str], reason: str,
) -> None:  # fmt: skip
    targets = targets_of(environment, included, excluded)
    error = model.refusal(name, environment, targets, reason)
    asked = acts.promote(
        scene, environment, name, operation, override_reason=reason,
        included_repository_keys=included, excluded_repository_keys=excluded,
    )  # fmt: skip
    done = await _ends(asked, error)
    version = model.versions.get(name)
    if version is None:
        return
    if done is None:
        if len(await acts.records(scene, name)) > len(version.done):
            version.done.append(Made(environment))  # a clash, which is recorded
        return
    before = version.completed
    latest = before[-1] if before else None
    moves = operation == "move" and latest is not None and latest.environment != environment
    assert (done.operation, done.targets) == ("move" if moves else "copy", targets)
    assert done.source_environment == (latest.environment if latest else version.environment)
    model.promoted(version, Made(environment, True, targets))
    if moves and latest is not None:
        _leave(model, version, [one for one in before if one.environment == latest.environment], {*latest.holds})


def _leave(model: Model, version: Version, left: Sequence[Made], repos: set[str]) -> None:
    """Promotions let go of what they have put into some repositories."""
    for made in left:
        gone, made.holds = made.holds, tuple(repo for repo in made.holds if repo not in repos)
        model.settle(version.places(repos.intersection(gone)))


async def _delete_promotion(scene: Scene, model: Model, name: str, number: int) -> None:
    version = model.versions.get(name)
    if version is None or number >= len(version.done):
        return
    await acts.delete_promotion(scene, (await acts.records(scene, name))[number], name)
    gone = version.done.pop(number)
    model.settle(version.places(gone.holds))


async def _ends(act: Awaitable[E], error: type[AppError] | None) -> E | None:
    """The result of an act, or None when the act ends with the error that is due."""
    if error is None:
        return await act
    with pytest.raises(error):
        await act
    return None


async def _check(scene: Scene, model: Model) -> None:
    assert await scene.tree(*KEYS) == {place: sums(text).sha256 for place, text in model.text.items()}
    for name, version in model.versions.items():
        states = [f"{made.environment} {'COMPLETED' if made.completed else 'FAILED'}" for made in version.done]
        assert await acts.statuses(scene, name) == states
    for sql in (ORPHANS, EMPTY):
        assert await scene.db.read(many(sql)) == [], sql
    assert await acts.count(scene, "bundle_work") == 0


async def _verify(scene: Scene, version: str) -> None:
    """All that was signed agrees with all that is kept."""
    _, verdict = await verifying.verify(scene.bundle_ports, _found(version))
    assert verdict.problems == ()


def _found(version: str) -> Tx[tuple[str, Bundle]]:
    found = yield from store.find(BUNDLES, "shop", version)
    assert found is not None
    return BUNDLES, found
