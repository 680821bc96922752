"""Reads what a promotion is decided by: entries of runs, files that may be theirs, and what lies at the target.

Each statement reads for all entries and files at once, so their number does not grow with the number of files. A CROSS
JOIN says that the rows of a parameter are read first, each found in the other tables by an index.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from app.artifacts.model import depth, parted
from app.buildinfo.links import Entry, File, Marks
from app.buildinfo.model import Run
from app.buildinfo.selection import There
from app.buildinfo.store import MAPPER
from app.db.tx import Row, Tx, many

PARTS = """
    SELECT DISTINCT run_parts.module FROM :rows(ids; id bigint) AS wanted JOIN run_parts ON run_parts.run_id = wanted.id
    ORDER BY run_parts.module
"""
#: The runs that modules may stand for: the longest name of a module comes first, and of a number the newest run.
RUNS_OF_PARTS = """
    SELECT runs.*, wanted.module FROM :rows(wanted; module text, position bigint, name text, number text) AS wanted
    JOIN runs ON runs.repo_id = :repo_id AND runs.name = wanted.name AND runs.number = wanted.number
    ORDER BY wanted.module, wanted.position, runs.started DESC
"""
OTHERS = """
    SELECT started_text FROM runs
    WHERE repo_id = :repo_id AND name = :name AND number = :number AND id <> :id ORDER BY started DESC
"""
ARTIFACTS = """
    SELECT run_id, name, sha1, sha256, md5, path, repo FROM module_artifacts
    WHERE run_id IN (SELECT id FROM :rows(ids; id bigint) AS wanted) ORDER BY run_id, position
"""
DEPENDENCIES = """
    SELECT run_id, name, sha1, sha256, md5, repo, scopes FROM module_dependencies
    WHERE run_id IN (SELECT id FROM :rows(ids; id bigint) AS wanted) ORDER BY run_id, position
"""
#: The sets of properties that name one of some runs.
SETS = """
    SELECT DISTINCT number.set_id FROM :rows(runs; name text, number text) AS wanted
    CROSS JOIN properties AS number CROSS JOIN properties AS name
    WHERE number.key = 'build.number' AND number.value = wanted.number
        AND name.set_id = number.set_id AND name.key = 'build.name' AND name.value = wanted.name
"""
MARKS = """
    SELECT set_id, key, value FROM :rows(sets; id bigint) AS wanted CROSS JOIN properties
    WHERE properties.set_id = wanted.id AND key IN ('build.name', 'build.number', 'build.repo')
"""
_COLUMNS = """
    items.id, items.repo_id, items.path, items.name, items.set_id, blobs.sha1, blobs.sha256, blobs.md5
"""
_AMONG = "items.repo_id IN (SELECT id FROM :rows(repos; id bigint) AS repo)"
_OF_SETS = ":rows(sets; id bigint) AS wanted CROSS JOIN items"
FILES_OF_SETS = f"""
    SELECT {_COLUMNS} FROM {_OF_SETS} CROSS JOIN blobs
    WHERE items.set_id = wanted.id AND blobs.id = items.blob_id AND {_AMONG}
"""  # noqa: S608 - fixed texts
FILES_OF_SUMS = {
    kind: f"""
        SELECT {_COLUMNS} FROM :rows(sums; value text) AS wanted CROSS JOIN blobs CROSS JOIN items
        WHERE blobs.{kind} = wanted.value AND items.blob_id = blobs.id AND {_AMONG}
    """  # noqa: S608 - fixed texts
    for kind in ("sha256", "sha1", "md5")
}
AT_PLACES = f"""
    SELECT {_COLUMNS}, items.modified_by FROM :rows(places; repo_id bigint, path text, name text) AS place
    JOIN items ON items.repo_id = place.repo_id AND items.path = place.path AND items.name = place.name
    LEFT JOIN blobs ON blobs.id = items.blob_id
"""  # noqa: S608 - fixed texts
FILES_AMONG = """
    SELECT items.path, items.name FROM :rows(folders; path text, name text) AS wanted CROSS JOIN items
    WHERE items.repo_id = :repo_id AND items.path = wanted.path AND items.name = wanted.name AND NOT items.folder
"""
# Made of fixed texts and names of columns alone.
REPOS_OF_SETS = f"SELECT DISTINCT items.repo_id FROM {_OF_SETS} WHERE items.set_id = wanted.id"  # noqa: S608 - a constant
REPOS_OF_ENTRIES = """
    SELECT DISTINCT repo FROM module_artifacts WHERE run_id IN (SELECT id FROM :rows(ids; id bigint) AS wanted)
