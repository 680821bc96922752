"""What a post-receive hook may tell, and what is built for it."""

import json

import pytest

from app.builds import triggers
from app.builds.triggers import Trigger
from app.errors import Invalid
from app.scm import hook
from app.scm.git import payload
from app.scm.hook import Push

OLD, NEW, ZERO = "1" * 40, "a" * 40, "0" * 40
PAYLOAD = {
    "before": OLD,
    "after": NEW,
    "ref": "refs/heads/main",
    "repository": {"full_name": "demo/hello"},
    "pusher": {"name": "ada"},
    "push_options": ["ci.skip"],
}


def body(**changes: object) -> bytes:
    kept = {name: value for name, value in {**PAYLOAD, **changes}.items() if value is not ...}
    return json.dumps(kept).encode()


@pytest.mark.parametrize(
    ("key", "message", "signature"),
    [
        (
            "It's a Secret to Everybody",
            "Hello, World!",
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        ),
        (
            "repo-signer-0123456789abcdef0123",
            '{"ref":"refs/heads/main","after":"4522cbcefc20728a5b72b3a86af35e608622c514"}',
            "56563af06d97dee102d26aaa0b08af2b3f434f36c7eb991b1c57c4c0cf752390",
        ),
    ],
)
def test_signatures_are_those_of_github(key: str, message: str, signature: str) -> None:
    assert hook.sign(key, message.encode()) == f"sha256={signature}"
    assert hook.verify(key, message.encode(), f"sha256={signature}")
    assert hook.verify(key, message.encode(), f"sha256={signature.upper()}")
    assert not hook.verify(key, message.encode() + b" ", f"sha256={signature}")
    assert not hook.verify(key + " ", message.encode(), f"sha256={signature}")


GOOD = hook.sign("key", b"body")


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", "sha256", "sha256=", "md5=00", GOOD[:-1], GOOD + "0", GOOD + "\n", " " + GOOD),
        *(GOOD.removeprefix("sha256="), GOOD.replace("256", "1"), "sha256=" + "g" * 64),
        *("sha256=" + "é" * 64, "sha256=" + "\u0661" * 64, "sha256=" + " " * 64, GOOD.upper()),
    ],
)
def test_a_malformed_signature_is_wrong_and_no_more(header: str | None) -> None:
    assert not hook.verify("key", b"body", header)


def test_nothing_is_signed_with_an_empty_key() -> None:
    assert not hook.verify("", b"body", hook.sign("", b"body"))


def test_a_push_is_read_with_all_its_fields() -> None:
    delivery = payload.parse_push(body(delivery={"id": "d" * 32, "time": 1_700_000_000}))
    assert (delivery.host, delivery.slug, delivery.id, delivery.sent) == ("", "demo/hello", "d" * 32, 1_700_000_000)
    assert delivery.change == Push(before=OLD, after=NEW, ref="refs/heads/main", sender="ada", options=("ci.skip",))


def parsed(raw: bytes) -> Push:
    change = payload.parse_push(raw).change
    assert isinstance(change, Push)
    return change


@pytest.mark.parametrize("changes", [{"pusher": ...}, {"pusher": {}}, {"pusher": None}])
def test_the_pusher_may_be_unknown(changes: dict[str, object]) -> None:
    push = parsed(body(push_options=..., **changes))
    assert (push.sender, push.options) == ("", ())


