import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pipeline.problems import BadPipeline
from app.pipeline.signature import sign, signed, verify

KEY = "0123456789abcdef0123456789abcdef"
FILE = "kind: pipeline\ntype: exec\nname: default\n\nsteps:\n- name: a\n  commands:\n  - true\n\n"
HMAC = "756b3deef2c8b860e70b232a9d5393691bc69ff8685473d7fbc712f9dc405a83"


def with_hmac(text: str = FILE, value: str = HMAC) -> str:
    return f"---\n{text}---\nkind: signature\nhmac: {value}\n\n...\n"


def of(message: str) -> str:
    return hmac.new(KEY.encode(), message.encode(), hashlib.sha256).hexdigest()


def test_the_signature_of_a_file_is_the_documented_one() -> None:
    assert sign(FILE, KEY) == HMAC
    assert verify(with_hmac(), KEY)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"---\n{FILE}", id="after-a-separator"),
        pytest.param(with_hmac(value="abc"), id="signed-before"),
        pytest.param(FILE.replace("\n", "\r\n"), id="other-line-ends"),
        pytest.param(f"{FILE}...\nanything\n", id="after-the-end"),
        pytest.param(f"kind: signature\nhmac: x\n---\n{FILE}", id="signature-first"),
        pytest.param(f"--- # a comment on the separator\n{FILE}", id="rest-of-a-separator"),
    ],
)
def test_what_is_around_the_documents_is_not_signed(text: str) -> None:
    assert sign(text, KEY) == HMAC


def test_documents_are_joined_as_they_are_with_comments_and_blank_lines() -> None:
    assert sign("# c\nkind: a\n---\n\n---\nkind: b", KEY) == of("# c\nkind: a\n\nkind: b\n")
    assert sign("", KEY) == of("")
    assert sign("\n", KEY) == of("\n")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(FILE, id="unsigned"),
        pytest.param("", id="empty"),
        pytest.param(with_hmac(FILE.replace("true", "evil")), id="changed"),
        pytest.param(with_hmac(FILE + "\n"), id="one-line-more"),
        pytest.param(with_hmac().replace("...\n", f"---\n{FILE}"), id="one-document-more"),
        pytest.param(with_hmac(value=""), id="no-hmac"),
        pytest.param(with_hmac(value="ü"), id="hmac-is-no-hex"),
        pytest.param(with_hmac(value="[a]"), id="hmac-is-a-list"),
        pytest.param(with_hmac(value=HMAC[:-1]), id="hmac-is-too-short"),
        pytest.param(with_hmac().replace("...\n", "---\nkind: signature\nhmac: x\n"), id="the-last-signature-counts"),
        pytest.param("a: [\n" + with_hmac(), id="unreadable"),
    ],
)
def test_anything_else_is_not_verified(text: str) -> None:
    assert not verify(text, KEY)


def test_the_key_and_only_the_key_verifies() -> None:
    assert not verify(with_hmac(), KEY[::-1])
    assert verify(with_hmac(value=HMAC.upper()), KEY)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (FILE, f"---\n{FILE}"),
        (f"---\n{FILE}", f"---\n{FILE}"),
        (with_hmac(value="old"), f"---\n{FILE}"),
        ("# mine\r\n--- # the first\r\nkind: a", "---\n# mine\n---\nkind: a\n"),
        (
            "kind: signature\nhmac: x\n---\nkind: a\n---\nkind: signature\nhmac: y\n---\nkind: b\n...\nrest",
            "---\nkind: a\n---\nkind: b\n",
        ),
    ],
)
def test_a_signed_file_holds_its_documents_and_one_signature(text: str, written: str) -> None:
    assert signed(text, "abc") == f"{written}---\nkind: signature\nhmac: abc\n\n...\n"
    assert verify(signed(text, sign(text, KEY)), KEY)


@pytest.mark.parametrize("text", ["a: [\n", "a: 1\nb: \ud800", "- a\n", "---\na: 1\n" * 1001])
def test_a_file_nobody_can_read_is_not_signed(text: str) -> None:
    with pytest.raises(BadPipeline):
        sign(text, KEY)
    with pytest.raises(BadPipeline):
        signed(text, "abc")


def test_a_file_of_a_thousand_documents_is_signed_and_verified() -> None:
    text = "---\n".join(f"kind: pipeline\ntype: exec\nname: p{number}\n" for number in range(999))

    assert verify(signed(text, sign(text, KEY)), KEY)


@given(st.text(alphabet="ab:-.\n\r #", max_size=40))
def test_what_is_signed_is_verified_until_it_changes(text: str) -> None:
    try:
        value = sign(text, KEY)
    except BadPipeline:
        return
    body = text.removesuffix("\n") + "\n" if text else ""
    head = f"kind: signature\nhmac: {value}\n---\n"

    assert verify(head + body, KEY)
    assert verify(signed(text, value), KEY)
    assert signed(signed(text, value), value) == signed(text, value)
    assert not verify(head + "x: 1\n" + body, KEY)
