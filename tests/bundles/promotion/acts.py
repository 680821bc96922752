"""What tests do with versions: promote them, delete promotions and versions."""

from collections.abc import Iterable
from typing import Any

import orjson

from app.accounts.model import User
from app.artifacts.access import Visitor
from app.artifacts.rights import Action, Grant, Rights
from app.bundles import order, promotion, promotions, removal, store
from app.bundles.model import BUNDLES, Bundle, Promotion
from app.bundles.promotion import Begun, Call, Rehearsal
from app.db.tx import Tx, many, one
from app.moments import Actor
from tests.bundles.farside import Scene, admin

CLAIMS = """
    SELECT artifact_repos.key, claim.path, claim.name, claim.promotion_id, claim.written FROM bundle_claims AS claim
    JOIN artifact_repos ON artifact_repos.id = claim.repo_id
"""


def person(*grants: tuple[str, Iterable[Action]], bundles: Iterable[Action] = ("read", "promote")) -> Visitor:
    """A person with rights on some repositories, and on all release bundles."""
    given = [Grant(frozenset({key}), frozenset(actions)) for key, actions in grants]
    versions = Grant(frozenset({"ANY"}), frozenset(bundles), section="releaseBundle")
    return Visitor(User(2, "bob"), Actor("person", "bob", 2), Rights(grants=(*given, versions)))


def call(
    scene: Scene,
    environment: str,
    version: str = "1.0",
    operation: str = "copy",
    by: Visitor | None = None,
    key: str = BUNDLES,
    signing_key: str = "",
    name: str = "shop",
    **fields: Any,
) -> Call:
    """A call one millisecond later than the one before; the other fields are those of the body."""
    scene.at += 1
    said = order.PromotionInput.model_validate_json(orjson.dumps({"environment": environment, **fields}))
    return Call(by or admin(), key, name, version, order.read(said, operation, signing_key), scene.at)


async def begin(scene: Scene, *asked: Any, **more: Any) -> Begun:
    """Begin a promotion."""
    return await promotion.promote(scene.bundle_ports, call(scene, *asked, **more))


async def promote(scene: Scene, *asked: Any, **more: Any) -> Promotion:
    """Promote a version, to the end."""
    begun = await begin(scene, *asked, **more)
    await wait(scene, begun.work_id)
    found = await scene.db.read(promotions.by_id(begun.promotion.id))
    assert found is not None
    return found


async def rehearse(scene: Scene, *asked: Any, **more: Any) -> Rehearsal:
    """What a promotion would do."""
    return await promotion.rehearse(scene.bundle_ports, call(scene, *asked, **more))


async def wait(scene: Scene, work_id: int) -> None:
    """Wait until work has ended; its error."""
    assert scene.worker is not None
    await scene.worker.ended(work_id)


async def delete(scene: Scene, version: str = "1.0", by: Visitor | None = None, name: str = "shop") -> None:
    """Delete a version, to the end."""
    asked = removal.Call(by or admin(), BUNDLES, name, version)
    await wait(scene, await removal.delete(scene.bundle_ports, asked))


async def delete_promotion(scene: Scene, gone: Promotion, version: str = "1.0", by: Visitor | None = None) -> None:
    """Delete a promotion, to the end."""
    scene.at += 1
    asked = removal.Call(by or admin(), BUNDLES, gone.name, version)
    await wait(scene, await removal.delete_promotion(scene.bundle_ports, asked, gone.created))


async def records(scene: Scene, version: str = "1.0", name: str = "shop") -> list[Promotion]:
    """The promotions of a version, the oldest first."""
    return await scene.db.read(_records(name, version))


def _records(name: str, version: str) -> Tx[list[Promotion]]:
    bundle = yield from store.find(BUNDLES, name, version)
    return (yield from promotions.of(bundle.id)) if bundle is not None else []


async def statuses(scene: Scene, version: str = "1.0") -> list[str]:
    """The environments and states of the promotions of a version, the oldest first."""
    return [f"{promotion.environment} {promotion.status}" for promotion in await records(scene, version)]


async def claims(scene: Scene) -> list[str]:
    """All claims: place, id of the promotion, and whether the file was written."""
    rows = await scene.db.read(many(CLAIMS))
    return sorted(
        f"{row['key']}:{row['path']}/{row['name']} {row['promotion_id']} {'written' if row['written'] else 'found'}"
        for row in rows
    )


async def count(scene: Scene, table: str) -> int:
    """How many rows a table has."""
    row = await scene.db.read(one(f"SELECT count(*) AS number FROM {table}"))
    assert row is not None
    return int(row["number"])


async def shop(scene: Scene, *paths: str, version: str = "1.0", **options: Any) -> Bundle:
    """A version of these files in dev-local."""
    return await scene.completed("shop", version, *(f"dev-local:{path}" for path in paths), **options)
