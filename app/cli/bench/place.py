"""Where the measures run, and their sizes."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from app.cli.bench import scene
from app.cli.bench.load import Load
from app.cli.bench.server import NONE, Server, serving

#: Connections of a load, unless its measure says otherwise.
CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of the measures: `seconds` is the duration of a load, the other fields are numbers of things."""

    seconds: float = 5.0
    starts: int = 5
    dispatches: int = 60
    promotes: int = 10_000
    history: int = 100_000
    readers: int = 200
    repos: int = 1_000
    waiting: int = 10_000
    stages: int = 2_000
    polls: int = 10_000
    printed: int = 100_000_000
    artifacts: int = 3_000
    many_artifacts: int = 100_000
    items: int = 1_000_000
    published: int = 10_000
    uploaded: int = 1_000_000_000
    bundled: int = 30_000
    versions: int = 100_000
    sent: int = 4_000
    told: int = 100_000
    fleet: int = 200
    views: int = 80
    logged: int = 100_000


@dataclass(frozen=True, slots=True)
class Bench:
    """The folders, the database and the sizes of the measures; `say` is called with a line of progress."""

    folder: Path
    repository: Path
    postgres: str
    sizes: Sizes
    say: Callable[[str], None]

    def server(
        self,
        name: str,
        *,
        capacity: int = 0,
        database: str = "",
        sandbox: str = "none",
        settings: Mapping[str, str] = NONE,
    ) -> AbstractContextManager[Server]:
        """A server with the data folder of this name, and more settings."""
        folder, roots = self.folder / name, self.folder
        return serving(folder, roots=roots, capacity=capacity, database=database, sandbox=sandbox, settings=settings)

    def promote(self, server: Server, connections: int = CONNECTIONS) -> Load:
        """Promote build 1 to production for `sizes.seconds`."""
        self.say(f"promotes, {connections_of(connections)}")
        return server.load("POST", scene.promotions(), connections, self.sizes.seconds)

    def get(self, server: Server, path: str) -> Load:
        """Read a path for `sizes.seconds`."""
        self.say(f"GET {path}, {connections_of(CONNECTIONS)}")
        return server.load("GET", repeat(path), CONNECTIONS, self.sizes.seconds)


def connections_of(count: int) -> str:
    """How a measure names its connections."""
    return "1 connection" if count == 1 else f"{count} connections"
