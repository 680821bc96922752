"""Any query over any store finds what the slow reading of the query finds, and nothing that may not be read."""

from functools import partial
from typing import Any

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from app.artifacts.model import ArtifactRepository, parted
from app.artifacts.rights import Action, Grant, Rights
from app.db.connect import Database
from app.db.tx import Tx, run
from tests.artifacts.search.oracle import RUNS, Lists, Members, Oracle, Ran, Thing, World, aql
from tests.artifacts.search.store import BUILDS, add_repository, add_run, add_virtual, paths, put

READ: frozenset[Action] = frozenset({"read"})
LOCALS = ("a", "ab", "b_c")
FOLDERS = (".", "x", "x/y", "x/y z", "x%y", "x-y/z")
NAMES = ("f", "F", "g.in", "f_1", "[f]", "ä")
CONTENTS = ("", "one", "two", "three")
KEYS, VALUES = ("k", "key", "k.l"), ("v", "w", "v%", "10", "9")

texts = st.sampled_from([*LOCALS, *FOLDERS, *NAMES, *VALUES, BUILDS, "all", ""])
known = [*FOLDERS, *NAMES, *VALUES]
begun = st.builds(lambda text, cut: f"{text[:cut]}*", st.sampled_from(known), st.integers(0, 3))
mixed = st.builds(lambda text, at, sign: text[:at] + sign + text[at + 1 :], st.sampled_from(known), st.integers(0, 2),
                  st.sampled_from("*?"))  # fmt: skip
patterns = begun | mixed | st.text("axyf*?%_[./", max_size=5) | st.sampled_from(["all*", "*-build-info", "b_?"])
NEAR = Grant(frozenset({"ANY"}), READ, ("*", "**/f*"), ("x%y/**",))
RIGHTS = {
    "everything": Rights(everything=True),
    "nothing": Rights(),
    "one": Rights(grants=(Grant(frozenset({"a"}), READ),)),
    "folder": Rights(
        grants=(
            Grant(frozenset({"a", "ab"}), READ, ("x/**",)),
            Grant(frozenset({BUILDS}), READ, ("app/**",), section="build"),
        )
    ),
    "patterns": Rights(grants=(NEAR, Grant(frozenset({"ANY"}), READ, ("**",), ("app/1*",), section="build"))),
}


def operands(kind: str) -> st.SearchStrategy[Any]:
    if kind == "number":
        numbers = st.integers(0, 6)
        return numbers | st.lists(
            st.tuples(st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]), numbers), min_size=1, max_size=2
        )
    tests = st.tuples(st.sampled_from(["$eq", "$ne", "$gt", "$lt", "$gte", "$lte"]), texts)
    matches = st.tuples(st.sampled_from(["$match", "$nmatch"]), patterns)
    nothing = st.tuples(st.sampled_from(["$eq", "$ne"]), st.none()) if kind == "property" else st.nothing()
    return texts | st.lists(tests | matches | nothing, min_size=1, max_size=2)


fields = st.one_of(
    *(st.tuples(st.just(name), operands("text")) for name in ("repo", "path", "name", *RUNS)),
    *(st.tuples(st.just(name), operands("number")) for name in ("size", "depth")),
    *(st.tuples(st.just(name), operands("text")) for name in ("property.key", "property.value")),
    st.tuples(st.sampled_from([f"@{key}" for key in (*KEYS, "*", "k*", "?")]), operands("property")),
    st.tuples(st.just("type"), st.sampled_from(["file", "folder", "any"])),
)
#: The usual shapes: places, runs, properties.
place = st.sampled_from(FOLDERS) | patterns.map(lambda pattern: [("$match", pattern)])
name = st.just([("$match", "*")]) | st.sampled_from(NAMES) | patterns.map(lambda pattern: [("$match", pattern)])
triple = st.builds(
    lambda repo, path, name: [("$and", Lists([[("repo", repo), ("path", path), ("name", name)]]))],
    st.sampled_from(["a", "ab", "all", [("$match", "*")]]), place, name,
)  # fmt: skip
triples = st.lists(triple, min_size=1, max_size=2).map(lambda found: [("$or", Lists(found))])
of_run = st.builds(
    lambda side, name, number: [(f"{side}.module.build.name", name), (f"{side}.module.build.number", number)],
    st.sampled_from(["artifact", "dependency"]), st.sampled_from(["app", "b"]), st.sampled_from("12"),
)  # fmt: skip
of_runs = st.lists(of_run.map(lambda found: [("$and", Lists([found]))]), min_size=1, max_size=2).map(
    lambda found: [("$or", Lists(found))]
)
has = st.builds(lambda key, value: [(f"@{key}", value)], st.sampled_from(KEYS), st.sampled_from(VALUES) | begun.map(
    lambda pattern: [("$match", pattern)]))  # fmt: skip
