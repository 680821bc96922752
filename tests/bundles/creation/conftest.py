"""A server with what versions are made of."""

import itertools
from collections.abc import Iterator

import pytest

from tests.artifacts.site import Site
from tests.buildinfo.project import artifact, module, sums
from tests.bundles.creation.calls import STARTED, create, files

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Files, a build with a dependency that is stored and one that is not, and a build whose file is not stored."""
    with Site(tmp_path_factory.mktemp("creation")) as site:
        for key, environment in (("dev-local", "DEV"), ("other-local", "DEV"), ("prod-local", "PROD")):
            site.repo(key, environments=(environment,))
        site.repo("npm-local", package_type="npm")
        for path in ("a", "lib/b", "dep"):
            assert site.put(f"dev-local/{path};from=dev", path.encode()).status_code == 201
        site.put("other-local/a", b"other")
        site.put("npm-local/left-pad.tgz;npm.name=left-pad;npm.version=1.3.0", b"tgz")
        used = [{"id": name, **sums(name.encode())} for name in ("dep", "far")]
        made = module(artifact("a", b"a", path="a", originalDeploymentRepo="dev-local"), dependencies=used)
        lost = module(artifact("gone", b"gone", path="gone", originalDeploymentRepo="dev-local"))
        for number, contents in (("1", made), ("2", lost)):
            info = {"name": "app", "number": number, "started": STARTED, "modules": [contents]}
            assert site.ask("PUT", "/artifactory/api/build", json=info).status_code == 204
        create(site, "part", files("dev-local/a"))
        create(site, "draft", files("dev-local/a"), draft=True)
        yield site


@pytest.fixture
def name() -> str:
    """A name that no version has."""
    return f"of-{next(_numbers)}"
