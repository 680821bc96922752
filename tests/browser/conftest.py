"""What tests in a browser share: one Chromium of a worker, a server for a module, and pages that are watched."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.browse import PROGRAM, Browse, started
from tests.browser.place import Place, furnish

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, and skip them where there is no Chromium."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("browser")
            if PROGRAM is None:
                item.add_marker(pytest.mark.skip(reason="there is no chromium here: install it"))


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """A Chromium as long as the tests of this folder run; others may want an event loop, which Playwright occupies."""
    with started() as browser:
        yield browser


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = furnish(tmp_path_factory.mktemp("browser"))
    yield made
    made.server.__exit__()


@pytest.fixture
def browse(chromium: Browser, place: Place) -> Iterator[Browse]:
    """Opens pages; fails the test for what the browser complained about."""
    made = Browse(chromium, place)
    yield made
    made.close()
