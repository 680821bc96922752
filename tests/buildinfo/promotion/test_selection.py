"""Which files go where: every rule of the decision is a row."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.artifacts.rights import Action
from app.buildinfo.links import Builds, Entry, File, Marks
from app.buildinfo.selection import Asked, Decision, Target, There, decide

OURS = "artifactory-build-info"
#: What the properties of files say, by the set: of the run, of a later run, of another project's run, of part 3.
MARKS = {
    2: Marks(frozenset({"app"}), frozenset({"42"})),
    3: Marks(frozenset({"app"}), frozenset({"43"})),
    4: Marks(frozenset({"app"}), frozenset({"42"}), frozenset({"other-build-info"})),
    5: Marks(frozenset({"app"}), frozenset({"42"}), frozenset({OURS})),
    6: Marks(frozenset({"app", "lib"}), frozenset({"3", "42"})),
    7: Marks(frozenset({"lib"}), frozenset({"3"})),
}
LOCALS = ("dev", "dev2", "prod", "stage")


def entry(path: str, text: str, repo: str = "dev", **more: Any) -> Entry:
    """An artifact with a path; its bytes are named by a word."""
    return Entry(path.rpartition("/")[2], f"1{text}", f"2{text}", f"5{text}", path, repo)._replace(**more)


def loose(name: str, text: str, repo: str = "", **more: Any) -> Entry:
    """An artifact without a path, of which only the SHA-1 is known."""
    return Entry(name, f"1{text}", repo=repo)._replace(**more)


def file(where: str, text: str, set_id: int = 2, **more: Any) -> File:
    """A file `repo:path`; each place has an id of its own."""
    repo, _, path = where.partition(":")
    return File(abs(hash(where)), repo, path, f"1{text}", f"2{text}", f"5{text}", set_id)._replace(**more)


@dataclass
class Case:
    """A situation, and what is due."""

    files: Sequence[File]
    artifacts: Sequence[Entry] = ()
    dependencies: Sequence[Entry] = ()
    #: Sources of the files that are put.
    moves: Sequence[str] = ()
    #: Files that have their place.
    settled: Sequence[str] = ()
    #: Sources that a move removes because their bytes are there.
    removed: Sequence[str] = ()
    #: What ERROR messages say.
    errors: Sequence[str] = ()
    warnings: Sequence[str] = ()
    refusal: int = 0
    denied: Sequence[tuple[str, str]] = ()
    target: str = "stage"
    sources: Sequence[str] = LOCALS
    there: Sequence[File] = ()
    folders: Sequence[str] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    repository: Mapping[str, Any] = field(default_factory=dict)

    def decide(self, **changed: Any) -> Decision:
        there = {found.path: There(found, "ada") for found in self.there}
        there |= {folder: There(None) for folder in self.folders}
        known = {"refuses": lambda _: "", "there": there, **self.repository}
        target = Target(self.target, **known) if self.target else None
        more = {"fail_fast": not self.errors or bool(self.refusal), **self.more, **changed}
        return decide(
            Asked(
                builds=Builds([("app", "42"), ("lib", "3")], OURS, MARKS),
                artifacts=self.artifacts,
                dependencies=self.dependencies,
                files=self.files,
                may=denying(self.denied),
                sources=self.sources,
                target=target,
                members={"all": ("dev2", "dev")},
                **more,
            )
        )


def denying(denied: Sequence[tuple[str, str]]) -> Callable[[Action, str, str], bool]:
    """All rights but these: an action on a repository or a `repo:path`."""
    return lambda action, repo, path: not {(action, repo), (action, f"{repo}:{path}")} & set(denied)


A, B = entry("x/a", "A"), entry("x/b", "B")
FA, FB = file("dev:x/a", "A"), file("dev:x/b", "B")
SAME = [file("dev:x/1/t", "T"), file("dev:x/2/t", "T")]

CASES = {
    # Step 3 of 5: which file or repository comes first.
    "an entry with a path is the file where it was put": Case(
        [FA, file("dev2:x/a", "A"), file("dev2:y/a", "A")], [A], moves=["dev:x/a"]
    ),
    "a file elsewhere at the same path comes next": Case(
        [file("dev2:y/a", "A"), file("prod:x/a", "A")], [A], moves=["prod:x/a"]
    ),
    "then one of its name": Case([file("dev2:p/z", "A"), file("prod:y/a", "A")], [A], moves=["prod:y/a"]),
    "then any": Case([file("dev2:p/z", "A")], [A], moves=["dev2:p/z"]),
    "of files that fit alike, the target's comes last": Case(
        [file("stage:x/a", "A"), file("prod:x/a", "A")], [A], moves=["prod:x/a"]
    ),
    "but where it was put comes first even in the target": Case(
        [FA, file("dev2:x/a", "A")], [A], target="dev", settled=["dev:x/a"]
    ),
    "with a source only files of that repository count": Case(
        [FA, file("prod:y/a", "A")], [A], sources=["prod"], moves=["prod:y/a"]
    ),
    "of the members of a virtual source the first comes first": Case(
        [file("dev2:x/a", "A"), file("dev:x/a", "A")],
        [A._replace(repo="gone")],
        sources=["dev2", "dev"],
        moves=["dev2:x/a"],
    ),
    "what was put through a virtual repository lies in a member": Case(
        [file("dev:x/a", "A", 3)], [A._replace(repo="all")], moves=["dev:x/a"]
    ),
    "entries with paths have their own files": Case(
        SAME, [entry("x/1/t", "T"), entry("x/2/t", "T")], moves=["dev:x/1/t", "dev:x/2/t"]
    ),
    "a file of another entry is not taken in place of one that is gone": Case(
        SAME[:1], [entry("x/1/t", "T"), entry("x/2/t", "T")], errors=["the artifact dev:x/2/t was not found"],
        moves=["dev:x/1/t"],
    ),
    "an entry twice is one": Case([FA], [A, A], moves=["dev:x/a"]),
    "an entry without a path is every such file of one repository": Case(
        [*SAME, file("prod:backup/t", "T")], [loose("t", "T", "dev")], moves=["dev:x/1/t", "dev:x/2/t"]
    ),
    "without a repository, one that has its name comes first": Case(
        [file("dev:other", "T"), file("prod:t", "T")], [loose("t", "T")], moves=["prod:t"]
    ),
    "else the first repository, the target last": Case(
        [file("dev:o", "T"), file("prod:p", "T"), file("prod:q", "T")],
        [loose("t", "T")],
        target="dev",
        moves=["prod:p", "prod:q"],
    ),
    # Step 1 and 2 of 5: what belongs to the run.
    "a file without properties of the run is not the run's": Case(
        [file("dev2:x/a", "A", 3)], [A], errors=["dev:x/a was not found"]
    ),
    "but where the run put it, whatever a later build says": Case([file("dev:x/a", "A", 3)], [A], moves=["dev:x/a"]),
    "other bytes at the place are named": Case(
        [file("dev:x/a", "B", 3)], [A], errors=["dev:x/a was not found: the path holds other bytes"]
    ),
    "a file of another project is none": Case([file("dev:x/a", "A", 4)], [A], errors=["dev:x/a was not found"]),
    "a file that names our build-info is one": Case([file("dev:y/a", "A", 5)], [A], moves=["dev:y/a"]),
    "one of several values of a property is enough": Case([file("dev2:y/a", "A", 6)], [A], moves=["dev2:y/a"]),
    "a run finds by properties what names that run": Case(
        [file("dev2:y/a", "A", 7), file("dev2:y/b", "B", 7)],
        [A._replace(run=1), B],
        moves=["dev2:y/a"],
        errors=["dev:x/b was not found"],
    ),
    "without sha1 the sha256 decides": Case(
        [file("dev2:y/a", "A")], [A._replace(sha1="", md5="")], moves=["dev2:y/a"]
    ),
    "without both the md5": Case([file("dev2:y/a", "A")], [A._replace(sha1="", sha256="")], moves=["dev2:y/a"]),
    "no checksum is no file": Case(
        [FA], [A._replace(sha1="", sha256="", md5="")], errors=["the build-info has no checksum of it"]
    ),
    "two files with one sha1: the sha256 decides": Case(
        [file("dev:p/a", "X", sha1="1A"), file("dev:q/a", "A")], [A], moves=["dev:q/a"]
    ),
    "two files with one sha1 and no sha256 are refused": Case(
        [file("dev:p/a", "X", sha1="1A"), file("dev:q/a", "A")], [loose("a", "A")], refusal=409,
        errors=["its checksum is that of different files"],
    ),
    "and so is an entry with a path": Case(
        [file("dev:p/a", "X", sha1="1A"), file("dev:q/a", "A")], [loose("a", "A", "dev", path="x/a")], refusal=409,
        errors=["its checksum is that of different files"],
    ),
    "the place decides between two files with one sha1": Case(
        [file("dev:x/a", "X", sha1="1A"), file("dev:q/a", "A")], [loose("a", "A", "dev", path="x/a")],
        moves=["dev:x/a"],
    ),
    # Dependencies.
    "a dependency needs no properties": Case(
        [file("dev2:d.jar", "D", 1)], dependencies=[loose("d.jar", "D")], moves=["dev2:d.jar"]
    ),
    "its repository narrows the search": Case(
        [file("dev:d.jar", "D", 1), file("prod:e.jar", "D", 1)],
        dependencies=[loose("d.jar", "D", "prod")],
        moves=["prod:e.jar"],
    ),
    "one that has its name comes first, and one is enough": Case(
        [file("dev:e.jar", "D", 1), file("prod:d.jar", "D", 1)],
        dependencies=[loose("d.jar", "D")],
        moves=["prod:d.jar"],
    ),
    "what is not stored here is a warning": Case(
        [FA], [A], [loose("d.jar", "D")], moves=["dev:x/a"], warnings=["the dependency d.jar is not stored here"]
    ),
    "a file of another project is not touched as a dependency either": Case(
        [file("dev:d.jar", "D", 4)], dependencies=[loose("d.jar", "D")], warnings=["d.jar is not stored here"]
    ),
    "a file that is artifact and dependency is one": Case([FA], [A], [loose("a", "A")], moves=["dev:x/a"]),
    # What is at the target.
    "a file that is in the target already has its place": Case([FA], [A], target="dev", settled=["dev:x/a"]),
    "the same bytes at the target: a move removes the source": Case(
        [FA], [A], there=[file("stage:x/a", "A", 1)], settled=["stage:x/a"], removed=["dev:x/a"]
    ),
    "the same bytes at the target: a copy leaves the source": Case(
        [FA], [A], there=[file("stage:x/a", "A", 1)], settled=["stage:x/a"], more={"copy": True}
    ),
    "the same bytes need no right to delete there": Case(
        [FA], [A], there=[file("stage:x/a", "A", 1)], settled=["stage:x/a"], more={"copy": True},
        denied=[("delete", "stage")],
    ),
    "other bytes are replaced": Case([FA], [A], there=[file("stage:x/a", "B", 1)], moves=["dev:x/a"]),
    "other bytes without the right to delete": Case(
        [FA], [A], there=[file("stage:x/a", "B", 1)], denied=[("delete", "stage")], refusal=403,
        errors=["stage:x/a holds other bytes; the right delete is needed on stage:x/a to replace them"],
    ),
    "an immutable target keeps its bytes, and says which": Case(
        [FA], [A], there=[file("stage:x/a", "B", 1)], repository={"immutable": True}, refusal=409,
        errors=["stage:x/a holds other bytes (sha256 2B, put by ada), and keeps them; sha256 2A is refused"],
    ),
    "but not to who may not read there": Case(
        [FA], [A], there=[file("stage:x/a", "B", 1)], repository={"immutable": True}, denied=[("read", "stage")],
        refusal=409, errors=["stage is immutable: stage:x/a holds other bytes, and keeps them"],
    ),
    "an immutable target takes the same bytes": Case(
        [FA], [A], there=[file("stage:x/a", "A", 1)], repository={"immutable": True}, settled=["stage:x/a"],
        removed=["dev:x/a"],
    ),
    "patterns are judged like rights": Case(
        [FA], [A], repository={"refuses": lambda path: f"stage does not take {path}"}, refusal=409,
        errors=["stage does not take x/a"],
    ),
    "a folder is in the way": Case([FA], [A], folders=["x/a"], refusal=409, errors=["stage:x/a is a folder"]),
    "a file is above": Case(
        [FA], [A], repository={"files_above": frozenset({"x"})}, refusal=409, errors=["stage:x is a file"]
    ),
    "a file that is put is above another": Case(
        [file("dev:x", "X"), file("dev2:x/a", "A")],
        [entry("x", "X"), entry("x/a", "A", "dev2")],
        moves=["dev:x"],
        errors=["stage:x is a file"],
    ),
    "a file is put where a folder is made": Case(
        [file("dev:x", "X"), file("dev2:x/a", "A")],
        [entry("x/a", "A", "dev2"), entry("x", "X")],
        moves=["dev2:x/a"],
        errors=["x cannot be a file in stage beside x/a below it"],
    ),
    "two files of one path and bytes": Case(
        [FA, file("dev2:x/a", "A")],
        [A, entry("x/a", "A", "dev2")],
        moves=["dev:x/a"],
        settled=["dev:x/a"],
        removed=["dev2:x/a"],
    ),
    "two files of one path with other bytes": Case(
        [FA, file("dev2:x/a", "B")],
        [A, entry("x/a", "B", "dev2")],
        moves=["dev:x/a"],
        errors=["dev:x/a and dev2:x/a differ, and have one path in stage; name the source repository"],
    ),
    "what is gone from the source and lies at the target is promoted": Case(
        [file("stage:x/a", "A")], [A], sources=["dev"], settled=["stage:x/a"]
    ),
    "whatever its properties say": Case(
        [], [A], sources=["dev"], there=[file("stage:x/a", "A", 3)], settled=["stage:x/a"]
    ),
    "but not of another project": Case(
        [], [A], sources=["dev"], there=[file("stage:x/a", "A", 4)], errors=["dev:x/a was not found"]
    ),
    "and not with other bytes": Case(
        [], [A], sources=["dev"], there=[file("stage:x/a", "B", 2)], errors=["dev:x/a was not found"]
    ),
    "also without a path": Case(
        [file("stage:x/a", "A")], [loose("a", "A")], sources=["dev"], settled=["stage:x/a"]
    ),
    # Rights.
    "promote is needed on the target": Case(
        [FA, FB], [A, B], denied=[("promote", "stage:x/a")], moves=["dev:x/b"],
        errors=["Forbidden: the right promote is needed on stage:x/a"],
    ),
    "with fail-fast nothing is done": Case(
        [FA, FB], [A, B], denied=[("promote", "stage:x/a")], refusal=403,
        errors=["Forbidden: the right promote is needed on stage:x/a"],
    ),
    "delete is needed on the source of a move": Case(
        [FA], [A], denied=[("delete", "dev")], refusal=403, errors=["the right delete is needed on dev:x/a"]
    ),
    "not of a copy": Case([FA], [A], denied=[("delete", "dev")], moves=["dev:x/a"], more={"copy": True}),
    "read is needed where the run put the file": Case(
        [], [A], denied=[("read", "dev")], refusal=403, errors=["the right read is needed on dev:x/a"]
    ),
    "unless it is found elsewhere": Case(
        [file("dev2:x/a", "A")], [A], denied=[("read", "dev")], moves=["dev2:x/a"]
    ),
    "a right that lacks counts before what is not found": Case(
        [FA], [A, B], denied=[("promote", "stage")], refusal=403,
        errors=["the right promote is needed", "1 of 2 artifacts were not found: dev:x/b"],
    ),
    # Without a target.
    "without a target files stay": Case([FA], [A], target="", settled=["dev:x/a"], more={"annotates": True}),
    "and need annotate": Case(
        [FA], [A], target="", more={"annotates": True}, denied=[("annotate", "dev")], refusal=403,
        errors=["the right annotate is needed on dev:x/a"],
    ),
    # Nothing.
    "a run without entries": Case([], warnings=["nothing to promote"]),
    "a module whose build is not known": Case(
        [FA], [A], more={"lost_builds": ["lib/9"]}, moves=["dev:x/a"],
        errors=["the build lib/9, which is a module of the build, was not found"],
    ),
    "is like an artifact that is not found": Case(
        [FA], [A], more={"lost_builds": ["lib/9"]}, refusal=400,
        errors=["1 of 2 artifacts were not found: the build lib/9"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_decision(case: Case) -> None:
    made = case.decide()

    where = {found.id: f"{found.repo}:{found.path}" for found in [*case.files, *case.there]}
    assert [where[move.file.id] for move in made.moves] == list(case.moves)
    assert [where[done.file.id] for done in made.settled] == list(case.settled)
    assert [where[done.source.id] for done in made.settled if done.source] == list(case.removed)
    assert made.refusal == case.refusal
    for said, level in ((case.errors, "ERROR"), (case.warnings, "WARNING")):
        found = [message.text for message in made.messages if message.level == level]
        assert len(found) == len(said), found
        assert all(words in text for words, text in zip(said, found, strict=True)), found


def test_a_file_that_is_replaced_is_named() -> None:
    old = file("stage:x/a", "B", 1)

    made = Case([FA], [A], there=[old]).decide()

    assert [move.replaces for move in made.moves] == [old.id]


def test_messages_name_both_places_and_the_summary_counts() -> None:
    made = Case([FA], [A, B], errors=["x"]).decide(copy=True)

    assert [message.text for message in made.messages] == [
        "copy dev:x/a to stage:x/a",
        "the artifact dev:x/b was not found",
    ]
    assert made.summary == "files in stage: 1 copied, 0 there already, 1 failed"


def test_a_refusal_names_ten_and_how_many_there_are() -> None:
    entries = [entry(f"x/{number:03}", str(number)) for number in range(300)]
    files = [file(f"dev:x/{number:03}", str(number)) for number in range(12, 300)]

    made = Case(files, entries).decide()

    assert made.refusal == 400
    assert made.errors == [
        "12 of 300 artifacts were not found: " + ", ".join(f"dev:x/{n:03}" for n in range(10)) + ", and 2 more"
    ]


def test_the_same_bytes_at_ten_thousand_paths_take_no_longer_than_others() -> None:
    """Each lookup among equal files is by an index, so that this test ends."""
    entries = [entry(f"{number}/init", "T") for number in range(10_000)]
    unnamed = [loose(f"n{number}", "T") for number in range(10_000)]
    moved = [file(f"dev2:flat/{number}", "T") for number in range(20_000)]

    assert len(Case(moved, entries).decide().moves) == 10_000
    assert len(Case(moved, unnamed).decide().moves) == 20_000
