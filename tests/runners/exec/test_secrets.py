"""What from_secret finds."""

from typing import Any

import pytest

from app.builds.model import Build, Stage
from app.repos.model import Repo, Secret
from app.runners.exec import secrets
from app.runners.manager import Context, System

KEY = "0123456789abcdef0123456789abcdef"
SEALED = "AAECAwQFBgcICQoLWYrLUap9sd7NqNF43gx+mtEo3LEd6nNlQ6o="


def context(*stored: Secret, visibility: Any = "private", key: str = KEY, **build: Any) -> Context:
    repo = Repo(id=1, namespace="octocat", name="hello", visibility=visibility)
    stage = Stage(id=3, repo_id=1, build_id=2, number=1, name="default")
    return Context(repo, Build(2, 1, 1, **build), stage, "", stored, System("http", "h", "1"), key)


def test_names_are_compared_without_case_and_the_first_counts() -> None:
    of = context(Secret(1, 1, "Token", "a"), Secret(2, 1, "token", "b"))

    assert secrets.reveal("TOKEN", of, {}) == "a"


def test_nothing_found_is_empty() -> None:
    assert secrets.reveal("nope", context(), {}) == ""


def test_pull_requests_see_only_what_is_meant_for_them() -> None:
    of = context(Secret(1, 1, "a", "hidden"), Secret(2, 1, "b", "shown", pull_request=True), event="pull_request")

    assert secrets.revealed(["a", "b"], of, {}) == {"a": "", "b": "shown"}


def test_inline_secrets_are_opened_with_the_key_of_the_repository() -> None:
    assert secrets.reveal("x", context(), {"x": SEALED}) == "top-secret"
    assert secrets.reveal("X", context(), {"x": SEALED}) == ""
    assert secrets.reveal("x", context(), {"x": SEALED[:20] + "\n  " + SEALED[20:]}) == "top-secret"


def test_a_stored_value_comes_first_unless_it_is_empty() -> None:
    assert secrets.reveal("x", context(Secret(1, 1, "x", "stored")), {"x": SEALED}) == "stored"
    assert secrets.reveal("x", context(Secret(1, 1, "x", "")), {"x": SEALED}) == "top-secret"


@pytest.mark.parametrize(
    ("visibility", "source_repo", "value"),
    [("public", "eve/hello", ""), ("public", "", "top-secret"), ("private", "eve/hello", "top-secret")],
)
def test_a_strangers_pull_request_sees_no_inline_secret(visibility: str, source_repo: str, value: str) -> None:
    of = context(visibility=visibility, event="pull_request", source_repo=source_repo)

    assert secrets.reveal("x", of, {"x": SEALED}) == value
