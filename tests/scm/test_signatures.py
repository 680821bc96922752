"""Which host has sent a webhook, and whether a key has signed it (contract scm-webhooks 1)."""

import hashlib
import hmac
from pathlib import Path
from types import ModuleType
from urllib.parse import quote_plus

import orjson
import pytest

from app.errors import Invalid
from app.scm import hook
from app.scm.gitea import payload as gitea
from app.scm.github import payload as github
from app.scm.gitlab import payload as gitlab
from app.scm.gogs import payload as gogs
from app.scm.hook import Delivery

FIXTURES = Path(__file__).parents[2] / "fixtures" / "webhooks"
KEY = "topsecret"
PUSH = (FIXTURES / "github" / "push.json").read_bytes()
GITEA_PUSH = (FIXTURES / "gitea" / "push.json").read_bytes()
GITLAB_PUSH = (FIXTURES / "gitlab" / "push.json").read_bytes()
PUSH_SIGNATURE = "sha256=e3bfe744d4e2e29ed990bde8acfb8255ca51ef65f99657767989fb6349f32957"
GITEA_SIGNATURE = "d2114c73f2743585699238d5e6d1b62ce641ac2ad6c3d4249c21081eef48efed"
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


def delivery(module: ModuleType, headers: dict[str, str], body: bytes, **options: bool) -> Delivery:
    read = module.read(headers, body, **options)
    assert isinstance(read, Delivery)
    return read


@pytest.mark.parametrize(
    ("name", "event", "signature"),
    [
        ("push", "push", PUSH_SIGNATURE),
        ("deployment", "deployment", "sha256=e63449cf30d2997f478b99ea9ebbab5b07bab4d2a67ea42b26951c71d292a9dd"),
    ],
)
def test_the_signature_of_github_is_that_of_the_bytes(name: str, event: str, signature: str) -> None:
    body = (FIXTURES / "github" / f"{name}.json").read_bytes()
    headers = {"x-github-event": event, "x-hub-signature-256": signature}

    assert github.notice(headers) == "event"
    assert delivery(github, headers, body).signed_with(KEY)
    assert not delivery(github, headers, body + b" ").signed_with(KEY)
    assert not delivery(github, headers, body).signed_with("another")
    assert not delivery(github, headers, body).signed_with("")


@pytest.mark.parametrize("header", ["x-gitea-signature", "x-forgejo-signature"])
def test_the_signature_of_gitea_has_no_prefix(header: str) -> None:
    event = header.replace("signature", "event")
    headers = {event: "push", header: GITEA_SIGNATURE}

    assert gitea.notice(headers) == "event"
    assert delivery(gitea, headers, GITEA_PUSH).signed_with(KEY)
    assert not delivery(gitea, headers, GITEA_PUSH + b"\n").signed_with(KEY)
    assert gitea.notice(headers | {header: f"sha256={GITEA_SIGNATURE}"}) == "unsigned"


def test_the_older_signature_counts_only_where_it_is_wanted() -> None:
    body = b'{"ref":"refs/heads/main","after":"4522cbcefc20728a5b72b3a86af35e608622c514"}'
    key, signature = "repo-signer-0123456789abcdef0123", "sha1=87405ebb2776ea51776724730082aae36625fcd2"
    older = {"x-github-event": "push", "x-hub-signature": signature}

    assert hook.verify(key, body, signature, sha1=True)
    assert not hook.verify(key, body, signature)
    assert github.notice(older) == "unsigned"
    assert github.notice(older, sha1=True) == "event"
    assert hook.verify(KEY, b"hello world", "sha1=f25bad540601ff3131736e24a48dd928fa9ccc93", sha1=True)
    assert not hook.verify(KEY, b"bonjour monde", "sha1=f25bad540601ff3131736e24a48dd928fa9ccc93", sha1=True)
    signed = {"x-github-event": "push", "x-hub-signature": _sha1(PUSH)}
    assert delivery(github, signed, PUSH, sha1=True).signed_with(KEY)
    assert not delivery(github, signed, PUSH).signed_with(KEY)


def _sha1(body: bytes) -> str:
    return "sha1=" + hmac.new(KEY.encode(), body, hashlib.sha1).hexdigest()


