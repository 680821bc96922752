"""The codes of errors about pages and their forms."""

from app.web import codes

CODES = codes.of(
    {
        400: {
            "bad_date": ("A day of a filter is none.", "Write a day as 2026-07-31."),
            "five_fields": ("A job that promotes has five fields.", "Write six, of which the first is seconds."),
            "given_twice": ("A form gives a parameter twice.", "Leave one of them out."),
            "missing_build": ("A form does not say which build.", "Choose a build."),
            "missing_login": ("A form does not say whose right it is.", "Type the login of an account."),
            "missing_name": ("A form has a value without a name.", "Write the name, or remove the value."),
            "missing_value": ("A form has a name without a value.", "Write the value, or remove the name."),
            "not_confirmed": ("What happens by the clock was not confirmed.", "Tick that this is meant."),
            "nothing_runs": ("Nothing runs in the target that is rolled back.", "Choose another target."),
            "unknown_build": ("There is no such build any more.", "Choose another build."),
            "unknown_region": ("The page has no such region.", "Ask for a region of the message, or the whole page."),
            "unknown_right": ("There is no such right.", "Choose a right of the message."),
            "unknown_target": ("The pipeline file has no such target.", "Choose one of those that it has."),
            "unknown_theme": ("There is no such theme.", "Choose a theme of the message."),
            "unknown_time": ("A token cannot last so long.", "Choose a time of the message."),
            "unknown_zone": ("There is no such time zone.", "Write a zone as in Europe/Berlin, or nothing for UTC."),
        },
        409: {
            "build_over": ("The build is over, so there is nothing to cancel.", "Look at the build's status."),
            "decided_before": ("Somebody else has decided about the build.", "Look at the build's status."),
        },
    }
)
