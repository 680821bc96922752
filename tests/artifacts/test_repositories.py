"""The rows of artifact repositories."""

import asyncio

from app.artifacts import clearing, items, repositories
from app.artifacts.model import ArtifactRepository
from app.db.connect import Database
from tests.artifacts.conftest import NOW

SYSTEM = "artifactory-build-info"


async def test_a_new_repository_has_the_folder_of_all_its_items(db: Database) -> None:
    made = await db.write(repositories.add(ArtifactRepository(0, "libs", created=NOW), "ada"))

    assert made is not None
    assert await db.read(repositories.find("libs")) == made
    found = await db.read(items.find(made.id, ""))
    assert found is not None
    assert (found.item.folder, found.item.created, found.item.created_by) == (True, NOW, "ada")


async def test_a_key_is_taken_once(db: Database) -> None:
    await db.write(repositories.add(ArtifactRepository(0, "libs"), "ada"))

    assert await db.write(repositories.add(ArtifactRepository(0, "libs", "virtual"), "ada")) is None


async def test_what_the_server_keeps_for_itself_is_made_once(db: Database) -> None:
    made = await asyncio.gather(
        *(db.write(repositories.ensure_system(SYSTEM, "buildinfo", "", NOW + at)) for at in range(4))
    )

    assert {repo.id for repo in made} == {made[0].id}
    assert (made[0].system, made[0].package_type, made[0].kind) == ("buildinfo", "buildinfo", "local")
    assert await db.read(items.find(made[0].id, "")) is not None


async def test_a_member_that_is_being_deleted_while_it_is_named_is_none(db: Database) -> None:
    member = await db.write(repositories.add(ArtifactRepository(0, "libs"), "ada"))
    virtual = await db.write(repositories.add(ArtifactRepository(0, "all", "virtual"), "ada"))
    assert member is not None
    assert virtual is not None
    await db.write(clearing.hide(member, NOW))

    await db.write(repositories.set_members(virtual.id, [member.id]))

    assert (await db.read(repositories.read_all())).locals_of(virtual) == []


def test_virtual_repositories_stand_for_others_at_any_depth() -> None:
    depth = 5000
    virtuals = [ArtifactRepository(at, f"v{at}", "virtual") for at in range(1, depth)]
    last, other = ArtifactRepository(depth, "last"), ArtifactRepository(depth + 1, "other")
    every = {repo.key: repo for repo in (*virtuals, last, other)}
    members = {repo.id: (repo.id + 1,) for repo in virtuals} | {2: (1, 3, other.id, depth)}

    found = repositories.Repositories(every, members)

    assert found.locals_of(virtuals[0]) == [last, other]
    assert found.locals_of(last) == [last]