@pytest.mark.parametrize("header", ["", "md5=00", "sha256", "sha256=abc", "sha256=" + "g" * 64, "sha1=" + "0" * 40])
def test_what_cannot_be_a_signature_is_known_before_the_body_is_read(header: str) -> None:
    assert github.notice({"x-github-event": "push", "x-hub-signature-256": header}) == "unsigned"
    assert gitea.notice({"x-gitea-event": "push", "x-gitea-signature": header}) == "unsigned"
    assert gogs.notice({"x-gogs-event": "push", "x-gogs-signature": header}) == "unsigned"
    assert not delivery(github, {"x-github-event": "push", "x-hub-signature-256": header}, PUSH).signed_with(KEY)
    assert not delivery(gitea, {"x-gitea-event": "push", "x-gitea-signature": header}, GITEA_PUSH).signed_with(KEY)


def test_gitlab_shows_the_key() -> None:
    headers = {"x-gitlab-event": "Push Hook", "x-gitlab-token": KEY}

    assert gitlab.notice(headers) == "event"
    assert delivery(gitlab, headers, GITLAB_PUSH).signed_with(KEY)
    assert not delivery(gitlab, headers, GITLAB_PUSH).signed_with(KEY + "x")
    assert not delivery(gitlab, headers | {"x-gitlab-token": ""}, GITLAB_PUSH).signed_with("")
    assert gitlab.notice(headers | {"x-gitlab-token": ""}) == "unsigned"
    assert gitlab.notice({"x-gitlab-event": "Push Hook"}) == "unsigned"


def test_gitlab_may_sign_as_standard_webhooks_say() -> None:
    key, body = "".join(map(chr, range(1, 33))), b'{"type":"promotion.succeeded"}'
    vector = (
        b'{"type":"promotion.succeeded","timestamp":"2026-01-01T00:00:00Z",'
        b'"data":{"repo":"octocat/hello-world","build":43,"parent":42,"target":"production"}}'
    )
    headers = {
        "webhook-id": "msg_01JGFJJZ00AAAAAAAAAAAAAAAA",
        "webhook-timestamp": "1767225600",
        "webhook-signature": "v1,hg5gSAN0E2o5vrT7bRowTIxvNBaS8xkpywgWt4YNmyE=",
    }
    old = "v1,5CUmg2W3Vi7vn3AK3ScMFGrO0nEfbOwIuTEbWc9pQtg="

    assert hook.verify_standard(key, vector, headers)
    assert hook.verify_standard(key, vector, headers | {"webhook-signature": f"{old} {headers['webhook-signature']}"})
    assert not hook.verify_standard(key, vector, headers | {"webhook-signature": f"v1a,x {old}"})
    assert not hook.verify_standard(key, vector, headers | {"webhook-timestamp": "1767225601"})
    assert not hook.verify_standard(key, body, headers)
    event = {"x-gitlab-event": "Push Hook"}
    assert gitlab.notice(event | headers) == "event"
    assert gitlab.notice(event | headers | {"webhook-signature": "v2,x"}) == "unsigned"
    read = delivery(gitlab, event | headers, GITLAB_PUSH)
    assert (read.id, read.sent) == ("msg_01JGFJJZ00AAAAAAAAAAAAAAAA", 1767225600)
    assert not read.signed_with(KEY)


@pytest.mark.parametrize("sent", [{"webhook-timestamp": "x"}, {"webhook-timestamp": "9" * 40}, {"webhook-id": ""}])
def test_what_standard_webhooks_forbid_is_no_signature_and_no_exception(sent: dict[str, str]) -> None:
    headers = {"x-gitlab-event": "Push Hook", "webhook-id": "a", "webhook-timestamp": "1767225600"}
    headers |= {"webhook-signature": "v1," + "A" * 43 + "="} | sent

    assert gitlab.notice(headers) == "unsigned"
    assert not delivery(gitlab, headers, GITLAB_PUSH).signed_with(KEY)


