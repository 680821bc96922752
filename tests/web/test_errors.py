"""Each error of the domain has its status, and says all it knows in one form."""

import importlib
from collections.abc import Iterator

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.errors import (
    AppError,
    Conflict,
    Forbidden,
    Invalid,
    NoRoom,
    NotFound,
    NothingToRun,
    Problem,
    TooLarge,
    TooMany,
    Unauthorized,
    Unavailable,
)
from app.web.errors import STATUS, Failure, body_of, status_of
from app.web.limit import Budgets
from app.web.path import Path, Word
from app.web.policy import Policy
from app.web.reply import HTML
from app.web.route import Endpoint
from tests.web.asgi import serving

#: Errors of the rooms that are a 500: no request can mend them, or none ever meets them.
NO_REQUESTS_FAULT = {
    "app.artifacts.blobs.store.Lost",
    "app.artifacts.blobs.store.Missing",
    "app.builds.deliveries.keeper.Kept",
    "app.bundles.work.Lost",
    "app.db.file.Damaged",
    "app.main.backup.BadBackup",
    "app.main.maintenance.NoDatabase",
    "app.runners.exec.confinement.CannotConfine",
    "app.convert.errors.BadConversion",
    "app.db.foreign.BadSource",
    "app.db.migrate.ForeignDatabase",
    "app.folder.BadFolder",
    "app.folder.FolderInUse",
    "app.migrate.logs.BucketAway",
    "app.migrate.sealed.WrongKey",
    "app.migrate.store.Differs",
    "app.migrate.store.NotEmpty",
    "app.migrate.store.Unfinished",
    "app.pipeline.globs.BadGlob",
    "app.pipeline.problems.BadPipeline",
    "app.pipeline.substitute.BadSubstitution",
    "app.runners.exec.process.CannotStart",
    "app.runners.exec.remote.Garbled",
    "app.runners.exec.remote.Refused",
    "app.sealing.seal.CannotOpen",
    "app.settings.load.BadSettings",
}
OF_THE_DOMAIN = {
    "Invalid": 400,
    "Unauthorized": 401,
    "Forbidden": 403,
    "NotFound": 404,
    "Conflict": 409,
    "TooLarge": 413,
    "NothingToRun": 422,
    "Unreadable": 422,
    "NoRoom": 507,
    "TooMany": 429,
    "Unavailable": 503,
}


