"""A server of pages in memory with a real database, browsers that are signed in, and a reader that forgives nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
from justhtml import JustHTML, Node

from app.accounts import store as accounts
from app.builds.behind import Behind
from app.builds.live.broadcast import Broadcast
from app.builds.logs.logs import Logs
from app.builds.model import Build, Line, Stage, Step
from app.builds.remembered import Remembered
from app.db.tx import run
from app.repos import store as repos
from app.repos.model import Permissions, Repo
from app.web.traffic import Traffic
from tests.accounts import farside
from tests.builds.farside import Scene, nothing_told

NOW = farside.NOW
#: What a browser that opens an address says.
BROWSER = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Sec-Fetch-Site": "none",
    "Sec-Fetch-Mode": "navigate",
}
#: What people may in the repository; `root` administers the server.
PEOPLE = {"nobody": None, "reader": Permissions(True), "writer": Permissions(True, True)}
PEOPLE |= {"keeper": Permissions(True, True, True), "root": None}


@dataclass
class Place:
    """The pages of a scene; the keys of `why` are ids of stages."""

    scene: Scene
    client: httpx2.AsyncClient
    cookies: dict[str, str]
    behind: Behind
    why: dict[int, str] = field(default_factory=dict)

    @property
    def repo(self) -> Repo:
        return self.scene.repo

    @property
    def logs(self) -> Logs:
        return self.scene.ports.logs

    async def get(self, path: str, who: str = "reader", **headers: str) -> httpx2.Response:
        """An answer to the browser of somebody, who is nobody's with an empty name."""
        shown = farside.shown(self.cookies[who]) if who else {}
        return await self.client.get(path, headers=BROWSER | shown | headers)

    async def post(self, path: str, who: str = "writer", **fields: str) -> httpx2.Response:
        """The answer to a form that the browser of somebody sends from a page of ours."""
        shown = farside.shown(self.cookies[who]) if who else {}
        return await self.client.post(path, data=fields, headers=BROWSER | shown | farside.OWN)

    async def page(self, path: str, who: str = "reader", status: int = 200) -> "Page":
        """A page that is valid."""
        answer = await self.get(path, who)
        assert answer.status_code == status, answer.text
        return Page(answer)

    async def set(self, what: str, **columns: Any) -> None:
        """Change a row of the repository's, of builds: `repos WHERE id = 1`."""
        sets = ", ".join(f"{name} = :{name}" for name in columns)
        table, _, where = what.partition(" ")
        await self.scene.ports.db.write(run(f"UPDATE {table} SET {sets} {where}", **columns))

    async def write_log(self, step: Step, *lines: str) -> None:
        """The log of a step that is over."""
        await self.logs.write(step.id, [Line(pos, out, 0) for pos, out in enumerate(lines)])

    async def ran(self, build: Build, *names: str) -> Stage:
        """The first stage of a build, which runs, with steps of these names."""
        return await self.scene.start(build.stages[0], *names)


class Page:
    """A page, which was parsed by all rules of HTML, and searched for what no page of ours may have."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self.html = answer.text
        assert answer.headers["content-type"].startswith("text/html"), answer.text
        self.doc = JustHTML(answer.text, strict=True, sanitize=False)
        self.nodes = self.doc.query("*")
        self._check_attributes()
        self._check_names()
        self._check_forms()

    def _check_attributes(self) -> None:
        for node in self.nodes:
            given = attributes(node)
            assert "style" not in given, node
            assert not [name for name in given if name.startswith("on")], node
            assert node.name not in ("style", "base", "iframe", "object", "embed"), node
            assert node.name != "script" or given["src"].startswith("/-/static/"), node
            assert node.name != "script" or given["integrity"], node
            for name in ("src", "action"):
                assert given.get(name, "/").startswith("/"), given
            if node.name == "link":
                assert given["href"].startswith("/-/static/"), given
            if node.name == "a" and "href" in given:
                assert re.match(r"/|#|\?|https?://", given["href"]), given

    def _check_names(self) -> None:
        ids = [given["id"] for node in self.nodes if "id" in (given := attributes(node))]
        assert len(ids) == len(set(ids)), sorted(one for one in ids if ids.count(one) > 1)
        assert self.count("h1") == self.count("main") == self.count("head title") == 1
        for node in self.nodes:
            for name in ("aria-labelledby", "aria-describedby", "for"):
                assert set(attributes(node).get(name, "").split()) <= set(ids), attributes(node)
        here = {f"#{one}" for one in ids}
        for link in self.links():
            assert not link.startswith("#") or link in here, link

    def _check_forms(self) -> None:
        labelled = {attributes(node)["for"] for node in self.doc.query("label")}
        for node in self.doc.query("input, select, textarea"):
            given = attributes(node)
            if given.get("type") != "hidden" and given.get("aria-hidden") != "true":
                assert given["id"] in labelled, given
        for node in self.doc.query("table"):
            assert node.query("caption"), self.html
            assert all(attributes(head).get("scope") for head in node.query("th"))

    def root(self, name: str) -> str | None:
        """An attribute of the page's root."""
        return attributes(self.doc.query("html")[0]).get(name)

    def count(self, selector: str) -> int:
        return len(self.doc.query(selector))

    def links(self, selector: str = "a") -> Sequence[str]:
        return [attributes(node)["href"] for node in self.doc.query(selector) if "href" in attributes(node)]

    def text(self, selector: str = "main") -> str:
        """The words of what a selector finds, with single spaces."""
        return " ".join(words(node) for node in self.doc.query(selector))


def words(node: Node) -> str:
    """The text of an element as a person reads it, with single spaces."""
    return " ".join(node.to_text(separator="", strip=False).split())


def attributes(node: Node) -> dict[str, str]:
    """The attributes of an element; one without a value is empty."""
    return {name: value or "" for name, value in (node.attrs or {}).items()}


def state(scene: Scene, why: dict[int, str], **more: Any) -> dict[str, Any]:
    """What a server gives every request."""

    async def why_pending(stages: Sequence[Stage]) -> dict[int, str]:
        return {stage.id: why[stage.id] for stage in stages if stage.id in why}

    ports = scene.ports
    known = {"ports": ports, "behind": Behind(ports.hosts), "why_pending": why_pending, "now": scene.clock}
    known["remembered"] = Remembered()
    known["broadcast"] = Broadcast(ports.db, ports.moments.watched, Traffic(), "abc", scene.clock)
    return farside.state(ports.db, private_mode=False, renew_rights=nothing_told, admission=None, **known) | more


async def people(scene: Scene) -> dict[str, str]:
    """The cookies of browsers of PEOPLE, who have their rights in the repository of the scene."""
    db = scene.ports.db
    for login, rights in PEOPLE.items():
        made = await db.write(accounts.create(login, token=f"token of {login}", now=NOW, admin=login == "root"))
        if rights is not None:
            await db.write(repos.grant(scene.repo.id, made.id, rights, NOW))
    return {login: await farside.begin(db, login, expires=2**33) for login in PEOPLE}
