"""Standard Webhooks: what the library of the standard makes of our requests."""

import json
import time
from base64 import b64decode, b64encode
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from app.notify.webhooks.formats import SIGNED, fault_of_secret, new_secret, tells
from app.notify.webhooks.formats.signing import RANDOM, fault_of, public_key, signed
from app.notify.webhooks.formats.standard import render
from app.notify.webhooks.model import Event
from tests.notify.webhooks.checks import read
from tests.notify.webhooks.events import NEW_YEAR, NEWER, OLDER, SECRET, SERVER, SHA, event, other

EXAMPLE = (
    b'{"type":"promotion.succeeded","timestamp":"2026-01-01T00:00:00Z","data":'
    b'{"repo":"octocat/hello-world","build":43,"parent":42,"target":"production"}}'
)
#: The seed and the public key of test 1 of RFC 8032, 7.1.
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")


@pytest.mark.parametrize(
    ("secrets", "signature"),
    [
        ([SECRET], "v1,hg5gSAN0E2o5vrT7bRowTIxvNBaS8xkpywgWt4YNmyE="),
        (
            [NEWER, SECRET],
            "v1,5CUmg2W3Vi7vn3AK3ScMFGrO0nEfbOwIuTEbWc9pQtg= v1,hg5gSAN0E2o5vrT7bRowTIxvNBaS8xkpywgWt4YNmyE=",
        ),
    ],
)
def test_signatures_are_those_of_the_contract(secrets: list[str], signature: str) -> None:
    headers = signed("01JGFJJZ00AAAAAAAAAAAAAAAA", NEW_YEAR, EXAMPLE, secrets)

    assert headers == {
        "webhook-id": "msg_01JGFJJZ00AAAAAAAAAAAAAAAA",
        "webhook-timestamp": "1767225600",
        "webhook-signature": signature,
    }


