"""Properties of versions of release bundles stand at their manifests."""

import httpx2
import pytest

from tests.artifacts.site import message
from tests.bundles.storage.conftest import Bundles

pytestmark = pytest.mark.postgres

KEY = "release-bundles-v2"
MANIFEST = f"{KEY}/shop/1.0/release-bundle.json.evd"


def test_a_version_takes_properties_at_its_manifest(bundles: Bundles) -> None:
    """As `jf rba` sends them."""
    where = f"/artifactory/api/storage/{MANIFEST}"
    assert bundles.ask("PUT", f"{where}?properties=stage%3Dqa%2Ctest%3Bempty%3D%27%27&recursive=1").status_code == 204
    assert bundles.json("GET", f"{where}?properties")["properties"] == {"empty": ["''"], "stage": ["qa", "test"]}

    assert bundles.ask("DELETE", f"{where}?properties=stage%2Cnone&recursive=1").status_code == 204
    assert bundles.json("GET", f"{where}?properties")["properties"] == {"empty": ["''"]}


def test_who_may_annotate_a_version_may_set_its_properties(bundles: Bundles) -> None:
    annotator = bundles.bundler("annotator", ("read annotate", "shop/1.0"))
    creator = bundles.bundler("creator", ("read deploy delete promote", "**"))

    def put(client: httpx2.Client, version: str) -> int:
        path = f"/artifactory/api/storage/{KEY}/{version}/release-bundle.json.evd"
        return int(client.put(path, params={"properties": "by=somebody"}).status_code)

    assert (put(annotator, "shop/1.0"), put(annotator, "shop/2.0"), put(creator, "shop/1.0")) == (204, 403, 403)
    assert "the right annotate is needed" in message(
        creator.put(f"/artifactory/api/storage/{MANIFEST}", params={"properties": "a=b"})
    )
