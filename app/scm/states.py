"""The states of builds, as commit statuses of hosts (contract scm-api 3.2). Each host has a table of its own."""

from app.scm.forge import Status

#: Characters of a description that every host shows.
DESCRIPTION = 140

#: What GitHub, Gitea and Forgejo take; what is not in the table is an error.
STATES = {
    "pending": "pending",
    "waiting_on_dependencies": "pending",
    "blocked": "pending",
    "running": "pending",
    "success": "success",
    "failure": "failure",
    "error": "error",
    "killed": "error",
    "declined": "error",
    "skipped": "success",
}


def described(text: str) -> str:
    """A description that every host takes: one that is too long ends with an ellipsis."""
    return text if len(text) <= DESCRIPTION else text[: DESCRIPTION - 1] + "…"


def body(status: Status) -> dict[str, str]:
    """A status as GitHub, Gitea and Forgejo take it."""
    return {
        "state": STATES.get(status.state, "error"),
        "target_url": status.link,
        "description": described(status.description),
        "context": status.context,
    }
