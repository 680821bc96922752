"""What is wrong in a query, and what a query may cost: each is an error that names it."""

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.artifacts.search import limits, query, results, search
from app.artifacts.search.grammar import parse
from app.artifacts.search.limits import CONDITIONS, DEPTH, PATTERN, TEXT
from app.artifacts.search.model import matches
from app.db.connect import Database
from app.db.tx import Tx, one
from app.errors import Invalid
from tests.artifacts.conftest import NOW
from tests.artifacts.search.oracle import COMPARE
from tests.artifacts.search.store import add_repository, answer, put

CODES = [
    ("", "bad_syntax", "the end where a word is due"),
    ("items", "bad_syntax", "the end"),
    ("items.find({", "bad_syntax", "the end"),
    ('items.find({"a":})', "bad_syntax", "'}'.*line 1, column 17"),
    ('items.find(\n{"name":"a",})', "bad_syntax", "'}'.*line 2, column 13"),
    ('items.find({"name":yes})', "bad_syntax", "'yes'.*double quotes"),
    ("items.find({'name':'a'})", "bad_syntax", "line 1"),
    ('items.find({"name":"a"}) items', "bad_syntax", "'items'"),
    ('items.find({"name":"\0"})', "bad_syntax", "NUL"),
    ('items.find({"name":"\\u0000"})', "bad_syntax", "NUL"),
    ('builds.find({"name":"a"})', "bad_domain", "only items.find"),
    ('items.search({"name":"a"})', "bad_domain", "only items.find"),
    ('items.find("name")', "bad_find", "one object"),
    ('items.find({"name":"a"},{"name":"b"})', "bad_find", "one object"),
    ('items.find({"colour":"a"})', "bad_field", "'colour'.*known are repo, path"),
    ('items.find({"@":"a"})', "bad_field", "'@'"),
    ('items.find({"archive.entry.name":"a"})', "no_archive_search", "archives"),
    ('items.find({"$not":[{"name":"a"}]})', "bad_field", r"'\$not'"),
    ('items.find({"name":{"$like":"a"}})', "bad_operator", r"'\$like' at 'name': known are \$eq"),
    ('items.find({"name":{}})', "no_operator", "'name'"),
    ('items.find({"name":["a"]})', "bad_value", "'name'"),
    ('items.find({"name":{"$eq":{"a":"b"}}})', "bad_value", "'name'"),
    ('items.find({"$or":{"name":"a"}})', "bad_list", r"list of objects at \$or"),
    ('items.find({"$and":[{"name":"a"},"b"]})', "bad_list", r"\$and"),
    ('items.find({"$msp":[{"name":"a"}]})', "bad_msp", "'name'"),
    ('items.find({"size":"big"})', "bad_number", "'big' at 'size'"),
    ('items.find({"size":1.5})', "bad_number", "'1.5'"),
    ('items.find({"size":{"$match":"1*"}})', "bad_operator", "no text"),
    ('items.find({"created":"yesterday"})', "bad_time", "created: 'yesterday' is no time"),
    ('items.find({"created":{"$last":"soon"}})', "bad_length_of_time", "created: 'soon'"),
    ('items.find({"name":{"$last":"1d"}})', "bad_operator", "no time"),
    ('items.find({"name":null})', "bad_null", "only a property"),
    ('items.find({"@k":{"$gt":null}})', "bad_null", r"\$gt"),
    ('items.find().include("colour")', "bad_field", "'colour'"),
    ('items.find().include("artifact.module.build.name")', "bad_field", "no field of an answer"),
    ("items.find().include(1)", "bad_names", ".include"),
    ('items.find().sort("name")', "bad_sort", ".sort"),
    ('items.find().sort({"$up":["name"]})', "bad_sort", r"'\$up'"),
    ('items.find().sort({"$asc":["@k"]})', "bad_field", "'@k'"),
    ("items.find().limit(-1)", "bad_number", ".limit"),
    ("items.find().limit()", "bad_number", ".limit"),
    ("items.find().offset(1.5)", "bad_number", ".offset"),
    ("items.find().limit(1).limit(2)", "call_twice", ".limit"),
    ("items.find().drop()", "bad_call", ".drop"),
    # limits
    ("items.find(" + '{"$and":[' * 2000 + "]}" * 2000 + ")", "too_deep", f"deeper than {DEPTH}"),
    ('items.find({"name":"' + "a" * 1_000_000 + '"})', "too_long", f"at most {TEXT}"),
    ("items.find({" + ",".join(['"name":"a"'] * (CONDITIONS + 1)) + "})", "too_many_conditions", str(CONDITIONS)),
    ('items.find({"$or":[' + ",".join(["{}"] * 20_000) + "]})", "too_many_words", "16000"),
    ('items.find({"name":{"$match":"' + "*a" * PATTERN + '"}})', "pattern_too_long", str(PATTERN)),
]


