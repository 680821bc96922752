"""The order in which versions of release bundles go through environments, over HTTP."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from app.artifacts import environments
from app.db.connect import Database
from app.db.tx import many
from tests import postgres
from tests.acceptance.server import Server

pytestmark = pytest.mark.postgres

ORDER = "/api/environments/order"
ENVIRONMENTS = "/access/api/v1/environments"


@pytest.fixture(autouse=True)
def tidy(server: Server) -> Iterator[None]:
    """The environments QA and STAGE, and no order."""
    for name in ("QA", "STAGE"):
        server.ask("POST", ENVIRONMENTS, json={"name": name})
    yield
    put(server)
    for found in server.json("GET", ENVIRONMENTS):
        server.ask("DELETE", f"{ENVIRONMENTS}/{found['name']}")


def put(server: Server, *names: str) -> None:
    assert server.json("PUT", ORDER, json={"order": list(names)}) == {"order": list(names)}


def order(server: Server) -> Any:
    return server.json("GET", ORDER)["order"]


def test_there_is_no_order_at_first_one_is_set_replaced_and_removed(server: Server) -> None:
    assert order(server) == []

    put(server, "DEV", "QA", "PROD")
    assert order(server) == ["DEV", "QA", "PROD"]
    put(server, "PROD", "STAGE")
    assert order(server) == ["PROD", "STAGE"]
    put(server)
    assert order(server) == []


@pytest.mark.parametrize(
    ("sent", "messages"),
    [
        (
            ["DEV", "none", "DEV", "qa", "none"],
            [
                "order: there is no environment 'none', 'qa'",
                "order: an environment stands in it once, and these are there twice: 'DEV', 'none'",
            ],
        ),
        (None, ['order: is missing; send {"order": ["DEV", "QA", "PROD"]}, or an empty list to remove the order']),
        ("DEV", ["order: Input should be a valid array"]),
        ([1], ["order.0: Input should be a valid string"]),
        (["a\0"], ["order.0: a NUL cannot be stored; leave it out"]),
    ],
)
def test_what_is_wrong_with_an_order_is_named_and_nothing_changes(
    server: Server, sent: Any, messages: list[str]
) -> None:
    put(server, "DEV", "PROD")

    answer = server.ask("PUT", ORDER, json={"order": sent})

    assert answer.status_code == 400
    assert [problem["message"] for problem in answer.json()["errors"]] == messages
    assert order(server) == ["DEV", "PROD"]


def test_an_environment_is_renamed_in_the_order_too(server: Server) -> None:
    put(server, "DEV", "QA", "PROD")

    server.json("POST", f"{ENVIRONMENTS}/QA/rename", json={"new_name": "TEST"})

    assert order(server) == ["DEV", "TEST", "PROD"]


def test_an_environment_of_the_order_stays(server: Server) -> None:
    put(server, "DEV", "QA", "PROD")

    answer = server.ask("DELETE", f"{ENVIRONMENTS}/QA")

    assert answer.status_code == 400
    assert "QA is in the order of environments" in answer.json()["errors"][0]["message"]
    put(server, "DEV", "PROD")
    assert server.ask("DELETE", f"{ENVIRONMENTS}/QA").status_code == 204


def test_administrators_set_the_order_and_all_accounts_read_it(
    server: Server, ada: httpx2.Client, stranger: httpx2.Client
) -> None:
    put(server, "DEV", "PROD")

    assert ada.get(ORDER).json() == {"order": ["DEV", "PROD"]}
    assert ada.put(ORDER, json={"order": []}).status_code == 403
    assert stranger.get(ORDER).status_code == 401
    assert stranger.put(ORDER, json={"order": []}).status_code == 401
    assert order(server) == ["DEV", "PROD"]


def test_every_change_of_the_order_is_recorded(server: Server) -> None:
    put(server, "DEV", "QA")
    put(server, "DEV", "QA")
    put(server)

    rows = server.json("GET", "/api/audit", params={"verb": "environment_order."})[:2]
    assert [(row["verb"], row["actor"]["name"], row["before"], row["after"]) for row in rows] == [
        ("environment_order.update", "octocat", {"order": ["DEV", "QA"]}, {"order": []}),
        ("environment_order.update", "octocat", {"order": []}, {"order": ["DEV", "QA"]}),
    ]


async def test_of_two_orders_at_once_none_is_half_set(db: Database) -> None:
    await db.write(environments.add(["QA"], 0))
    wanted = (["DEV", "QA", "PROD"], ["PROD"], ["QA", "DEV"], ["PROD", "DEV"])

    for _ in range(5):
        done = await asyncio.gather(
            *(db.write(environments.set_order(names)) for names in wanted), return_exceptions=True
        )
        assert None in done
        assert await db.read(environments.order()) in wanted


@postgres.real
async def test_an_environment_cannot_go_while_an_order_is_being_set(db: Database) -> None:
    await db.write(environments.add(["QA"], 0))

    for _ in range(10):
        await db.write(environments.add(["QA"], 0))
        await asyncio.gather(
            db.write(environments.set_order(["DEV", "QA"])), db.write(_removing("QA")), return_exceptions=True
        )
        known = {row["name"] for row in await db.read(many("SELECT name FROM environments"))} | {"DEV", "PROD"}
        assert set(await db.read(environments.order())) <= known
        await db.write(environments.set_order([]))


def _removing(name: str) -> Any:
    yield from environments.hold(name)
    if name not in (yield from environments.order()):
        yield from environments.remove(name)
