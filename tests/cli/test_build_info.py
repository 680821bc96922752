"""What `gantry build-info` prints of the server's answers."""

from app.cli.build_info import SHOWN, _kept, _messages


def test_what_failed_is_shown_however_many_files_were_moved() -> None:
    said = [{"level": "INFO", "message": f"move {at}"} for at in range(100)]
    said += [{"level": "ERROR", "message": f"lost {at}"} for at in range(3)]
    said += [{"level": "WARNING", "message": "two runs"}, {"level": "INFO", "message": "the summary"}]

    lines = _messages({"messages": said}).splitlines()

    assert lines[:SHOWN] == [f"move {at}" for at in range(SHOWN)]
    assert lines[SHOWN:] == [
        "and 80 more of this kind",
        "warning: two runs",
        *(f"error: lost {at}" for at in range(3)),
        "the summary",
    ]


def test_few_messages_are_all_shown() -> None:
    assert _messages({"messages": [{"level": "INFO", "message": "one"}, {"level": "info", "message": "two"}]}) == (
        "one\ntwo"
    )
    assert _messages({"messages": []}) == ""


def test_runs_that_only_a_promotion_keeps_are_named() -> None:
    kept = {"number": "7", "started": "2026-11-01T00:00:00.000+0000", "reason": "promoted to prod"}

    assert _kept({"removed": 2, "kept": []}) == "2 runs are removed"
    assert _kept({"removed": 1, "kept": [kept], "left": ["prod:a.jar"]}).splitlines() == [
        "1 run is removed",
        "7 of 2026-11-01T00:00:00.000+0000 is kept: promoted to prod",
        "prod:a.jar is left, where a promotion has put it",
    ]