lacks = st.builds(
    lambda key, value: [("$or", Lists([[(f"@{key}", [("$ne", value)])]]))],
    st.sampled_from(KEYS),
    st.sampled_from(VALUES),
)
usual: st.SearchStrategy[Members] = st.one_of(triples, of_runs, has, lacks)
objects: st.SearchStrategy[Members] = st.recursive(
    usual | st.lists(fields, min_size=1, max_size=2),
    lambda inner: st.lists(
        fields | st.tuples(st.sampled_from(["$and", "$or", "$or"]), st.lists(inner, max_size=3).map(Lists)), max_size=4
    ),
    max_leaves=8,
)
queries = usual | objects | st.builds(lambda first, second: [*first, *second], usual, usual)
things = st.builds(
    Thing,
    st.sampled_from(LOCALS), st.sampled_from(FOLDERS), st.sampled_from(NAMES), content=st.sampled_from(CONTENTS),
    props=st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)), max_size=3, unique=True).map(tuple),
)  # fmt: skip
parts = st.lists(st.sampled_from(CONTENTS), max_size=2).map(tuple)
runs = st.builds(
    Ran, st.sampled_from(["app", "b"]), st.sampled_from("12"), parts, parts,
)  # fmt: skip
worlds = st.builds(
    World,
    st.lists(things, min_size=4, max_size=16, unique_by=lambda thing: (thing.repo, thing.whole)),
    st.lists(runs, min_size=1, max_size=3, unique_by=lambda run: (run.name, run.number)),
    st.just({"all": ["b_c", "a"]}),
)


#: To make a query smaller that finds something else takes minutes.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


@settings(max_examples=50, suppress_health_check=list(HealthCheck), phases=PHASES)
@given(worlds, st.lists(queries, min_size=6, max_size=12))
@example(World([], [Ran("app", "1")]), [[("repo", BUILDS)], [("repo", [("$match", "*-build-info")])]])
async def test_a_query_finds_what_it_means(db: Database, world: World, asked: list[Members]) -> None:
    await db.write(_stored(world))
    everything = [*world.things, *_folders(world), *map(_file_of, world.runs)]

    for number, (who, rights) in enumerate(RIGHTS.items()):
        oracle = Oracle(world, partial(_may_read, rights))
        may = [thing for thing in everything if _may_read(rights, thing)]
        for members in asked if who == "everything" else asked[number % 2 :: 2]:
            text = f"items.find({aql(members)})"
            expected = [thing for thing in may if oracle.finds(members, thing)]
            expected.sort(key=lambda thing: (thing.repo, thing.path, thing.name))
            assert await paths(db, text, rights) == [f"{thing.repo}:{thing.whole}" for thing in expected], text


def _may_read(rights: Rights, found: Thing | Ran) -> bool:
    if isinstance(found, Ran):
        found = _file_of(found)
    repo = ArtifactRepository(0, found.repo, system="buildinfo" if found.repo == BUILDS else "")
    return rights.may("read", repo, "" if found.whole == "." else found.whole)


def _folders(world: World) -> list[Thing]:
    inside = {(thing.repo, thing.path) for thing in world.things if thing.path != "."}
    inside |= {(BUILDS, run.name) for run in world.runs}
    around = {(repo, path.rsplit("/", depth)[0]) for repo, path in inside for depth in range(path.count("/") + 1)}
    made = [Thing(repo, *parted(path), folder=True) for repo, path in around]
    return made + [Thing(key, ".", ".", folder=True) for key in (*LOCALS, BUILDS)]


def _file_of(ran: Ran) -> Thing:
    name = f"{ran.number}-0.json"
    return Thing(BUILDS, ran.name, name, content=f"{BUILDS}:{ran.name}/{name}")


def _stored(world: World) -> Tx[None]:
    yield from run("DELETE FROM artifact_repos")
    made = {}
    for key in LOCALS:
        made[key] = yield from add_repository(key)
    yield from add_virtual("all", made["b_c"], made["a"])
    yield from add_repository(BUILDS, system="buildinfo")
    for thing in world.things:
        props: dict[str, list[str]] = {}
        for key, value in thing.props:
            props.setdefault(key, []).append(value)
        yield from put(made[thing.repo], thing.whole, thing.content, props)
    for ran in world.runs:
        yield from add_run(ran.name, ran.number, ran.artifact, ran.dependency, at=0)
