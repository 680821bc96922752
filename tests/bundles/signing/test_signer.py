"""Which key signs, and how keys are kept."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.artifacts.blobs.folder import FolderStore
from app.bundles.ports import Ports
from app.bundles.signing import pairs, signer, store
from app.bundles.signing.pairs import Wanted
from app.bundles.signing.signer import DEFAULT, new_key, require, signer_of, trusted
from app.db.connect import Alterable
from app.db.tx import Tx, many, run
from app.errors import Conflict, Invalid, NotFound
from app.moments import SERVER, Actor, Change, Recorder, Recorders
from app.sealing.seal import Seal
from tests.bundles.signing.farside import private_pem

NOW = 1_700_000_000_000
ADA = Actor("person", "ada", 7)


@dataclass
class Scene:
    """A database, and what was recorded."""

    db: Alterable
    blobs: FolderStore
    moments: list[Change] = field(default_factory=list)

    @property
    def ports(self) -> Ports:
        recorders = Recorders(Recorder(self._note))
        return Ports(self.db, self.blobs, recorders, Seal("the key of the test"), lambda: NOW, "jfrt@test")

    def _note(self, moment: Any) -> Tx[None]:
        self.moments.append(moment)
        yield from run("SELECT 1")

    async def sealed(self) -> list[bytes]:
        return [bytes(row["data"]) for row in await self.db.read(many("SELECT data FROM private_keys ORDER BY id"))]

    @property
    def verbs(self) -> list[str]:
        return [moment.verb for moment in self.moments]


@pytest.fixture
async def scene(db: Alterable, tmp_path: Path) -> AsyncIterator[Scene]:
    blobs = FolderStore(tmp_path / "blobs")
    yield Scene(db, blobs)
    blobs.close()


async def test_the_default_key_is_made_when_it_is_needed(scene: Scene) -> None:
    await scene.db.read(require(DEFAULT))
    first = await signer_of(scene.ports, DEFAULT)
    again = await signer_of(scene.ports, "")

    assert (first.name, first.key.public.type) == (DEFAULT, "ECDSA")
    assert again.keyid == first.keyid
    assert [(moment.verb, moment.by, moment.subject) for moment in scene.moments] == [
        ("key_pair.create", SERVER, DEFAULT)
    ]
    assert (await scene.db.read(trusted())) == {first.keyid: first.key.public}
    await scene.db.read(require(""))


async def test_many_who_need_the_default_key_at_once_get_one(scene: Scene) -> None:
    found = await asyncio.gather(*(signer_of(scene.ports, "") for _ in range(8)))

    assert len({each.keyid for each in found}) == 1
    assert len(await scene.db.read(store.everything())) == len(await scene.sealed()) == 1
    assert scene.verbs == ["key_pair.create"]


@pytest.mark.parametrize("kind", ["ED25519", "ECDSA"])
async def test_a_named_key_signs(scene: Scene, kind: str) -> None:
    made = await pairs.create(scene.ports, ADA, Wanted("releases", kind))
    found = await signer_of(scene.ports, "releases")

    assert (found.name, found.keyid, found.key.public.type) == ("releases", made.keyid, kind)
    assert found.key.public.verifies(found.sign([b"x"]), b"x")
    await scene.db.read(require("releases"))


async def test_a_private_half_is_sealed_and_told_to_nobody(scene: Scene) -> None:
    key = new_key("ED25519")
    secret = "".join(key.secret_pem().splitlines()[1:-1])
    await pairs.create(scene.ports, ADA, Wanted("up", private=private_pem(key, "hush"), passphrase="hush"))
    [data] = await scene.sealed()

    assert secret.encode() not in data
    assert Seal("the key of the test").open(data, store.DATA) == key.secret_pem()
    shown = repr([await scene.db.read(store.everything()), scene.moments, await signer_of(scene.ports, "up")])
    assert secret not in shown
    assert "hush" not in shown
    assert "secret" not in repr(Wanted("up", private="secret", passphrase="secret"))


@pytest.mark.parametrize("kind", ["GPG", "RSA"])
async def test_for_a_pair_that_is_only_stored_the_default_key_signs(scene: Scene, kind: str) -> None:
    await pairs.create(scene.ports, ADA, Wanted("stored", kind, public="public", private="private", passphrase="x"))
    await scene.db.read(require("stored"))
    found = await signer_of(scene.ports, "stored")

    assert found.name == DEFAULT
    assert len(await scene.sealed()) == 1  # that of the default key
    assert list(await scene.db.read(trusted())) == [found.keyid]


async def test_a_public_key_is_trusted_and_does_not_sign(scene: Scene) -> None:
    key = new_key("ECDSA").public
    await pairs.create(scene.ports, ADA, Wanted("theirs", public=key.pem))

    assert await scene.db.read(trusted()) == {key.keyid: key}
    assert await _refused(scene, "theirs") == "cannot_sign"
    with pytest.raises(Conflict, match="does not have the private half of the key pair theirs"):
        await pairs.rotate(scene.ports, ADA, "theirs")


async def test_unknown_and_deleted_keys_are_named(scene: Scene) -> None:
    await pairs.create(scene.ports, ADA, Wanted("old"))
    await pairs.remove(scene.ports, ADA, "old")

    assert await _refused(scene, "none") == "unknown_key"
    assert await _refused(scene, "old") == "retired_key"
    assert await _refused(scene, "x" * 5000) == "unknown_key"


async def test_while_nobody_has_registered_a_pair_the_default_key_signs_for_any_name(scene: Scene) -> None:
    assert await scene.db.read(require("key1")) == ""
    assert (await signer_of(scene.ports, "key1")).name == DEFAULT
    await pairs.rotate(scene.ports, ADA, DEFAULT)
    await scene.db.read(require("key1"))

    await pairs.create(scene.ports, ADA, Wanted("stored", "GPG", public="public"))
    assert await _refused(scene, "key1") == "unknown_key"
    await pairs.remove(scene.ports, ADA, "stored")
    assert await _refused(scene, "key1") == "unknown_key"


async def _refused(scene: Scene, name: str) -> str:
    """The code of the rule for which a name is refused, by the check of a request and by the signer."""
    with pytest.raises(Invalid, match="X-JFrog-Signing-Key-Name: ") as checked:
        await scene.db.read(require(name))
    with pytest.raises(Invalid) as asked:
        await signer_of(scene.ports, name)
    assert asked.value.message == checked.value.message
    assert "api/security/keypair" in checked.value.message
    assert len(checked.value.message) < 400
    return checked.value.code


async def test_a_rotated_key_verifies_and_the_new_one_signs(scene: Scene) -> None:
    await pairs.create(scene.ports, ADA, Wanted("releases", "ECDSA", "ours"))
    old = await signer_of(scene.ports, "releases")
    signature = old.sign([b"x"])
    made = await pairs.rotate(scene.ports, ADA, "releases")
    new = await signer_of(scene.ports, "releases")

    assert new.keyid == made.keyid != old.keyid
    assert (new.key.public.type, made.alias) == ("ECDSA", "ours")
    found = await scene.db.read(trusted())
    assert set(found) == {old.keyid, new.keyid}
    assert found[old.keyid].verifies(signature, b"x")
    assert len(await scene.sealed()) == 1
    assert [(pair.keyid, pair.retired) for pair in await scene.db.read(store.everything())] == [
        (new.keyid, 0),
        (old.keyid, NOW // 1000),
    ]
    last = scene.moments[-1]
    assert (last.verb, last.before, last.after) == (
        "key_pair.rotate",
        {"keyid": old.keyid},
        {"keyid": new.keyid},
    )


async def test_of_rotations_at_once_each_is_whole_or_refused(scene: Scene) -> None:
    await pairs.create(scene.ports, ADA, Wanted("releases"))
    done = await asyncio.gather(*(pairs.rotate(scene.ports, ADA, "releases") for _ in range(6)), return_exceptions=True)
    won = [each for each in done if not isinstance(each, BaseException)]

    assert all(isinstance(each, Conflict) for each in done if isinstance(each, BaseException))
    known = await scene.db.read(store.everything())
    assert len(known) == len(won) + 1
    assert [pair.retired > 0 for pair in known] == [False] + [True] * len(won)
    assert len(await scene.sealed()) == 1
    assert (await signer_of(scene.ports, "releases")).keyid == known[0].keyid


async def test_a_deleted_key_verifies_and_its_private_half_is_erased(scene: Scene) -> None:
    await pairs.create(scene.ports, ADA, Wanted("releases"))
    old = await signer_of(scene.ports, "releases")
    await pairs.remove(scene.ports, ADA, "releases")

    assert await scene.sealed() == []
    assert list(await scene.db.read(trusted())) == [old.keyid]
    with pytest.raises(NotFound):
        await pairs.remove(scene.ports, ADA, "releases")
    with pytest.raises(NotFound):
        await pairs.rotate(scene.ports, ADA, "releases")
    again = await pairs.create(scene.ports, ADA, Wanted("releases"))
    assert (await signer_of(scene.ports, "releases")).keyid == again.keyid
    assert set(await scene.db.read(trusted())) == {old.keyid, again.keyid}
    assert scene.verbs == ["key_pair.create", "key_pair.delete", "key_pair.create"]


async def test_the_default_key_may_be_rotated_deleted_and_uploaded(scene: Scene) -> None:
    first = await signer_of(scene.ports, "")
    await pairs.rotate(scene.ports, ADA, DEFAULT)
    second = await signer_of(scene.ports, "")
    await pairs.remove(scene.ports, ADA, DEFAULT)
    mine = new_key("ECDSA")
    await pairs.create(scene.ports, ADA, Wanted(DEFAULT, private=mine.secret_pem()))
    third = await signer_of(scene.ports, "")
    await pairs.remove(scene.ports, ADA, DEFAULT)
    fourth = await signer_of(scene.ports, "")

    assert third.keyid == mine.public.keyid
    assert len({each.keyid for each in (first, second, third, fourth)}) == 4
    assert len(await scene.db.read(trusted())) == 4
    assert len(await scene.sealed()) == 1


async def test_a_forgotten_key_verifies_nothing_more(scene: Scene) -> None:
    await pairs.create(scene.ports, ADA, Wanted("leaked"))
    await pairs.rotate(scene.ports, ADA, "leaked")
    other = await pairs.create(scene.ports, ADA, Wanted("other"))
    await pairs.remove(scene.ports, ADA, "leaked", forget=True)

    assert list(await scene.db.read(trusted())) == [other.keyid]
    assert len(await scene.sealed()) == 1
    last = scene.moments[-1]
    assert (last.verb, last.before) == ("key_pair.forget", {"pairs": 2})
    with pytest.raises(NotFound):
        await pairs.remove(scene.ports, ADA, "leaked", forget=True)


async def test_a_pair_of_before_that_cannot_sign_for_all_is_named(scene: Scene) -> None:
    """An older server let anybody register any pair as `default`."""
    pair = store.KeyPair(0, DEFAULT, "", "GPG", "", "public", created=1)
    await scene.db.write(store.add(pair, None))

    for name in ("", DEFAULT):
        with pytest.raises(Invalid, match="the key pair default cannot sign; delete it"):
            await signer_of(scene.ports, name)
        with pytest.raises(Invalid, match="the key pair default cannot sign; delete it"):
            await scene.db.read(require(name))


def test_the_header_is_that_of_the_contract() -> None:
    assert signer.HEADER == "X-JFrog-Signing-Key-Name"
