"""The codes of errors about pages."""

from app.web import codes

CODES = codes.of(
    {
        400: {
            "unknown_region": ("The page has no such region.", "Ask for a region of the message, or the whole page.")
        },
        409: {
            "build_over": ("The build is over, so there is nothing to cancel.", "Look at the build's status."),
            "decided_before": ("Somebody else has decided about the build.", "Look at the build's status."),
        },
    }
)
