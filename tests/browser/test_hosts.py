"""People sign in with their account at a git host, whose pages lead the browser there and back."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.hosting import hosting
from tests.browser.browse import Browse
from tests.browser.place import Place
from tests.scm.repository import Repository

ACCOUNT = "/-/account"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server at which people of GitHub and of Gitea sign in, but for strangers."""
    folder = tmp_path_factory.mktemp("hosts")
    with hosting(folder, "github", "gitea", user_filter="github-dev,gitea-dev") as (server, sides):
        sides["github"].add_person("stranger")
        yield Place(server, Repository(folder / "none"), {})


@pytest.fixture
def browse(chromium: Browser, place: Place) -> Iterator[Browse]:
    made = Browse(chromium, place)
    made.accepted = [r"request to another host: \S+/login/oauth/authorize\?", r"favicon\.ico"]
    yield made
    made.close()


def at_host(page: Page, choice: str) -> None:
    """Leave for GitHub, and choose there."""
    page.get_by_role("link", name="Sign in with GitHub").click()
    page.get_by_role("link", name=choice).click()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_who_signs_in_at_a_host_comes_to_the_page_that_was_wanted(browse: Browse, scripts: bool) -> None:
    page = browse(scripts=scripts)
    page.goto(f"{ACCOUNT}?from=chat")
    page.get_by_role("main").get_by_role("link", name="Sign in").click()

    at_host(page, "Cancel")
    expect(page.get_by_role("alert")).to_contain_text("have refused this server access to the account")
    at_host(page, "Continue as stranger")
    expect(page.get_by_role("alert")).to_contain_text("stranger of GitHub is in no organisation")
    at_host(page, "Continue as github-dev")

    expect(page).to_have_url(re.compile(rf"{ACCOUNT}\?from=chat$"))
    expect(page.get_by_role("main")).to_contain_text("GitHub: github-dev")


def test_a_second_host_is_connected_and_disconnected(browse: Browse) -> None:
    page = browse()
    page.goto(f"/login?next={ACCOUNT}")
    at_host(page, "Continue as github-dev")

    page.get_by_role("button", name="Connect Gitea").click()
    page.get_by_role("link", name="Go to Gitea").click()
    page.get_by_role("link", name="Continue as gitea-dev").click()
    expect(page.locator("main [role=status]")).to_have_text(
        "Your account at Gitea is connected: you can sign in with it, too."
    )

    page.get_by_text("Disconnect Gitea…").click()
    page.get_by_role("button", name="Disconnect gitea-dev").click()
    expect(page.locator("main [role=status]")).to_have_text("Your account at gitea is disconnected.")
    expect(page.get_by_role("button", name="Connect Gitea")).to_be_visible()
