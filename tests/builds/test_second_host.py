"""A host beside plain git: registered, heard, read and forgotten, with nothing of it outside its own file."""

from dataclasses import replace

import orjson
import pytest

from app.accounts import store as accounts
from app.builds import removal
from app.builds.api import hook
from app.builds.config.files import Configs
from app.builds.deliveries.keeper import Keeper
from app.builds.ports import Ports
from app.convert.convert import Converter
from app.errors import Unreadable
from app.repos import flow, store
from app.repos.model import Repo, source
from app.scm.hosts import Hosts
from app.sealing.seal import Seal
from app.web.route import Endpoint
from tests.builds.farside import NOW, OCTOCAT, Scene, pipeline
from tests.scm.small import SmallHost
from tests.web.asgi import serving

SEAL, KEY, SHA = Seal("a key of the test"), "k" * 32, "a" * 40


async def nothing(_namespace: str, _scm: str, _name: str) -> None:
    return None


@pytest.fixture
def small() -> SmallHost:
    return SmallHost(pipeline(), {"trunk": SHA})


@pytest.fixture
def ports(scene: Scene, small: SmallHost) -> Ports:
    """The ports of a server whose settings name the host: its one line of wiring."""
    hosts = Hosts(scene.host, small)
    return replace(scene.ports, hosts=hosts, configs=Configs(hosts, Converter(nothing)))


@pytest.fixture
async def repo(ports: Ports) -> Repo:
    owner = await ports.db.read(accounts.find("octocat"))
    return await flow.register(
        ports.db,
        ports.hosts,
        SEAL,
        owner=owner,
        namespace="lin",
        name="tool",
        url="https://small.example.com/lin/tool",
        default_branch="",
        config_path=".drone.yml",
        visibility="private",
        reserved=(),
        public_url="https://ci.example.com",
        new_key=lambda: KEY,
        now=NOW,
        recorded=lambda tx: tx,
    )


async def test_a_repository_is_registered_at_the_host_of_its_address(repo: Repo, scene: Scene) -> None:
    assert (repo.scm, repo.default_branch) == ("small", "trunk")
    assert (await scene.ports.db.read(store.find_if_any("octocat", "hello"))).scm == ""  # type: ignore[union-attr]


async def test_its_webhook_makes_a_build_and_only_with_its_own_signature(ports: Ports, repo: Repo) -> None:
    route = Endpoint("POST", "/hook", hook.receive)
    body = orjson.dumps({"project": repo.slug, "commit": SHA, "branch": "trunk", "who": "lin"})
    async with serving([route], db=ports.db, ports=ports, seal=SEAL, hosts=ports.hosts, keeper=Keeper(ports)) as client:
        forged = await client.post("/hook", content=body, headers={"X-Small-Token": "x" * 32})
        answer = await client.post("/hook", content=body, headers={"X-Small-Token": KEY})

    assert forged.status_code == 401
    assert (answer.status_code, answer.json()["number"]) == (200, 1)
    made = answer.json()
    assert (made["event"], made["after"], made["sender"], made["message"]) == ("push", SHA, "lin", "a change")


async def test_what_it_keeps_goes_with_the_repository(ports: Ports, repo: Repo, small: SmallHost) -> None:
    await removal.remove(ports, repo, OCTOCAT)

    assert set(small.forgotten) == {source(repo)}


async def test_a_repository_of_a_host_that_is_gone_from_the_settings_says_so(scene: Scene, repo: Repo) -> None:
    with pytest.raises(Unreadable, match="host 'small', which the settings"):
        await scene.ports.hosts.commit(source(repo), SHA)
