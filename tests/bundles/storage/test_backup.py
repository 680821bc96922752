"""A backup has the files of release bundles whose sources were deleted."""

import shutil
from pathlib import Path

from tests.acceptance.server import on_sqlite
from tests.artifacts.blobs.test_upkeep import GC, command
from tests.bundles.storage.conftest import Bundles

FILE = "release-bundles-v2/shop/1.0/artifacts/generic/lib/a.in"


@on_sqlite
def test_a_restore_puts_back_what_only_a_version_has(tmp_path: Path) -> None:
    with Bundles(tmp_path) as site:
        site.repo("dev")
        site.repo("spare")
        site.put("dev/lib/a.in", b"frozen")
        site.freeze("shop", "1.0", "lib/a.in")
        assert site.client.delete("/artifactory/dev/lib").status_code == 204
        site.json("POST", GC)

        code, _, err = command(site, "backup", str(tmp_path / "backup"))
        assert code == 0, err
        site.stop()
        shutil.move(site.data, tmp_path / "old")
        code, _, err = command(site, "restore", str(tmp_path / "backup"))
        assert code == 0, err
        site.start()

        assert site.get("dev/lib/a.in").status_code == 404
        assert site.get(FILE).content == b"frozen"
