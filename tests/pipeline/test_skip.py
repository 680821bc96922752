import pytest

from app.pipeline.skip import skips


@pytest.mark.parametrize("event", ["push", "pull_request"])
@pytest.mark.parametrize("directive", ["[ci skip]", "[skip ci]", "***no_ci***", "[CI Skip]", "***NO_CI***"])
def test_a_directive_in_message_or_title_skips(event: str, directive: str) -> None:
    assert skips(event, f"fix\n\nbody {directive}")
    assert skips(event, "fix", f"{directive} title")


@pytest.mark.parametrize("event", ["tag", "cron", "custom", "promote", "rollback", ""])
def test_other_events_do_not_heed_directives(event: str) -> None:
    assert not skips(event, "[skip ci]", "[skip ci]")


@pytest.mark.parametrize("message", ["", "skip ci", "[ci-skip]", "[ ci skip ]", "no_ci"])
def test_anything_else_is_no_directive(message: str) -> None:
    assert not skips("push", message, message)
