"""The codes of errors about pages and their forms."""

from app.web import codes

CODES = codes.of(
    {
        400: {
            "five_fields": ("A job that promotes has five fields.", "Write six, of which the first is seconds."),
            "missing_login": ("A form does not say whose right it is.", "Type the login of an account."),
            "not_confirmed": ("What happens by the clock was not confirmed.", "Tick that this is meant."),
            "unknown_region": ("The page has no such region.", "Ask for a region of the message, or the whole page."),
            "unknown_right": ("There is no such right.", "Choose a right of the message."),
        },
        409: {
            "build_over": ("The build is over, so there is nothing to cancel.", "Look at the build's status."),
            "decided_before": ("Somebody else has decided about the build.", "Look at the build's status."),
        },
    }
)
