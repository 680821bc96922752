"""Transactions about one version that meet in PostgreSQL: they wait for one another, and never in a circle."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import asyncpg
import pytest

from app.bundles import store, work
from app.bundles.model import BUNDLES, Bundle
from app.bundles.signing import store as pairs
from app.bundles.signing.signer import Signer, new_key
from app.bundles.signing.store import KeyPair
from app.bundles.transfer import imports
from app.db.tx import Tx, run
from app.errors import AppError
from tests import postgres
from tests.bundles.farside import Scene, admin, of_artifacts
from tests.bundles.transfer import made
from tests.soon import soon

KEY = Signer("by-hand", new_key("ED25519"))
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@dataclass
class Gate:
    """Stops transactions where a test wants it, with the locks that they have then."""

    connection: "asyncpg.Connection[Any]"

    def behind(self, do: Callable[..., Tx[Any]], call: int) -> Callable[..., Tx[Any]]:
        """A part of transactions that waits at its end, if this is so many'th call."""
        calls = count(1)

        def waiting(*arguments: Any, **more: Any) -> Tx[Any]:
            result = yield from do(*arguments, **more)
            if next(calls) == call:
                yield from run("SELECT pg_advisory_xact_lock_shared(14)")
            return result

        return waiting

    async def waits(self, transactions: int) -> None:
        """Wait until so many transactions wait for a lock."""

        async def so_many() -> bool:
            return bool(await self.connection.fetchval(WAITING) == transactions)

        await soon(so_many)

    async def open(self) -> None:
        """Let all go on."""
        await self.connection.execute("SELECT pg_advisory_unlock_all()")


@pytest.fixture
async def gate(database_url: str) -> AsyncIterator[Gate]:
    connection = await asyncpg.connect(database_url)
    await connection.execute("SELECT pg_advisory_lock(14)")
    yield Gate(connection)
    await connection.close()


async def parts(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def import_(scene: Scene, data: bytes) -> Bundle:
    return await imports.import_(scene.bundle_ports, admin(), BUNDLES, parts(data))


@postgres.real
async def test_a_creation_and_an_import_of_the_same_bytes_under_one_name(
    scene: Scene, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.completed("other", "1.0", "dev-local:other")  # the repository of bundles is there
    pair = KeyPair(0, "by-hand", KEY.keyid, "ED25519", "", KEY.key.public.pem, 1)
    assert await scene.db.write(pairs.add(pair, None))
    files = {f"lib/{at}": f"of {at}".encode() for at in range(5)}
    for path, content in files.items():
        await scene.put(f"dev-local:{path}", content.decode())
    monkeypatch.setattr(store, "add", gate.behind(store.add, 1))

    source = of_artifacts(*(f"dev-local:{path}" for path in files))
    creating = asyncio.create_task(scene.create("shop", "1.0", source))
    await gate.waits(1)
    importing = asyncio.create_task(import_(scene, made.file(KEY, files)))
    await gate.waits(2)
    await gate.open()
    done = await asyncio.gather(creating, importing, return_exceptions=True)

    assert [result.status if isinstance(result, Bundle) else type(result).__name__ for result in done] == [
        "COMPLETED",
        "Conflict",
    ]


@postgres.real
async def test_a_failed_version_that_is_being_deleted_does_not_give_way(
    scene: Scene, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = await scene.completed("shop", "1.0", "dev-local:a")
    await scene.set_status(bundle, "FAILED")
    monkeypatch.setattr(store, "find", gate.behind(store.find, 2))

    creating = asyncio.create_task(scene.create("shop", "1.0", of_artifacts("dev-local:a")))
    await gate.waits(1)  # the transaction that creates the new version has found the failed one
    await scene.db.write(_begin_deletion(bundle))
    await gate.open()

    with pytest.raises(AppError, match="exists in release-bundles-v2 already"):
        await creating
    there = await scene.db.read(store.by_id(bundle.id))
    assert there is not None
    assert there.status == "DELETING"


def _begin_deletion(bundle: Bundle) -> Tx[None]:
    yield from store.hold(bundle.id)
    yield from store.set_status(bundle.id, "DELETING")
    yield from work.add(bundle.id, "delete", 1, by={}, was="FAILED", at=1)
    yield from run("UPDATE bundle_work SET lease = 9000000000000000")
