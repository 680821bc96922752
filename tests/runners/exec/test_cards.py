"""Cards are taken out of output however it was cut; all else stays as it is."""

import time
from base64 import b64encode, encodebytes

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.runners.exec.cards import BEGIN, END, LONGEST, Card, Cards
from app.runners.exec.mask import Mask
from app.runners.exec.needles import Needles

CARD = b64encode(orjson.dumps({"schema": "https://x/c.json", "data": {"a": 1}})).decode()


def taken(*pieces: str, secrets: dict[str, str] | None = None) -> tuple[str, Card | None]:
    cards = Cards(Mask(Needles(secrets or {})))
    return "".join(map(cards.feed, pieces)) + cards.flush(), cards.card


@given(st.lists(st.integers(0, 60)))
def test_a_card_and_its_line_end_leave_no_trace_however_the_output_was_cut(cuts: list[int]) -> None:
    text = f"a\n{BEGIN}{CARD}{END}\n\nb"
    places = sorted(cut % len(text) for cut in cuts)
    pieces = [text[start:end] for start, end in zip([0, *places], [*places, None], strict=True)]

    assert taken(*pieces) == ("a\n\nb", Card("https://x/c.json", '{"a":1}'))


def test_of_several_cards_the_last_counts() -> None:
    other = b64encode(b'{"data":[2]}').decode()

    assert taken(f"{BEGIN}{CARD}{END}{BEGIN}{other}{END}.") == (".", Card("", "[2]"))


def test_base64_may_be_broken_into_lines() -> None:
    text = encodebytes(orjson.dumps({"data": "x" * 200})).decode()

    assert taken(f"{BEGIN}{text}{END}") == ("", Card("", orjson.dumps("x" * 200).decode()))


@pytest.mark.parametrize(
    "text",
    [
        BEGIN,
        f"{BEGIN}{CARD}",
        f"{BEGIN}!{END}",
        f"{BEGIN}{END}",
        "\x1b]0m \x1b[31mred\x1b[0m",
        f"{BEGIN}{b64encode(b'[]').decode()}{END}",
        f"{BEGIN}{b64encode(b'{}').decode()}{END}",
        f"{BEGIN}{b64encode(orjson.dumps({'schema': 5, 'data': 1})).decode()}{END}",
        f"{BEGIN}{b64encode(bytes([255])).decode()}{END}",
        BEGIN + "A" * (LONGEST + 100),
    ],
)
def test_what_is_no_card_stays_in_the_log(text: str) -> None:
    assert taken(text, "more") == (text + "more", None)


def test_a_secret_does_not_get_out_by_a_card() -> None:
    assert taken(f"{BEGIN}{CARD}{END}", secrets={"s": "https"})[1] == Card("[secret:s]://x/c.json", '{"a":1}')


def card(data: object, schema: str = "") -> str:
    return f"{BEGIN}{b64encode(orjson.dumps({'schema': schema, 'data': data})).decode()}{END}"


@pytest.mark.parametrize(
    ("secret", "data", "shown"),
    [
        ('p"w\\d', {"a": ['x p"w\\d', 'p"w\\d']}, {"a": ["x [secret:key]", "[secret:key]"]}),
        ("s3cret", {"s3cret": 1}, {"[secret:key]": 1}),
        ("123456", {"pin": 123456, "n": 12}, {"pin": "[secret:key]", "n": 12}),
        ('":"', {"a": "b"}, {"a": "b"}),
        ("tru", {"a": True, "b": None, "c": -1.5e300}, {"a": True, "b": None, "c": -1.5e300}),
    ],
)
def test_the_data_stay_json_whatever_the_secret_is(secret: str, data: object, shown: object) -> None:
    _, found = taken(card(data), secrets={"key": secret})

    assert found is not None
    assert orjson.loads(found.data) == shown


def test_a_secret_that_the_card_writes_otherwise_is_hidden_too() -> None:
    text = b64encode(b'{"data": "s\\u0033cret"}').decode()

    assert taken(f"{BEGIN}{text}{END}", secrets={"key": "s3cret"}) == ("", Card("", '"[secret:key]"'))


def test_data_that_nest_too_deeply_are_no_card() -> None:
    text = BEGIN + b64encode(b'{"data":' + b"[" * 500 + b"]" * 500 + b"}").decode() + END

    assert taken(text) == (text, None)


@pytest.mark.parametrize(
    "piece",
    [
        BEGIN,
        BEGIN + "A" * 30,
        f"{BEGIN}AAAA{END}",
        BEGIN + "A" * (LONGEST - 1) + "!",
        BEGIN[:-1],
        END,
        card(["x" * 500]),
    ],
)
def test_no_output_makes_cards_costly(piece: str) -> None:
    """Each character counts once, however often a card seems to begin."""
    text = piece * (1024 * 1024 // len(piece))
    cards = Cards(Mask(Needles({"key": "s3cret"})))

    began = time.process_time()
    for at in range(0, len(text), 4096):
        cards.feed(text[at : at + 4096])

    assert time.process_time() - began < 3
