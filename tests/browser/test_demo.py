"""The first hour in a browser: the demo of `make run`, promoted, followed and rolled back, with scripts and without."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.server import Server
from tests.browser.browse import DESK, PATIENT

#: The picture on README's first screen; `GANTRY_PICTURE=true` makes it anew.
PICTURE = Path(__file__).parents[2] / "docs" / "board.png"
HEIGHT = 380


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Server]:
    """What `make run` starts."""
    server = Server(tmp_path, demo="true")
    del server.environment["GANTRY_ADMIN"], server.environment["GANTRY_GIT_ROOTS"]
    with server:
        server.until(lambda: "Promote that build" in server.log.read_text(), "the demo is ready")
        server.client.headers["Authorization"] = f"Bearer {token(server)}"
        yield server


def token(server: Server) -> str:
    """The token of the administrator, as the terminal shows it."""
    found = re.search(r"Authorization: Bearer (\w+)", server.log.read_text())
    assert found
    return found[1]


def promote(page: Page, server: Server, target: str, version: str, number: int) -> None:
    """Promote the demo's build by the form, and see the build end."""
    page.goto(f"/demo/hello/1/-/promote?target={target}")
    page.get_by_label("Name").last.fill("VERSION")
    page.get_by_label("Value").last.fill(version)
    page.get_by_role("button", name=f"Promote to {target}").click()
    ended(page, server, number)


def ended(page: Page, server: Server, number: int) -> None:
    """Wait for the end of a build on its page, which a browser without scripts loads again."""
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Build {number}")
    assert page.url.endswith(f"/demo/hello/{number}")
    server.finished("demo/hello", number)
    if not page.evaluate("() => document.documentElement.hasAttribute('data-scripts')"):
        page.reload()
    expect(page.get_by_role("heading", level=1)).to_contain_text("success")


@pytest.mark.parametrize("scripts", [True, False])
def test_the_demo_is_promoted_and_rolled_back(chromium: Browser, demo: Server, scripts: bool) -> None:
    context = chromium.new_context(
        base_url=demo.url, java_script_enabled=scripts, viewport={"width": DESK, "height": HEIGHT}
    )
    context.set_default_timeout(PATIENT)
    page = context.new_page()
    page.goto("/")
    page.get_by_role("link", name="Sign in").first.click()
    page.get_by_label("Token").fill(token(demo))
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Board")
    row = page.get_by_role("row").filter(has_text="demo/hello")
    expect(row).to_contain_text("never promoted")

    promote(page, demo, "production", "1.3.9", 2)
    promote(page, demo, "production", "1.4.0", 3)
    promote(page, demo, "staging", "1.4.0", 4)

    page.goto("/demo/hello/3")
    expect(
        page.get_by_text("releasing 1.4.0 to production").or_(page.get_by_text("1.4.0 is on production"))
    ).to_be_visible()
    page.get_by_role("link", name="Roll production back to 2…").click()
    page.get_by_role("button", name="Roll production back to 2").click()
    ended(page, demo, 5)

    page.get_by_role("link", name="Board").click()
    expect(row).to_contain_text("build 5")
    expect(row).to_contain_text("build 4")
    if scripts and os.environ.get("GANTRY_PICTURE"):
        page.screenshot(path=PICTURE)
    context.close()


def test_the_readme_shows_the_board() -> None:
    assert PICTURE.read_bytes().startswith(b"\x89PNG")
    assert f"docs/{PICTURE.name}" in (PICTURE.parents[1] / "README.md").read_text()