def test_ids_of_sha256_are_taken() -> None:
    push = parsed(body(before="0" * 64, after="b" * 64))
    assert push.created
    assert not push.deleted


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"before": ...}, "before", "missing"),
        ({"before": None}, "before", "missing"),
        ({"before": 1}, "before", "wrong_type"),
        ({"before": "1" * 39}, "before", "invalid"),
        ({"before": "1" * 64}, "before", "invalid"),
        ({"after": "A" * 40}, "after", "invalid"),
        ({"after": NEW + "\n"}, "after", "invalid"),
        ({"after": [NEW]}, "after", "wrong_type"),
        ({"ref": "main"}, "ref", "invalid"),
        ({"ref": "refs/heads/a b"}, "ref", "invalid"),
        ({"ref": "refs/heads/a\u0000b"}, "ref", "invalid"),
        ({"ref": "refs/heads/../x"}, "ref", "invalid"),
        ({"ref": "refs/heads/"}, "ref", "invalid"),
        ({"ref": "refs/heads/" + "x" * 2000}, "ref", "invalid"),
        ({"repository": {"full_name": "demo"}}, "repository.full_name", "invalid"),
        ({"repository": {"full_name": "a/b/c"}}, "repository.full_name", "invalid"),
        ({"repository": {"full_name": "a/b\n"}}, "repository.full_name", "invalid"),
        ({"repository": {"full_name": "a/\x7f"}}, "repository.full_name", "invalid"),
        ({"repository": {"full_name": "a/" + "b" * 300}}, "repository.full_name", "invalid"),
        ({"repository": {"full_name": True}}, "repository.full_name", "wrong_type"),
        ({"repository": {}}, "repository.full_name", "missing"),
        ({"repository": ...}, "repository.full_name", "missing"),
        ({"pusher": {"name": 7}}, "pusher.name", "wrong_type"),
        ({"pusher": {"name": "a\nb"}}, "pusher.name", "invalid"),
        ({"pusher": {"name": "x" * 300}}, "pusher.name", "invalid"),
        ({"pusher": "ada"}, "pusher", "wrong_type"),
        ({"push_options": "ci.skip"}, "push_options", "wrong_type"),
        ({"push_options": [1]}, "push_options", "wrong_type"),
        ({"push_options": ["x" * 2000]}, "push_options", "invalid"),
        ({"push_options": ["a\tb"]}, "push_options", "invalid"),
        ({"push_options": ["x"] * 101}, "push_options", "invalid"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, object], field: str, code: str) -> None:
    with pytest.raises(Invalid) as invalid:
        payload.parse_push(body(**changes))
    (problem,) = invalid.value.problems
    assert (problem.field, problem.code) == (field, code)
    assert problem.message.startswith(field)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(Invalid) as invalid:
        payload.parse_push(b'{"after": 3, "ref": "x", "repository": [], "push_options": {}}')
    assert [problem.field for problem in invalid.value.problems] == [
        *("repository", "repository.full_name", "before", "after", "ref", "push_options")
    ]


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"null", b"[]", b'"x"', b"{}x", b"\xff", b"[" * 100_000, b'{"ref": "\\ud800"}']
)
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid):
        payload.parse_push(raw)


def event(ref: str, before: str = OLD, after: str = NEW) -> Trigger | None:
    return triggers.build_event(Push(before=before, after=after, ref=ref, sender="ada"), "trunk")


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("refs/heads/main", Trigger("push", "", "refs/heads/main", "main", "main")),
        ("refs/heads/a/b", Trigger("push", "", "refs/heads/a/b", "a/b", "a/b")),
        ("refs/tags/v1", Trigger("tag", "create", "refs/tags/v1", "", "")),
        ("refs/notes/ci", None),
        ("refs/headsx", None),
        ("refs/pull/0/head", None),
        ("refs/pull/x/head", None),
        ("refs/pull/7/merge", None),
        ("refs/pull/99999999999999999999/head", None),
        ("refs/pull/\u0667/head", None),
    ],
)
def test_the_name_of_a_ref_decides_what_is_built(ref: str, expected: Trigger | None) -> None:
    assert event(ref) == expected


@pytest.mark.parametrize("kind", ["pull", "merge-requests"])
def test_a_pull_request_is_into_the_default_branch_opened_and_then_synchronized(kind: str) -> None:
    ref = f"refs/{kind}/42/head"
    assert event(ref, before=ZERO) == Trigger("pull_request", "opened", ref, "", "trunk", 42)
    assert event(ref) == Trigger("pull_request", "synchronized", ref, "", "trunk", 42)


@pytest.mark.parametrize("zero", [ZERO, "0" * 64])
@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/tags/v1", "refs/pull/1/head"])
def test_nothing_is_built_for_a_ref_that_is_gone(ref: str, zero: str) -> None:
    assert event(ref, after=zero) is None
    assert Push(before=OLD, after=zero, ref=ref).deleted
