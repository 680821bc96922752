"""A repository in a real database, behind a host that is not."""

from pathlib import Path

import pytest

from app.accounts import store as accounts
from app.builds.configs import Configs
from app.builds.logs import Logs
from app.builds.ports import Ports
from app.convert.convert import Converter
from app.db.connect import Database
from app.events import Events
from app.repos import store as repos
from app.repos.model import Repo
from tests.builds.farside import NOW, Clock, FakeHost, Scene


@pytest.fixture
async def scene(db: Database, tmp_path: Path) -> Scene:
    host, clock = FakeHost(), Clock()
    templates: dict[str, str] = {}

    async def find_template(_namespace: str, name: str) -> str | None:
        return templates.get(name)

    configs = Configs(host, Converter(find_template))
    ports = Ports(db, host, configs, Logs(tmp_path / "logs"), clock, Events(), Events(), Events())
    owner = await db.write(accounts.create("octocat", token="octocat's token", now=NOW, admin=True))
    draft = Repo(0, "octocat", "hello", user_id=owner.id, default_branch="main", active=True, git_http_url="file:///x")
    return Scene(ports, await db.write(repos.create(draft)), host, clock, templates)
