"""An owner, and a repository of theirs."""

import pytest

from app.accounts import store as accounts
from app.accounts.model import User
from app.db.connect import Database
from app.repos import store
from app.repos.model import Repo

NOW = 1_700_000_000


@pytest.fixture
async def owner(db: Database) -> User:
    return await db.write(accounts.create("octocat", token="a token of octocat", now=NOW))


@pytest.fixture
async def repo(db: Database, owner: User) -> Repo:
    return await db.write(store.create(Repo(0, "octocat", "hello", user_id=owner.id)))