def kinds(base: type[AppError] = AppError) -> Iterator[type[AppError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)


def status(kind: type[AppError]) -> int:
    return status_of(kind.__new__(kind))


def test_every_error_that_the_server_knows_has_its_status() -> None:
    for room in (
        "app.main.site",
        "app.main.backup",
        "app.convert.convert",
        "app.runners.exec.remote",
        "app.migrate.logs",
    ):  # and with them every room of the server
        importlib.import_module(room)
    known = [kind for kind in kinds() if kind.__module__.split(".")[:2] != ["app", "cli"]]
    statuses = {f"{kind.__module__}.{kind.__name__}": status(kind) for kind in known}

    assert {f"app.errors.{name}": code for name, code in OF_THE_DOMAIN.items()}.items() <= statuses.items()
    ours = {name for name, code in statuses.items() if code == 500 and name.startswith("app.")}
    assert ours == NO_REQUESTS_FAULT


def test_an_error_has_the_status_of_its_nearest_ancestor() -> None:
    class Taken(Conflict):
        """Of a room."""

    class TakenTwice(Taken):
        """Of a room above."""

    assert status_of(TakenTwice("taken")) == 409
    assert status_of(AppError("any")) == STATUS[AppError] == 500


def test_problems_stand_one_by_one_beside_the_message() -> None:
    error = Invalid.of([Problem("name", "bad_name", "name is bad"), Problem("url", "bad_url", "url is bad")])

    assert body_of(error) == {
        "message": "name is bad; url is bad",
        "code": "invalid",
        "errors": [
            {"field": "name", "code": "bad_name", "message": "name is bad"},
            {"field": "url", "code": "bad_url", "message": "url is bad"},
        ],
    }


def test_one_problem_gives_the_whole_its_code() -> None:
    assert body_of(Invalid.of([Problem("target", "missing_target", "Missing target environment")])) == {
        "message": "Missing target environment",
        "code": "missing_target",
        "errors": [{"field": "target", "code": "missing_target", "message": "Missing target environment"}],
    }


def test_what_else_an_error_tells_stands_beside_it() -> None:
    assert body_of(NothingToRun("nothing", targets=("a", "b"))) == {
        "message": "nothing",
        "code": "nothing_to_run",
        "targets": ("a", "b"),
    }
    assert body_of(Conflict("taken", code="stage_taken")) == {"message": "taken", "code": "stage_taken"}


RAISED: dict[str, Exception] = {
    "conflict": Conflict("taken"),
    "later": Unavailable("not now", retry_after=7),
    "http": HTTPException(418, "short and stout", headers={"X-Pot": "tea"}),
    "bug": RuntimeError("the password is hush"),
}


async def fail(request: Request) -> Response:
    raise RAISED[request.path_params["what"]]


FAIL = Path.of("/fail") / Word("what", "", "bug")
ROUTES = [Endpoint("GET", FAIL, fail), Endpoint("PUT", FAIL, fail), Endpoint("GET", "/one", fail)]


@pytest.mark.parametrize(
    ("path", "code", "body"),
    [
        ("/fail/conflict", 409, {"message": "taken", "code": "conflict"}),
        ("/fail/later", 503, {"message": "not now", "code": "unavailable"}),
        ("/fail/http", 418, {"message": "short and stout", "code": "short_and_stout"}),
        ("/nowhere", 404, {"message": "Not Found", "code": "not_found"}),
    ],
)
async def test_an_error_is_answered_as_json(path: str, code: int, body: dict[str, str]) -> None:
    async with serving(ROUTES) as client:
        answer = await client.get(path)

    assert (answer.status_code, answer.json()) == (code, body)
    assert answer.headers["content-type"] == "application/json"
    assert answer.text.endswith("}\n")


async def test_what_may_work_later_says_when() -> None:
    async with serving(ROUTES) as client:
        assert (await client.get("/fail/later")).headers["retry-after"] == "7"
        assert "retry-after" not in (await client.get("/fail/conflict")).headers
        assert (await client.get("/fail/http")).headers["x-pot"] == "tea"


async def test_a_bug_is_500_and_tells_nothing_but_where_to_look() -> None:
    async with serving(ROUTES) as client:
        answer = await client.get("/fail/bug", headers={"X-Request-ID": "look-here"})

    assert (answer.status_code, answer.json()["code"]) == (500, "bug")
    assert "hush" not in answer.text
    assert answer.headers["x-request-id"] == "look-here"


async def test_a_wrong_method_is_told_all_that_are_right() -> None:
    async with serving(ROUTES) as client:
        answer = await client.delete("/fail/conflict")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, PUT"


BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PAGED: dict[str, Exception] = {
    "stranger": Unauthorized(),
    "lesser": Forbidden("write access is needed", code="scope_too_small"),
    "gone": NotFound("no such thing"),
    "idle": NothingToRun("nothing", problems=[Problem("a", "excluded", "no <b>"), Problem("b", "excluded", "not now")]),
    "busy": TooMany("wait", retry_after=3),
    "later": Unavailable("not now", retry_after=7),
    "bug": RuntimeError("the password is hush"),
    "conflict": Conflict("taken"),
    "large": TooLarge("too much"),
    "full": NoRoom("the disk is full"),
}


async def paged(request: Request) -> Response:
    raise PAGED[request.path_params["what"]]


async def page(request: Request, failure: Failure) -> HTML:
    if request.url.query == "bad":
        raise RuntimeError("the page is broken")
    told = [failure.status, failure.code, failure.message, failure.request_id, request.url.path, *failure.problems]
    return HTML("\n".join(map(str, told)))


PAGED_ROWS = [Endpoint("GET", Path.of("/") / Word("what", "", "bug"), paged)]
STATUSES = {"stranger": 401, "lesser": 403, "gone": 404, "idle": 422, "busy": 429, "later": 503, "bug": 500}
STATUSES |= {"conflict": 409, "large": 413}


@pytest.mark.parametrize(("what", "code"), [*STATUSES.items(), ("no/such/path", 404)])
async def test_a_person_gets_an_error_as_a_page_with_the_words_of_the_json(what: str, code: int) -> None:
    async with serving(PAGED_ROWS, page=page) as client:
        shown = await client.get(f"/{what}", headers=BROWSER | {"X-Request-ID": "look-here"})
        answer = await client.get(f"/{what}")

    body = answer.json()
    assert (shown.status_code, answer.status_code) == (code, code)
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert shown.text.split("\n")[:5] == [str(code), body["code"], body["message"], "look-here", f"/{what}"]
    assert shown.text.split("\n")[5:] == [str(problem) for problem in body.get("errors", [])]
    assert shown.headers["vary"] == answer.headers["vary"] == "Accept"
    assert shown.headers.get("retry-after") == answer.headers.get("retry-after")


@pytest.mark.parametrize(
    "accept", ["", "*/*", "application/json", "application/json, text/html", "text/html;q=0.5, */*"]
)
async def test_everybody_else_gets_json(accept: str) -> None:
    async with serving(PAGED_ROWS, page=page) as client:
        answer = await client.get("/gone", headers={"Accept": accept})

    assert answer.json() == {"message": "no such thing", "code": "not_found"}


@pytest.mark.parametrize("path", ["/full", "/gone?bad", "/bug?bad"])
async def test_other_errors_are_json_and_so_are_those_whose_page_fails(path: str) -> None:
    async with serving(PAGED_ROWS, page=page) as client:
        answer = await client.get(path, headers=BROWSER)

    assert answer.headers["content-type"] == "application/json"
    assert "hush" not in answer.text


async def test_who_asks_too_often_gets_a_page_too() -> None:
    policy = Policy(budgets=Budgets(1, lambda: 0))
    async with serving(PAGED_ROWS, page=page, policy=policy) as client:
        answers = [await client.get("/gone", headers=BROWSER) for _ in range(3)]

    assert answers[-1].status_code == 429
    assert answers[-1].text.startswith("429\nrate_limited\n")
    assert int(answers[-1].headers["retry-after"]) > 0