"""

#: The most parts of the id of a module that are tried as name and number.
ID_PARTS = 20
_KINDS = {64: "sha256", 40: "sha1", 32: "md5"}


def array(rows: Iterable[Sequence[object]]) -> str:
    """A parameter that stands for rows."""
    return orjson.dumps(list(rows)).decode()


def others(run: Run) -> Tx[list[str]]:
    """When the other runs of a number began, the newest first."""
    found = yield from many(OTHERS, repo_id=run.repo_id, name=run.name, number=run.number, id=run.id)
    return [row["started_text"] for row in found]


def followed(first: Run, readable: Callable[[Run], bool]) -> Tx[tuple[list[Run], list[str]]]:
    """A run with all that it aggregates, and the modules whose run is not known. Each run counts once, so that circles
    end. A run that the caller may not read counts as not known."""
    runs, level, lost = {first.id: first}, [first.id], dict[str, None]()
    while level:
        modules = [row["module"] for row in (yield from many(PARTS, ids=array([run_id] for run_id in level)))]
        known = yield from _parts(first.repo_id, modules)
        level = []
        for module in modules:
            run = known.get(module)
            if run is None or not readable(run):
                lost[module] = None
            elif run.id not in runs:
                runs[run.id] = run
                level.append(run.id)
    return list(runs.values()), list(lost)


def artifacts_of(runs: Sequence[Run]) -> Tx[list[Entry]]:
    """The artifacts that runs list."""
    positions = {run.id: at for at, run in enumerate(runs)}
    rows = yield from many(ARTIFACTS, ids=_ids(runs))
    return _in_order(
        Entry(name, sha1, sha256, md5, path, repo, positions[run_id])
        for run_id, name, sha1, sha256, md5, path, repo in rows
    )


def dependencies_of(runs: Sequence[Run], scopes: frozenset[str]) -> Tx[list[Entry]]:
    """The dependencies that runs list, in any of these scopes; without scopes all."""
    positions = {run.id: at for at, run in enumerate(runs)}
    rows = yield from many(DEPENDENCIES, ids=_ids(runs))
    return _in_order(
        Entry(name, sha1, sha256, md5, "", repo, positions[run_id])
        for run_id, name, sha1, sha256, md5, repo, said in rows
        if not scopes or scopes.intersection(orjson.loads(said))
    )


def _in_order(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: entry.run)


def _ids(runs: Iterable[Run]) -> str:
    return array([run.id] for run in runs)


def _parts(repo_id: int, modules: Sequence[str]) -> Tx[dict[str, Run]]:
    wanted = [(module, at, *pair) for module in modules for at, pair in enumerate(_pairs(module))]
    found: dict[str, Run] = {}
    if wanted:
        for row in (yield from many(RUNS_OF_PARTS, repo_id=repo_id, wanted=array(wanted))):
            found.setdefault(row["module"], MAPPER.make(row))
    return found


def _pairs(module: str) -> Iterator[tuple[str, str]]:
    """The names and numbers that `NAME/NUMBER` may mean, the longest name first."""
    parts = module.split("/")
    for at in range(len(parts) - 1, 0, -1) if len(parts) <= ID_PARTS else ():
        yield "/".join(parts[:at]), "/".join(parts[at:])


def sets_of(builds: Sequence[tuple[str, str]]) -> Tx[list[int]]:
    """The sets of properties that name one of these runs."""
    return [row["set_id"] for row in (yield from many(SETS, runs=array(builds)))]


def repos_of(
    runs: Sequence[Run], dependencies: Sequence[Entry], by_key: Mapping[str, int], members: Mapping[str, Sequence[str]]
) -> Tx[set[int]]:
    """The ids of the repositories, among those of `by_key`, in which files of runs and dependencies may lie."""
    sets = yield from _sets_of(runs)
    found = {row["repo_id"] for row in (yield from many(REPOS_OF_SETS, sets=sets))}
    said = [row["repo"] for row in (yield from many(REPOS_OF_ENTRIES, ids=_ids(runs)))]
    found |= {by_key[key] for repo in said for key in members.get(repo, (repo,)) if key in by_key}
    found |= {row["repo_id"] for row in (yield from _of_sums(dependencies, by_key.values()))}
    return found.intersection(by_key.values())


def files_of(
    runs: Sequence[Run],
    artifacts: Sequence[Entry],
    dependencies: Sequence[Entry],
    repos: Mapping[int, str],
    members: Mapping[str, Sequence[str]],
) -> Tx[list[File]]:
    """The files in some repositories that may be those of the entries: by properties, by place, or by checksum."""
    make, files = _file(repos), dict[int, File]()
    if artifacts:
        sets = yield from _sets_of(runs)
        rows = yield from many(FILES_OF_SETS, sets=sets, repos=array([repo_id] for repo_id in repos))
        files = {row["id"]: make(row) for row in rows}
        places = _places(artifacts, files.values(), repos, members)
        if places:
            found = yield from many(AT_PLACES, places=array(places))
            files |= {row["id"]: make(row) for row in found if row["sha1"] is not None}
    found = yield from _of_sums(dependencies, repos)
    files |= {row["id"]: make(row) for row in found}
    return list(files.values())


def _places(
    artifacts: Sequence[Entry], known: Iterable[File], repos: Mapping[int, str], members: Mapping[str, Sequence[str]]
) -> list[tuple[int, str, str]]:
    """Where artifacts were put, without the places of files that are known."""
    by_key = {key: repo_id for repo_id, key in repos.items()}
    there: dict[str, set[str]] = {key: set() for key in by_key}
    for file in known:
        there[file.repo].add(file.path)
    wanted = {
        (by_key[repo], entry.path)
        for entry in artifacts
        if entry.path
        for repo in members.get(entry.repo, (entry.repo,))
        if repo in by_key and entry.path not in there[repo]
    }
    return [(repo_id, *parted(path)) for repo_id, path in sorted(wanted)]


def _sets_of(runs: Sequence[Run]) -> Tx[str]:
    """The sets of properties that name one of these runs, as a parameter."""
    rows = yield from many(SETS, runs=array((run.name, run.number) for run in runs))
    return array([row["set_id"]] for row in rows)


def _of_sums(entries: Iterable[Entry], repos: Iterable[int]) -> Tx[list[Row]]:
    ids, found = array([repo_id] for repo_id in repos), list[Row]()
    sums = dict.fromkeys(entry.checksum for entry in entries)
    for length, kind in _KINDS.items():
        some = [[value] for value in sums if len(value) == length]
        if some:
            found += yield from many(FILES_OF_SUMS[kind], sums=array(some), repos=ids)
    return found


def _file(repos: Mapping[int, str]) -> Callable[[Any], File]:
    def make(row: Any) -> File:
        item_id, repo_id, path, name, set_id, sha1, sha256, md5, *_ = row
        return File(item_id, repos[repo_id], name if path == "." else f"{path}/{name}", sha1, sha256, md5, set_id)

    return make


def marks_of(files: Iterable[File]) -> Tx[dict[int, Marks]]:
    """What the properties of files say of builds, by set."""
    sets = {file.set_id for file in files}
    found: dict[int, dict[str, set[str]]] = {}
    for row in (yield from many(MARKS, sets=array([set_id] for set_id in sorted(sets)))):
        found.setdefault(row["set_id"], {}).setdefault(row["key"], set()).add(row["value"])
    return {
        set_id: Marks(*(frozenset(values.get(key, ())) for key in ("build.name", "build.number", "build.repo")))
        for set_id, values in found.items()
    }


def there_at(repo_id: int, key: str, paths: Iterable[str]) -> Tx[dict[str, There]]:
    """What lies at some paths of a repository."""
    rows = yield from many(AT_PLACES, places=array((repo_id, *parted(path)) for path in sorted(paths)))
    make, found = _file({repo_id: key}), dict[str, There]()
    for row in rows:
        file = make(row)
        found[file.path] = There(file if row["sha1"] is not None else None, row["modified_by"])
    return found


def files_above(repo_id: int, folders: Iterable[str]) -> Tx[frozenset[str]]:
    """Which of these paths are those of files."""
    rows = yield from many(FILES_AMONG, repo_id=repo_id, folders=array(parted(folder) for folder in folders))
    return frozenset(row["name"] if row["path"] == "." else f"{row['path']}/{row['name']}" for row in rows)


def folders_of(paths: Iterable[str]) -> set[str]:
    """All folders around some paths."""
    found = set[str]()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def folder_rows(folders: Iterable[str]) -> list[tuple[str, str, int]]:
    """Path, name and depth of folders, the outermost first."""
    return [(*parted(folder), depth(folder)) for folder in sorted(folders)]
