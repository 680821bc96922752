"""Two servers: `here` makes and exports versions, `there` imports them and trusts the key of `here`."""

from collections.abc import Iterator

import pytest

from tests.artifacts.site import Site
from tests.bundles.transfer.scene import create, public_key, trust


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("here")) as site:
        site.repo("dev", environments=("DEV",))
        create(site, "shop", "1.0")
        yield site


@pytest.fixture(scope="module")
def there(here: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("there")) as site:
        trust(site, "of-here", public_key(here))
        yield site
