"""Reading requests: bounded before it is parsed, strict in types, and every problem told at once."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import pytest
from pydantic import field_validator
from starlette.requests import Request
from starlette.responses import Response

from app.web import body
from app.web.path import Path, Word
from app.web.reply import JSON
from app.web.route import Endpoint, Param
from tests.web.asgi import serving


class Thing(body.Input):
    """A body as a route would have it."""

    name: str
    count: int = 1
    open: bool = False

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if value == "bad":
            raise ValueError("must be good")
        return value


async def parse(request: Request) -> Response:
    return JSON((await body.parse(request, Thing)).model_dump())


async def read_twice(request: Request) -> Response:
    first, second = await body.read(request, 10), await body.read(request, 10)
    return JSON([first.decode(), second.decode(), await body.form(request)])


async def words(request: Request) -> Response:
    return JSON([body.query(request), await body.form(request)])


async def said(request: Request) -> Response:
    return JSON(await body.words(request))


async def number(request: Request) -> Response:
    return JSON(body.number(request, "number", "build number"))


async def flag(request: Request) -> Response:
    return JSON(body.flag(request, "dry_run"))


ROUTES = [
    Endpoint("POST", "/parse", parse, body=Thing),
    Endpoint("POST", "/read", read_twice),
    Endpoint("POST", "/words", words, free=True),
    Endpoint("POST", "/some", words, query=[Param("a", ""), Param("b", "", form=True)]),
    Endpoint("POST", "/said", said, query=[Param("a", ""), Param("b", "", form=True)]),
    Endpoint("POST", "/undeclared", parse),
    Endpoint("GET", "/flag", flag, query=[Param("dry_run", "")]),
    Endpoint("GET", Path.of("/number") / Word("number", "", 1), number),
]


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(ROUTES) as made:
        yield made


async def sent(client: httpx2.AsyncClient, text: str | bytes) -> httpx2.Response:
    return await client.post("/parse", content=text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"name":"a"}', {"name": "a", "count": 1, "open": False}),
        ('{"NAME":"a","Count":2,"oPEN":true}', {"name": "a", "count": 2, "open": True}),
        ('{"name":"a","count":null,"open":null}', {"name": "a", "count": 1, "open": False}),
        ('{"name":"a","colour":"red"}', {"name": "a", "count": 1, "open": False}),
        (' \n{"name":"naïve ☃"} ', {"name": "naïve ☃", "count": 1, "open": False}),
    ],
)
async def test_json_is_read_as_go_reads_it(client: httpx2.AsyncClient, text: str, expected: Any) -> None:
    assert (await sent(client, text)).json() == expected


async def test_the_content_type_does_not_matter(client: httpx2.AsyncClient) -> None:
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded", ""):
        answer = await client.post("/parse", content='{"name":"a"}', headers={"Content-Type": kind})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("text", "fields", "code"),
    [
        ('{"count":"2","open":"yes"}', ["name", "count", "open"], "invalid"),
        ('{"name":"a","count":"2"}', ["count"], "int_type"),
        ('{"name":"a","count":2.5}', ["count"], "int_type"),
        ('{"name":7}', ["name"], "string_type"),
        ('{"name":"bad"}', ["name"], "value_error"),
        ("{}", ["name"], "missing"),
        ('{"name":', [""], "invalid_json"),
        ("name=a", [""], "invalid_json"),
        ('{"name":"a"} trailing', [""], "invalid_json"),
        (b'{"name":"\xff"}', [""], "invalid_json"),
        ('{"name":"\\ud800"}', [""], "invalid_json"),
        ("[" * 10_000, [""], "invalid_json"),
        ("[]", [""], "model_type"),
        ("null", [""], "model_type"),
        ('"text"', [""], "model_type"),
    ],
)
async def test_everything_that_is_wrong_is_named_at_once(
    client: httpx2.AsyncClient, text: str | bytes, fields: list[str], code: str
) -> None:
    answer = await sent(client, text)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert [problem["field"] for problem in answer.json()["errors"]] == fields
    assert all(problem["message"] for problem in answer.json()["errors"])


async def test_a_problem_is_told_in_our_words_and_without_the_value(client: httpx2.AsyncClient) -> None:
    assert (await sent(client, '{"name":"bad"}')).json()["message"] == "name: must be good"
    assert "hush" not in (await sent(client, '{"name":"a","count":"hush"}')).text


@pytest.mark.parametrize("text", ["", "  \r\n\t"])
async def test_an_empty_body_is_told_so(client: httpx2.AsyncClient, text: str) -> None:
    answer = await sent(client, text)

    assert (answer.status_code, answer.json()["code"]) == (400, "empty_body")
    assert [problem["code"] for problem in answer.json()["errors"]] == ["empty_body"]


@pytest.mark.parametrize("text", ["null", "[]", '"x"', "5"])
async def test_a_body_that_is_no_object_is_told_so(client: httpx2.AsyncClient, text: str) -> None:
    answer = await client.post("/parse", content=text)

    assert (answer.status_code, answer.json()["code"]) == (400, "model_type")
    assert answer.json()["message"] == "the body must be a JSON object"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"name":', "the body is not JSON: see line 1, column 8"),
        ('{"name":"a",\n"count":}', "the body is not JSON: see line 2, column 9"),
        (b'{"name":"\xff"}', "the body is JSON with a text that is no Unicode: see line 1, column 10"),
        ('{"name":"\\ud800"}', "the body is JSON with a text that is no Unicode: see line 1, column 16"),
        ('{"name":"\\udc00"}', "the body is JSON with a text that is no Unicode: see line 1, column 15"),
        ("[" * 10_000, "the body is JSON that nests too deep: see line 1, column 202"),
        ('{"count":' + "9" * 10_000 + "}", "the body is JSON with a number that is too long: see line 1, column 4311"),
    ],
)
async def test_what_cannot_be_parsed_is_told_by_its_place_in_our_words(
    client: httpx2.AsyncClient, text: str | bytes, message: str
) -> None:
    answer = await sent(client, text)

    assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (400, "invalid_json", message)


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_body_is_read_up_to_its_limit_also_twice(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/read", content=b"x" * 10)).json() == ["x" * 10, "x" * 10, {}]
    assert (await client.post("/read", content=chunks(b"xxxxx", b"", b"xxxxx"))).status_code == 200


async def test_a_body_beyond_it_is_refused_before_or_while_it_comes(client: httpx2.AsyncClient) -> None:
    announced = await client.post("/read", content=b"x" * 11)
    streamed = await client.post("/read", content=chunks(b"xxxxx", b"xxxxx", b"x"))

    assert (announced.status_code, streamed.status_code) == (413, 413)
    assert "11 bytes; at most 10" in announced.json()["message"]
    assert streamed.json()["code"] == "too_large"


async def test_of_a_repeated_name_the_first_value_counts(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/words?a=1&a=2&b=&b=3&c&=4", data={"a": ["5", "6"]})

    assert answer.json() == [{"a": "1", "b": "", "c": "", "": "4"}, {"a": "5"}]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a=1+2%203%2B4", {"a": "1 2 3+4"}),
        ("a=%E2%98%83&%C3%A4=1", {"a": "☃", "ä": "1"}),
        ("a=%ff%00", {"a": "\ufffd\0"}),
        ("a=b=c", {"a": "b=c"}),
        ("a=1;b=2", {"a": "1;b=2"}),
        ("&&", {}),
        ("", {}),
    ],
)
async def test_a_query_is_decoded(client: httpx2.AsyncClient, query: str, expected: dict[str, str]) -> None:
    assert (await client.post(f"/words?{query}")).json()[0] == expected


@pytest.mark.parametrize("many", [body.FIELDS + 1, 500_000])
async def test_too_many_parameters_are_refused_in_query_and_form(client: httpx2.AsyncClient, many: int) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    answers = [
        await client.post("/words?" + "&" * min(many, 30_000)),
        await client.post("/words", content="&" * many, headers=form),
    ]

    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (400, "too_many_parameters")
        assert [problem["code"] for problem in answer.json()["errors"]] == ["too_many_parameters"]
        assert "at most 20000" in answer.json()["message"]


async def test_many_parameters_are_read(client: httpx2.AsyncClient) -> None:
    form = {f"p{number}": "" for number in range(body.FIELDS)}

    assert (await client.post("/words", data=form)).json()[1] == form


async def test_only_a_form_is_read_as_a_form(client: httpx2.AsyncClient) -> None:
    forms = [
        ("application/x-www-form-urlencoded", {"a": "1"}),
        ("application/x-www-form-urlencoded; charset=utf-8", {"a": "1"}),
        ("application/json", {}),
        ("", {}),
    ]
    for kind, expected in forms:
        answer = await client.post("/words", content="a=1", headers={"Content-Type": kind})
        assert answer.json()[1] == expected


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("0", 0), ("-1", -1), ("007", 7), (str(2**63 - 1), 2**63 - 1)])
async def test_a_number_of_the_path(client: httpx2.AsyncClient, text: str, value: int) -> None:
    assert (await client.get(f"/number/{text}")).json() == value


@pytest.mark.parametrize("text", ["x", "1.0", "1e3", "+1", "--1", "-", "1 ", "0x1", "١", "²", "9" * 5000, str(2**63)])
async def test_what_is_no_number_is_shown_shortened(client: httpx2.AsyncClient, text: str) -> None:
    answer = await client.get(f"/number/{text}")

    assert (answer.status_code, answer.json()["code"]) == (400, "not_a_number")
    assert answer.json()["message"].startswith("the build number must be a number, not ")
    assert len(answer.json()["message"]) < 200


@pytest.mark.parametrize(
    ("said", "value"),
    [("=true", True), ("=True", True), ("=1", True), ("=false", False), ("=0", False), ("", None), ("=", None)],
)
async def test_a_boolean_of_the_query(client: httpx2.AsyncClient, said: str, value: bool | None) -> None:
    assert (await client.get(f"/flag?dry_run{said}")).json() is value


@pytest.mark.parametrize("text", ["yes", "2", "tru", "\0", "x" * 5000])
async def test_what_is_neither_true_nor_false_is_refused(client: httpx2.AsyncClient, text: str) -> None:
    answer = await client.get("/flag", params={"dry_run": text})

    assert (answer.status_code, answer.json()["code"]) == (400, "wrong_type")
    assert answer.json()["errors"][0]["field"] == "dry_run"
    assert len(answer.json()["message"]) < 200


async def test_words_that_the_row_does_not_name_are_not_there(client: httpx2.AsyncClient) -> None:
    query = (await client.post("/some?a=1&c=2&access_token=3")).json()[0]
    said = await client.post("/said?a=1&b=2", data={"a": "x", "b": "3", "c": "4"})

    assert query == {"a": "1"}
    assert said.json() == {"a": "1", "b": "3"}


async def test_a_body_that_the_row_does_not_name_is_a_bug(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/undeclared", json={"name": "x"})

    assert (answer.status_code, answer.json()["code"]) == (500, "bug")


async def test_query_and_form_are_parsed_once_however_often_they_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def noted(text: str, **options: Any) -> list[tuple[str, str]]:
        parsed.append(text)
        return parse_qsl(text, **options)

    async def curious(request: Request) -> Response:
        for _ in range(3):
            body.query_pairs(request), body.whole_query(request), body.query(request)
            await body.form(request), await body.words(request)
        return JSON([])

    monkeypatch.setattr(body, "parse_qsl", noted)
    async with serving([Endpoint("POST", "/curious", curious, query=[Param("b", "", form=True)])]) as client:
        await client.post("/curious?a=1", data={"b": "2"})

    assert parsed == ["a=1", "b=2"]
