"""The codes of errors that runners read."""

from app.web import codes

CODES = codes.of(
    {
        400: {
            "bad_machine": ("The name of a runner is not printable or too long.", "Set `GANTRY_RUNNER_NAME`."),
            "duplicate_number": ("A report has a step twice.", "Send each step once."),
            "invalid_lines": ("The body is no list of log lines.", "Send a JSON array of `pos`, `out` and `time`."),
            "invalid_log": ("The body is no JSON array.", "Send the whole log as one array."),
            "missing_number": ("A step has no number.", "Number the steps from 1."),
            "other_id": ("The body is about another thing than the path.", "Send the id of the path."),
            "other_stage": ("A step is of another stage.", "Send the stage's id as `step_id`."),
        },
        409: {
            "step_not_running": ("The step does not run.", "Stop writing its log."),
        },
    }
)
