"""Cards are taken out of output however it was cut; all else stays as it is."""

from base64 import b64encode, encodebytes

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.runners.exec.cards import BEGIN, END, LONGEST, Card, Cards
from app.runners.exec.mask import Mask

CARD = b64encode(orjson.dumps({"schema": "https://x/c.json", "data": {"a": 1}})).decode()


def taken(*pieces: str, secrets: dict[str, str] | None = None) -> tuple[str, Card | None]:
    cards = Cards(Mask(secrets or {}))
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