def test_the_librarys_own_vector_is_signed_alike() -> None:
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'

    headers = signed("p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, [secret])

    assert headers["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_library_verifies_a_request() -> None:
    (request,) = render(event("promotion.succeeded"), [SECRET], int(time.time()), SERVER)

    told = Webhook(SECRET).verify(request.body, dict(request.headers))

    assert told["type"] == "promotion.succeeded"
    assert told == read(request)


@pytest.mark.parametrize("receivers", [SECRET, NEWER])
def test_while_a_secret_is_exchanged_the_receiver_may_have_either(receivers: str) -> None:
    (request,) = render(event("promotion.succeeded"), [NEWER, SECRET], int(time.time()), SERVER)

    Webhook(receivers).verify(request.body, dict(request.headers))


def test_a_changed_body_and_another_secret_are_refused() -> None:
    (request,) = render(event("promotion.succeeded"), [SECRET], int(time.time()), SERVER)

    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(request.body.replace(b"production", b"staging"), dict(request.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(NEWER).verify(request.body, dict(request.headers))


def test_a_later_attempt_has_the_same_id_and_body_and_its_own_time() -> None:
    told = event("promotion.succeeded")

    (first,), (second,) = (render(told, [SECRET], at, SERVER) for at in (NEW_YEAR, NEW_YEAR + 300))

    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == f"msg_{told.key}"
    assert "." not in first.headers["webhook-id"]
    assert (first.headers["webhook-timestamp"], second.headers["webhook-timestamp"]) == ("1767225600", "1767225900")
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


def test_the_whole_story_of_a_promotion_is_told() -> None:
    (request,) = render(event("promotion.failed", previous={"number": 40, "commit": OLDER}), [SECRET], 0, SERVER)

    assert read(request) == {
        "type": "promotion.failed",
        "timestamp": "2026-01-01T00:03:12.250Z",
        "data": {
            "version": 1,
            "repo": "octocat/hello-world",
            "build": 43,
            "parent": 42,
            "event": "promote",
            "target": "production",
            "status": "failure",
            "requested_by": "alice",
            "parameters": {"TAG": "v1.2.3"},
            "commit": SHA,
            "ref": "refs/heads/main",
            "message": "Greet the world",
            "author": "octocat",
            "created": "2025-12-31T23:59:55Z",
            "started": "2026-01-01T00:00:00Z",
            "finished": "2026-01-01T00:03:12Z",
            "duration": 192,
            "by": {"kind": "runner", "name": "m1"},
            "failed": {"stage": "default", "step": "deploy", "exit_code": 17},
            "error": "stage default: step deploy: exit code 17",
            "previous": {"build": 40, "commit": OLDER},
            "links": {
                "build": "https://ci.example.com/octocat/hello-world/43",
                "repository": "https://ci.example.com/octocat/hello-world",
                "change": f"https://github.com/octocat/hello-world/commit/{SHA}",
                "compare": f"https://github.com/octocat/hello-world/compare/{OLDER}...{SHA}",
            },
        },
    }


def test_an_event_of_a_stage_says_which_and_how_it_went() -> None:
    (request,) = render(event("stage.finished", status="failure"), [SECRET], 0, SERVER)

    data = read(request)["data"]

    assert data["stage"] == {
        "number": 1,
        "name": "default",
        "status": "failure",
        "started": "2026-01-01T00:00:00Z",
        "finished": "2026-01-01T00:03:12Z",
        "duration": 192,
    }
    assert data["failed"]["step"] == "deploy"


def test_what_waits_for_approval_is_blocked() -> None:
    (request,) = render(event("promotion.requested", blocked=True), [SECRET], 0, SERVER)

    assert read(request)["data"]["status"] == "blocked"


def test_events_of_no_build_say_what_they_are_about() -> None:
    user = {"login": "ada", "admin": False, "machine": True, "email": "ada@example.com"}
    (made,) = render(other("user.created", user=user), [SECRET], 0, SERVER)
    (notice,) = render(other("webhook.disabled", webhook={"id": 3, "reason": "gone"}), [SECRET], 0, SERVER)

    by = {"kind": "person", "name": "alice"}
    assert read(made)["data"] == {"version": 1, "by": by, "user": {"login": "ada", "admin": False, "machine": True}}
    assert read(notice)["data"] == {"version": 1, "by": by, "webhook": {"id": 3, "reason": "gone"}}


def test_what_only_drone_tells_is_no_request() -> None:
    told = Event("k", "", "build:updated", 0, {})

    assert list(render(told, [SECRET], 0, SERVER)) == []
    assert not tells("standard", told)
    assert tells("drone", told)


#: What a build holds, and what is left out of its data.
TOO_LONG = [
    ({"message": "m" * 30_000}, ["message"], None),
    ({"params": {"A": "v" * 30_000, "B": "2"}}, ["parameters"], {"A": "v" * 499 + "…", "B": "2"}),
    (
        {"params": {f"P{number:03}": "v" * 300 for number in range(100)}},
        ["parameters"],
        {f"P{number:03}": "v" * 99 + "…" for number in range(20)},
    ),
    ({"params": {f"P{number:03}": "\x01" * 300 for number in range(100)}}, ["parameters"], None),
    ({"params": {f"P{number}" + "\x01" * 300: "\x01" * 300 for number in range(100)}}, ["links", "parameters"], {}),
    ({"deploy_to": "\x01" * 30_000, "params": {}}, ["target"], None),
    ({"link": "https://x/" + "l" * 30_000, "params": {}}, ["links"], None),
]


@pytest.mark.parametrize(("fields", "left", "parameters"), TOO_LONG)
def test_a_body_that_would_be_too_long_is_shortened(
    fields: dict[str, object], left: list[str], parameters: dict[str, str] | None
) -> None:
    (request,) = render(event("promotion.succeeded", **fields), [SECRET], 0, SERVER)

    data = read(request)["data"]
    assert len(request.body) < 20_000
    assert sorted(data["truncated"]) == left
    assert parameters is None or data["parameters"] == parameters
    assert (data["repo"], data["build"], data["commit"]) == ("octocat/hello-world", 43, SHA)
    assert data["links"]["build"] == "https://ci.example.com/octocat/hello-world/43"


def test_an_asymmetric_secret_signs_with_its_private_key() -> None:
    secret = "whsk_" + b64encode(SEED).decode()
    (request,) = render(event("promotion.succeeded"), [secret, SECRET], NEW_YEAR, SERVER)

    assert public_key(secret) == "whpk_" + b64encode(PUBLIC).decode()
    asymmetric, symmetric = request.headers["webhook-signature"].split()
    text = f"{request.headers['webhook-id']}.{NEW_YEAR}.".encode() + request.body
    key = Ed25519PublicKey.from_public_bytes(PUBLIC)
    key.verify(b64decode(asymmetric.removeprefix("v1a,")), text)
    with pytest.raises(InvalidSignature):
        key.verify(b64decode(asymmetric.removeprefix("v1a,")), text + b" ")
    at = datetime.fromtimestamp(NEW_YEAR, UTC)
    assert symmetric == Webhook(SECRET).sign(request.headers["webhook-id"], at, request.body.decode())


def test_a_private_key_may_have_its_public_key_behind_it() -> None:
    short, long = ("whsk_" + b64encode(key).decode() for key in (SEED, SEED + PUBLIC))

    assert fault_of(long) is None
    assert public_key(long) == public_key(short)
    assert signed("k", 1, b"{}", [long]) == signed("k", 1, b"{}", [short])


@pytest.mark.parametrize(
    ("secret", "fault"),
    [
        ("", "must begin with whsec_"),
        ("a-secret-of-mine", "must begin with whsec_"),
        ("whsec_", "24 to 64 bytes"),
        ("whsec_" + b64encode(bytes(23)).decode(), "24 to 64 bytes"),
        ("whsec_" + b64encode(bytes(65)).decode(), "24 to 64 bytes"),
        ("whsec_not base64 at all!", "must have base64"),
        ("whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA", "must have base64"),
        ("whsec_ééé", "must have base64"),
        ("whsk_" + b64encode(bytes(31)).decode(), "32 bytes of a private Ed25519 key"),
        ("whsk_" + b64encode(SEED + bytes(32)).decode(), "its own public key"),
    ],
)
def test_a_bad_secret_is_refused_with_the_rule(secret: str, fault: str) -> None:
    assert fault in (fault_of(secret) or "")


def test_new_secrets_are_good_ones() -> None:
    random = bytes(range(RANDOM))

    for format_ in SIGNED:
        assert fault_of_secret(format_, new_secret(format_, random)) is None
    assert fault_of_secret("standard", "whsec_" + b64encode(bytes(24)).decode()) is None
    assert fault_of_secret("drone", "any text") is None
    assert fault_of_secret("drone", "") == "must not be empty"


def test_the_body_is_compact_json_in_utf8() -> None:
    (request,) = render(event("promotion.succeeded", message="Grüße 🚀"), [SECRET], 0, SERVER)

    assert request.headers["content-type"] == "application/json"
    assert "Grüße 🚀".encode() in request.body
    assert request.body == json.dumps(read(request), ensure_ascii=False, separators=(",", ":")).encode()
