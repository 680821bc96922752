"""A repository with targets, and forms that are sent as a browser sends them."""

from collections.abc import Sequence
from typing import Any

from httpx2 import Response

from app.builds import flow
from app.builds.model import Build
from app.scm.forge import Compares, Comparison
from app.scm.host import Source
from tests.accounts.farside import OWN, shown
from tests.builds.farside import OCTOCAT, FakeHost, pipeline
from tests.ui.farside import BROWSER, Page, Place, attributes

DEPLOY = {"event": ["promote", "rollback"], "target": ["staging", "production"]}
FILE = (
    pipeline("build", trigger={"event": ["push", "custom"]}),
    pipeline("deploy", trigger=DEPLOY),
    pipeline("smoke", depends_on=["deploy"], trigger=DEPLOY),
)
REPO = "/octocat/hello"


class Comparing(FakeHost, Compares):
    """A host whose commits stand in one line, in the order in which they were added."""

    async def compare(self, source: Source, before: str, after: str) -> Comparison:
        line = list(self.files)
        new = line[line.index(before) + 1 : line.index(after) + 1]
        return Comparison(tuple(self._commit(sha) for sha in new), (".drone.yml",) if before != after else ())


async def built(place: Place, count: int = 1) -> None:
    """So many green builds, each of a commit of its own."""
    if not isinstance(place.scene.host, Comparing):
        place.scene.host.__class__ = Comparing
    for _ in range(count):
        await place.scene.push(*FILE, params={"VERSION": f"1.{await place.scene.counter()}", "REGION": "eu"})
    await place.set("builds WHERE status = 'pending'", status="success", finished=place.scene.clock())


async def promoted(place: Place, number: int, target: str = "production", status: str = "success") -> Build:
    """A promotion that is over."""
    old = await place.scene.build(number)
    made = await flow.promote(place.scene.ports, place.repo, old, target=target, by=OCTOCAT, params={})
    place.scene.clock.time += 60
    await place.set(f"builds WHERE id = {made.id}", status=status, finished=place.scene.clock())
    return made


def fields(page: Page, form: str = "main form[method=post]") -> dict[str, str]:
    """What a browser sends for the form of a page as it stands."""
    (found,) = page.doc.query(form)
    sent: dict[str, str] = {}
    for node in found.query("input, textarea, select"):
        given = attributes(node)
        if node.name == "textarea":
            sent[given["name"]] = node.to_text(separator="", strip=False)
        elif node.name == "select":
            chosen = [one for one in node.query("option") if "selected" in attributes(one)] or node.query("option")
            sent[given["name"]] = attributes(chosen[0]).get("value", chosen[0].to_text())
        elif given.get("type") not in ("radio", "checkbox") or "checked" in given:
            sent[given["name"]] = given.get("value", "")
    return sent


async def send(place: Place, path: str, sent: dict[str, str], who: str = "writer", **headers: str) -> Response:
    """The answer to a form that somebody sends."""
    named: Any = (BROWSER | OWN | shown(place.cookies[who]) if who else BROWSER | OWN) | headers
    return await place.client.post(path, data=sent, headers=named)


def buttons(page: Page) -> Sequence[str]:
    """The words of the buttons of the form."""
    return [node.to_text().strip() for node in page.doc.query("main form[method=post] button:not(.scripted)")]
