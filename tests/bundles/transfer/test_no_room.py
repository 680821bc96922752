"""Imports for which the disk has no room in their midst: nothing of them stays, and with room they work."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.artifacts.blobs import folder
from app.bundles.model import BUNDLES, Bundle
from app.bundles.signing import store as pairs
from app.bundles.signing.signer import Signer, new_key
from app.bundles.signing.store import KeyPair
from app.bundles.transfer import imports
from app.errors import NoRoom
from tests.bundles.farside import Scene, admin
from tests.bundles.transfer import made

KEY = Signer("by-hand", new_key("ED25519"))
#: Small files, which are stored together, and large ones.
FILES = {f"small/{at}": f"{at}".encode() for at in range(20)} | {
    f"large/{at}": bytes([at]) * 300_000 for at in range(4)
}


async def import_(scene: Scene) -> Bundle:
    """Import a version of the files, which comes in parts."""

    async def parts() -> AsyncIterator[bytes]:
        data = made.file(KEY, FILES)
        for at in range(0, len(data), 50_000):
            yield data[at : at + 50_000]

    return await imports.import_(scene.bundle_ports, admin(), BUNDLES, parts())


@pytest.mark.parametrize("size", [0, 100, 310_000, 700_000, 1_200_000])
async def test_a_disk_that_is_full_in_the_midst_of_an_import(
    scene: Scene, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = KeyPair(0, KEY.name, KEY.keyid, "ED25519", "", KEY.key.public.pem, 1)
    assert await scene.db.write(pairs.add(pair, None))
    before = stored(scene.folder)

    def free(root: Path) -> int:
        return folder.SPARE + size - sum(path.stat().st_size for path in root.glob("??/*"))

    with monkeypatch.context() as patch:
        patch.setattr(folder, "free", free)
        with pytest.raises(NoRoom, match="the disk of the artifacts is full"):
            await import_(scene)

    assert stored(scene.folder) == before
    assert await scene.bundle("shop", "1.0") is None
    bundle = await import_(scene)
    assert (bundle.status, bundle.files) == ("COMPLETED", len(FILES))


def stored(root: Path) -> set[Path]:
    """The files of a store, temporary ones included."""
    return {path for path in root.rglob("*") if path.is_file() and path.parent.name != "blobs"}