@pytest.mark.parametrize("path", sorted((FIXTURES / "gogs").glob("*.json")), ids=lambda path: path.stem)
def test_what_gogs_has_signed_is_signed(path: Path) -> None:
    recorded = orjson.loads(path.read_bytes())
    headers = {name.lower(): value for name, value in recorded["headers"].items()}
    body = recorded["raw"].encode()

    read = delivery(gogs, headers, body)

    assert gogs.notice(headers) == "event"
    assert read.signed_with(recorded["secret"])
    assert not read.signed_with(KEY)
    assert (read.host, read.id, read.uid, read.slug) == (
        *("gogs", headers["x-gogs-delivery"], "1"),
        "octocat/hello-world",
    )
    assert github.notice(headers) is None
    assert github.read(headers, body) is None


def test_each_host_is_told_from_those_whose_headers_it_sends_too() -> None:
    everything = {f"x-{name}-event": "push" for name in ("forgejo", "gitea", "gogs", "github")}

    of_gogs = {name: everything[name] for name in ("x-gogs-event", "x-github-event")}
    of_gitlab = {"x-gitlab-event": "Push Hook", "x-github-event": "push"}
    assert [module.notice(everything) for module in (gitea, gogs, gitlab, github)] == ["unsigned", None, None, None]
    assert [module.notice(of_gogs) for module in (gitea, gogs, gitlab, github)] == [None, "unsigned", None, None]
    assert [module.notice(of_gitlab) for module in (gitea, gogs, gitlab, github)] == [None, None, "unsigned", None]
    assert [module.notice({}) for module in (gitea, gogs, gitlab, github)] == [None] * 4
    assert github.notice({"x-github-event": "ping"}) == "ping"
    assert github.notice({"x-github-event": "star"}) == "other"
    assert gitlab.notice({"x-gitlab-event": "Job Hook"}) == "other"


def test_github_signs_a_form_as_it_is_sent() -> None:
    body = b"payload=" + quote_plus(PUSH).encode()
    headers = {"x-github-event": "push", "x-hub-signature-256": hook.sign(KEY, body)} | FORM

    read = delivery(github, headers, body)

    assert read.signed_with(KEY)
    assert read.slug == "Codertocat/Hello-World"
    assert not delivery(github, headers | {"x-hub-signature-256": PUSH_SIGNATURE}, body).signed_with(KEY)


@pytest.mark.parametrize(("module", "name"), [(gitea, "gitea"), (gogs, "gogs")])
def test_gitea_and_gogs_sign_the_json_in_a_form(module: ModuleType, name: str) -> None:
    body = b"payload=" + quote_plus(GITEA_PUSH).encode()
    headers = {f"x-{name}-event": "push", f"x-{name}-signature": GITEA_SIGNATURE} | FORM

    assert delivery(module, headers, body).signed_with(KEY)
    assert not delivery(module, headers | {f"x-{name}-signature": hook.digest(KEY, body)}, body).signed_with(KEY)


@pytest.mark.parametrize("body", [b"", b"a=b", b"payload", b"payload=%ff", b"payload=", b"&" * 100_000])
def test_a_form_without_json_says_what_is_due(body: bytes) -> None:
    with pytest.raises(Invalid) as invalid:
        github.read({"x-github-event": "push"} | FORM, body)
    (problem,) = invalid.value.problems
    assert problem.code == "no_payload"


def test_a_delivery_without_an_id_is_known_by_its_body() -> None:
    digest = hashlib.sha256(GITLAB_PUSH).hexdigest()
    event = {"x-gitlab-event": "Push Hook", "x-gitlab-token": KEY}

    assert delivery(gitlab, event, GITLAB_PUSH).id == digest
    assert delivery(gitlab, event | {"x-gitlab-event-uuid": "u"}, GITLAB_PUSH).id == f"u.{digest}"
    assert delivery(gitlab, event | {"idempotency-key": "k", "webhook-id": "w"}, GITLAB_PUSH).id == "k"
    assert delivery(github, {"x-github-event": "push"}, PUSH).id == hashlib.sha256(PUSH).hexdigest()


def test_a_system_hook_of_gitlab_is_read_as_that_of_a_project() -> None:
    headers = {"x-gitlab-event": "System Hook", "x-gitlab-token": KEY}

    assert delivery(gitlab, headers, GITLAB_PUSH).change is not None
    assert gitlab.read(headers, b'{"event_name": "user_create"}') is None
