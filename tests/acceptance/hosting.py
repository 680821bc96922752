"""A real server beside the far sides of git hosts; a person who logs in there with a browser."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.acceptance.server import Server
from tests.scm.fakes.forge import Forge
from tests.scm.fakes.gitea import Gitea
from tests.scm.fakes.github import GitHub
from tests.scm.fakes.gitlab import GitLab
from tests.scm.fakes.gogs import Gogs
from tests.scm.fakes.project import Project
from tests.scm.fakes.serving import serving
from tests.soon import PATIENCE

FAKES: dict[str, type[Forge]] = {"github": GitHub, "gitea": Gitea, "gitlab": GitLab, "gogs": Gogs}
#: What a browser says of a request that a page of the server made, and of one to which a host has sent it.
OWN = {"Sec-Fetch-Site": "same-origin"}
BACK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}


class Person:
    """A browser of somebody who has an account at a host. The account has the host's name."""

    def __init__(self, server: Server, name: str, side: Forge) -> None:
        self.server, self.name, self.side = server, name, side
        self.login = f"{name}-dev"
        self.browser = httpx2.Client(base_url=server.url, timeout=PATIENCE)

    def close(self) -> None:
        """Close the browser."""
        self.browser.close()

    def log_in(self) -> httpx2.Response:
        """Log in by the pages of the host, or with a password where the host has no such pages."""
        if self.name == "gogs":
            form = {"host": self.name, "username": self.login, "password": self.side.people[self.login].password}
            return self.browser.post("/login", data=form, headers=OWN)
        self.side.consenting = self.login
        there = httpx2.get(self.browser.get(f"/login/{self.name}", headers=OWN).headers["location"])
        return self.browser.get(there.headers["location"], headers=BACK)

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send a request as a page of the server does."""
        return self.browser.request(method, path, headers=OWN, **options)

    def json(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of an answer that must be 200."""
        answer = self.ask(method, path, **options)
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def synchronised(self) -> list[str]:
        """The repositories of the account, once they are synchronised."""

        def done() -> bool:
            told = self.json("GET", "/api/user")
            return told["synced"] and not told["syncing"]

        self.server.until(done, "the repositories are synchronised")
        return [repo["slug"] for repo in self.json("GET", "/api/user/repos")]


@contextmanager
def hosting(
    folder: Path, *names: str, tokens: bool = False, **settings: str
) -> Iterator[tuple[Server, dict[str, Forge]]]:
    """A server that knows these hosts, by an OAuth application, or by a token of octocat; and their far sides."""
    with ExitStack() as stack:
        sides = {name: FAKES[name](folder / name) for name in names}
        server = Server(folder / "server", git_roots=str(folder / "none"), **settings)
        for name, side in sides.items():
            stack.enter_context(serving(side))
            side.callback = f"{server.url}/login"
            side.add_person(f"{name}-dev")
            given = {"SERVER": side.url}
            if tokens:
                given["TOKEN"] = "octocat-token"
            elif name != "gogs":
                given |= {"CLIENT_ID": side.client_id, "CLIENT_SECRET": side.client_secret}
            server.environment |= {f"GANTRY_{name.upper()}_{key}": value for key, value in given.items()}
        yield stack.enter_context(server), sides


def owned(side: Forge, slug: str, login: str) -> Project:
    """A new private project that an account administers."""
    project = side.add_project(slug, private=True)
    project.levels[login] = 40
    project.pusher = login
    return project


def waiting(server: Server) -> Any:
    return server.json("GET", "/api/outbox")


class AtHost:
    """A new private repository at a host, and its owner."""

    numbers = iter(range(10**6))

    def __init__(self, person: Person, files: dict[str, str | bytes]) -> None:
        self.files = files
        self.person, self.server, self.name, self.side = person, person.server, person.name, person.side
        self.slug = f"{person.login}/tool-{next(self.numbers)}"
        self.project: Project = owned(self.side, self.slug, person.login)
        answer = person.log_in()
        assert (answer.status_code, answer.headers["location"]) == (303, "/"), answer.text
        if self.slug not in person.synchronised():  # at the first log-in alone, and hourly
            listed = person.json("POST", "/api/user/repos")
            assert self.slug in [repo["slug"] for repo in listed]

    @property
    def path(self) -> str:
        return f"/api/repos/{self.slug}"

    def enable(self) -> Any:
        return self.person.json("POST", self.path)

    def pushed(self, **files: str | bytes) -> Any:
        """The build of a push, once it is over."""
        known = len(self.builds())
        self.project.push(self.files | files)
        return self.over(known + 1)

    def over(self, number: int) -> Any:
        self.server.until(lambda: len(self.builds()) >= number, f"build {number} was made")
        return self.server.finished(self.slug, number)

    def builds(self) -> Any:
        return self.server.json("GET", f"{self.path}/builds")

    def promote(self, number: int) -> Any:
        made = self.person.json("POST", f"{self.path}/builds/{number}/promote", params={"target": "production"})
        return self.server.finished(self.slug, made["number"])

    def all_told(self) -> None:
        self.server.until(lambda: waiting(self.server) == [], f"everything has left, but {waiting(self.server)}")


def states(project: Project, context: str) -> list[str]:
    """The states of the statuses of one context that came, in order."""
    return [one["state"] for one in project.statuses if one.get("context", one.get("name")) == context]