@pytest.mark.parametrize(("text", "code", "words"), CODES, ids=[f"{number}" for number in range(len(CODES))])
def test_a_query_that_is_wrong_is_refused(text: str, code: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as refused:
        query.read(text, NOW)

    assert [problem.code for problem in refused.value.problems] == [code]
    assert len(refused.value.message) < 1000


named = st.text(max_size=30).map(lambda text: f'items.find({{"name":"{text}"}})')


@given(named | st.text('items.find({"$or":[@a]})1, \\', max_size=60))
def test_any_text_is_understood_or_refused(text: str) -> None:
    with suppress(Invalid):
        query.read(text, NOW)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r'"a\"b"', 'a"b'), (r'"a\\b"', "a\\b"), (r'"\/\n\t"', "/\n\t"), (r'"\u00e4\ud83d\ude00"', "ä😀"),
        (r'"C:\data"', r"C:\data"), ('"a\nb"', "a\nb"), ('"%2F"', "%2F"), ('""', ""),
    ],
)  # fmt: skip
def test_a_text_has_the_escapes_of_json(written: str, meant: str) -> None:
    _, (call,) = parse(f"items.find({written})")

    assert call.arguments == (meant,)


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_a_pattern_matches_as_a_regular_expression_does(pattern: str, text: str) -> None:
    assert matches(text, pattern) == COMPARE["$match"](text, pattern)


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    began = time.process_time()

    assert not matches("a" * 64, "*a" * 60 + "*b")
    assert time.process_time() - began < 1.0


@pytest.fixture
async def store(db: Database) -> Database:
    repo = await db.write(add_repository("dev"))
    for number in range(20):
        await db.write(put(repo, f"{'a' * 40}/f{number:02}", "same", {"k": ["v"]}))
    return db


async def test_more_items_than_a_query_may_find_are_refused(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (search, limits):
        monkeypatch.setattr(module, "ROWS", 10)
    monkeypatch.setattr("app.artifacts.search.compile.ROWS", 10)

    with pytest.raises(Invalid, match=r"more than 10 items.*\.limit"):
        await answer(store, "items.find()")
    assert (await answer(store, "items.find().limit(10)"))["range"]["total"] == 10
    assert (await answer(store, "items.find().offset(15)"))["range"]["total"] == 5


async def test_a_query_that_takes_too_long_is_refused(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(*_: object) -> Tx[None]:
        while True:
            yield from one("SELECT 1")

    monkeypatch.setattr(search, "SECONDS", 0.1)
    monkeypatch.setattr(search, "find", endless)

    with pytest.raises(Invalid, match=r"longer than 0\.1 seconds") as refused:
        await answer(store, "items.find()")
    assert refused.value.problems[0].code == "too_slow"


PLACE = f'{{{{"path":"{"a" * 40}","name":"f{{n:02}}"}}}}'


@pytest.mark.parametrize(
    "criteria",
    [
        ",".join(f'"name":{{"$nmatch":"x{n}*"}}' for n in range(CONDITIONS)),
        '"$or":[' + ",".join(f'{{"name":"f{n:02}","path":"{"a" * 40}"}}' for n in range(CONDITIONS // 2)) + "]",
        '"$or":[' + ",".join(f'{{"$and":[{PLACE.format(n=n)}]}}' for n in range(CONDITIONS // 2)) + "]",
        '"$or":[' + ",".join(f'{{"@k":"v","@k":{{"$ne":"{n}"}}}}' for n in range(CONDITIONS // 2)) + "]",
        '"$or":[' + ",".join(f'{{"artifact.module.build.name":"{n}"}}' for n in range(CONDITIONS - 1)) + ',{"@k":"v"}]',
        '"$and":[{"$or":[{' * ((DEPTH - 1) // 4) + '"@k":"v"' + "}]}]" * ((DEPTH - 1) // 4),
    ],
    ids=["all", "any", "places", "properties", "runs", "deep"],
)  # fmt: skip
async def test_a_query_up_to_the_limits_is_answered(store: Database, criteria: str) -> None:
    assert (await answer(store, f"items.find({{{criteria}}})"))["range"]["total"] == 20


async def test_a_large_answer_comes_in_pieces(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "_PIECE", 8)

    found = await answer(store, 'items.find({"repo":"dev"}).include("name","property")')

    assert [item["name"] for item in found["results"]] == [f"f{number:02}" for number in range(20)]
    assert all(item["properties"] == [{"key": "k", "value": "v"}] for item in found["results"])
