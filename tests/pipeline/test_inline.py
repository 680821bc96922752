import base64
import secrets

import pytest

from app.errors import Invalid
from app.pipeline.inline import decrypt, encrypt

KEY = "0123456789abcdef0123456789abcdef"
SEALED = "AAECAwQFBgcICQoLWYrLUap9sd7NqNF43gx+mtEo3LEd6nNlQ6o="
#: recorded: admin.json; its key is not, but every length is
RECORDED = {
    "secret": "3uQSA7uPeibeSHelLXYoRwYD/M9isWwiAgDQlMl4RRYyrw==",
    "": "krVJFixGV0m6lc/9oxJSTyE3PSH4kEC0BJC+oA==",
}


def test_the_layout_is_the_documented_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "token_bytes", lambda size: bytes(range(size)))

    assert encrypt("top-secret", KEY) == SEALED
    assert decrypt(SEALED, KEY) == "top-secret"


@pytest.mark.parametrize("text", ["", "a", "zwölf\n\0", "x" * 100_000])
def test_what_was_encrypted_opens(text: str) -> None:
    assert decrypt(encrypt(text, KEY), KEY) == text


@pytest.mark.parametrize("text", RECORDED)
def test_it_is_as_long_as_the_recorded_one(text: str) -> None:
    assert len(base64.b64decode(encrypt(text, KEY))) == len(base64.b64decode(RECORDED[text]))


def test_no_nonce_is_used_twice() -> None:
    assert len({encrypt("a", KEY)[:16] for _ in range(100)}) == 100


@pytest.mark.parametrize("key", ["", "short", "x" * 16, "x" * 33, "ü" * 32, "\ud800" * 32])
def test_a_key_of_another_size_encrypts_nothing(key: str) -> None:
    with pytest.raises(Invalid):
        encrypt("a", key)


def test_text_that_is_no_unicode_is_refused_without_showing_it() -> None:
    with pytest.raises(Invalid, match="data must be valid Unicode") as caught:
        encrypt("hush\ud800", KEY)
    assert "hush" not in caught.value.message


@pytest.mark.parametrize(
    ("sealed", "key"),
    [
        ("", KEY),
        ("not base64!", KEY),
        ("ä", KEY),
        ("AAEC", KEY),
        (SEALED, "short"),
        (SEALED, ""),
        (SEALED, "x" * 32),
        (SEALED, "\ud800" * 32),
        (SEALED[:-8] + "AAAAAA==", KEY),
    ],
)
def test_what_cannot_be_opened_is_absent(sealed: str, key: str) -> None:
    assert decrypt(sealed, key) == ""
