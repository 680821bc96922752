"""An extension believes what it is asked, and whatever it answers is dealt with (contract drone-webhooks 4, 5, 13)."""

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.errors import Unavailable
from app.extensions.client import LIMIT, Extension, ExtensionFailed
from app.extensions.signature import digest, sign
from app.settings.values import Service
from tests.extensions.farside import SECRET, Answer, FarSide, extension

MEDIA = "application/vnd.drone.config.v1+json"


@pytest.fixture
def far() -> Iterator[FarSide]:
    with extension() as far:
        yield far


def one(far: FarSide, path: str = "/ask", **more: object) -> Extension:
    service = Service(far.url + path, SECRET, timeout=20)
    return Extension("configuration", MEDIA, replace(service, **more))  # type: ignore[arg-type]


def test_the_vectors_of_the_contract() -> None:
    secret, date = "0123456789abcdef0123456789abcdef", "Wed, 01 Jan 2025 00:00:00 GMT"
    body = b'{"event":"repo","action":"enabled"}'
    headers = {
        "accept": MEDIA,
        "accept-encoding": "identity",
        "content-type": "application/json",
        "date": date,
        "digest": digest(body),
    }

    assert digest(body) == "SHA-256=7//oEgGxuIUNa6YNVhFhlNt2uGNBk7rBGLe6doGa86E="
    assert 'signature="6cW4QtiCL3cnC2whkDKXQ4x7oJ2qML5w8HwA8UPse9E="' in sign(headers, secret, ("date", "digest"))
    assert 'signature="BqifjKBvdsFaLGNwwSQozo6eBP0HoDhj0aE6T8TKyaE="' in sign(headers, secret)


async def test_a_question_is_signed_and_its_answer_read(far: FarSide) -> None:
    far.answers["/ask"] = Answer({"data": "kind: pipeline"})

    assert await one(far).ask({"build": {"number": 7}}) == {"data": "kind: pipeline"}
    _, headers, question = far.asked[0]
    assert question == {"build": {"number": 7}}
    assert (headers["accept"], headers["accept-encoding"]) == (MEDIA, "identity")


@pytest.mark.parametrize("answer", [Answer(status=204), Answer(b"")])
async def test_nothing_is_an_answer(far: FarSide, answer: Answer) -> None:
    far.answers["/ask"] = answer

    assert await one(far).ask({}) is None


@pytest.mark.parametrize("length", [32, 41])
async def test_an_encrypted_answer_is_opened(far: FarSide, length: int) -> None:
    nonce = os.urandom(12)
    sealed = nonce + AESGCM(SECRET.encode()[:32]).encrypt(nonce, b'{"data": "hush"}', None)
    far.answers["/ask"] = Answer(sealed, headers={"Content-Encoding": "aesgcm"})

    assert await one(far).ask({}) == {"data": "hush"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer({"message": "no such\nproject"}, 404), "answered 404: no such project"),
        (Answer(b"<html>broken", 500), "answered 500: <html>broken"),
        (Answer(b"x" * 10_000, 400), "x" * 500),
        (Answer(status=403), "answered 403"),
        (Answer(status=302, headers={"Location": "/other"}), "answered 302"),
        (Answer(b"not json"), "not JSON"),
        (Answer(b"x" * (LIMIT + 1)), "more than"),
        (Answer(b"short", headers={"Content-Encoding": "aesgcm"}), "another secret"),
        (Answer(b"x" * 100, headers={"Content-Encoding": "aesgcm"}), "another secret"),
    ],
)
async def test_a_bad_answer_is_told_in_words(far: FarSide, answer: Answer, words: str) -> None:
    far.answers["/ask"] = answer

    with pytest.raises(ExtensionFailed) as failed:
        await one(far).ask({})
    assert failed.value.message.startswith("the configuration extension at 127.0.0.1 ")
    assert words in failed.value.message
    assert SECRET not in failed.value.message


async def test_the_wrong_secret_is_refused_by_the_other_side(far: FarSide) -> None:
    far.answers["/ask"] = Answer({})

    with pytest.raises(ExtensionFailed, match="answered 400: Invalid Signature"):
        await one(far, secret="wrong").ask({})


async def test_a_short_secret_cannot_open_anything(far: FarSide) -> None:
    far.answers["/ask"] = lambda _: Answer(b"x" * 50, headers={"Content-Encoding": "aesgcm"})
    short = one(far, secret="short")
    with pytest.raises(ExtensionFailed):
        await short.ask({})
    with pytest.raises(ExtensionFailed, match="takes a secret of 32 characters"):
        short._opened(b"x" * 50)


async def test_who_is_not_there_or_too_slow_cannot_be_reached(far: FarSide) -> None:
    far.answers["/ask"] = Answer({}, after=2)

    with pytest.raises(Unavailable, match="no answer in time"):
        await one(far, timeout=0.1).ask({})
    with pytest.raises(Unavailable, match="cannot be reached"):
        await Extension("validation", MEDIA, Service("http://user:hush@127.0.0.1:1/x")).ask({})
    with pytest.raises(Unavailable) as unreachable:
        await Extension("validation", MEDIA, Service("http://user:hush@127.0.0.1:1/x?token=hush")).ask({})
    assert "hush" not in unreachable.value.message
