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


def states(project: Project, context: str) -> list[str]:
    """The states of the statuses of one context that came, in order."""
    return [one["state"] for one in project.statuses if one.get("context", one.get("name")) == context]
