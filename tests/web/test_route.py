"""A row asks its needs before its handler, in one transaction with what it reads, and hands on both."""

from typing import Any, TypeVar

import pytest
from starlette.requests import Request

from app.db.tx import Tx
from app.errors import Forbidden, NotFound
from app.web.needs import StoredNeeds, Unless
from app.web.path import Word
from app.web.reply import Text
from app.web.route import Endpoint
from tests.web.asgi import serving

T = TypeVar("T")


class Counting:
    """A database of no tables that counts its transactions."""

    def __init__(self) -> None:
        self.reads = 0

    async def read(self, tx: Tx[T]) -> T:
        self.reads += 1
        try:
            next(tx)
        except StopIteration as end:
            result: T = end.value
            return result
        raise AssertionError("it has no tables")

    async def glance(self, tx: Tx[T]) -> T:
        return await self.read(tx)


class Login(StoredNeeds[str]):
    """Needs that every name in a header meets but mallory's."""

    async def asked(self, request: Request[Any]) -> Tx[str]:
        return _judged(request.headers.get("login", ""))


def _judged(login: str) -> Tx[str]:
    yield from ()
    if login == "mallory":
        raise Forbidden("not you")
    return login


LOGIN = Login("Whoever has a name.")


async def alone(_: Request[Any]) -> Text:
    return Text("nobody was asked")


async def greet(_: Request[Any], login: str) -> Text:
    return Text(f"hello {login}")


async def count(_: Request[Any], login: str, letters: int) -> Text:
    return Text(f"{login} has {letters}")


async def square(_: Request[Any], number: int) -> Text:
    return Text(str(number * number))


def letters(_: Request[Any], login: str) -> Tx[int]:
    yield from ()
    if not login:
        raise NotFound("nothing to count")
    return len(login)


ROWS = [
    Endpoint("GET", "/alone", alone),
    Endpoint("GET", "/greet", greet, needs=LOGIN),
    Endpoint("GET", "/count", count, needs=LOGIN, reads=letters),
]


@pytest.mark.parametrize(
    ("path", "login", "status", "text", "reads"),
    [
        ("/alone", "mallory", 200, "nobody was asked", 0),
        ("/greet", "ada", 200, "hello ada", 1),
        ("/greet", "mallory", 403, "not you", 1),
        ("/count", "ada", 200, "ada has 3", 1),
        ("/count", "mallory", 403, "not you", 1),
        ("/count", "", 404, "nothing to count", 1),
    ],
)
async def test_needs_are_asked_once_and_first(path: str, login: str, status: int, text: str, reads: int) -> None:
    db = Counting()
    async with serving(ROWS, db=db) as client:
        answer = await client.get(path, headers={"Login": login})

    assert (answer.status_code, db.reads) == (status, reads)
    assert text in answer.text


@pytest.mark.parametrize(("lifted", "login", "text"), [(True, "mallory", "hello None"), (False, "ada", "hello ada")])
async def test_a_setting_may_lift_needs(lifted: bool, login: str, text: str) -> None:
    async def told(_: Request[Any], login: str | None) -> Text:
        return Text(f"hello {login}")

    needs = Unless(lambda state: bool(state["lifted"]), LOGIN)
    async with serving([Endpoint("GET", "/", told, needs=needs)], db=Counting(), lifted=lifted) as client:
        answer = await client.get("/", headers={"Login": login})

    assert answer.text == text


def test_a_handler_that_does_not_fit_its_needs_is_an_error_of_types() -> None:
    """Every line is here for the type checker, which would complain if its comment were not needed."""
    Endpoint("GET", "/", alone, needs=LOGIN)  # type: ignore[arg-type]
    Endpoint("GET", "/", greet)  # type: ignore[arg-type]
    Endpoint("GET", "/", square, needs=LOGIN)  # type: ignore[arg-type]
    Endpoint("GET", "/", greet, needs=LOGIN, reads=letters)  # type: ignore[arg-type]
    Endpoint("GET", "/", count, needs=LOGIN)  # type: ignore[arg-type]
    Endpoint("GET", "/", greet, needs=Unless(lambda _: True, LOGIN))  # type: ignore[arg-type]


def test_needs_that_a_path_does_not_answer_are_a_bug() -> None:
    with pytest.raises(ValueError, match="lacks words"):
        Endpoint("GET", "/", greet, needs=Login("Whoever.", words=[Word("owner", "Whose.", "ada")]))
