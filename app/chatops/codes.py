"""The codes of errors about chats."""

from app.web import codes

CODES = codes.of(
    {
        400: {
            "field_twice": ("A form has a field twice.", "Send each field once."),
            "missing_reason": ("A forced promotion says no reason.", "Say `--reason`."),
            "not_a_form": ("The body is no urlencoded form.", "Let the chat itself send its requests."),
            "not_an_object": ("The body is no JSON object.", "Let the chat itself send its requests."),
        },
        409: {
            "already_runs": ("The same promotion was asked for a moment ago.", "Wait for it, or force another one."),
            "chat_answered": ("The request was given up meanwhile.", "Send the command again."),
            "not_passing": ("The build did not succeed.", "Promote one that did, or force it as an administrator."),
            "superseded": ("Something else runs in the target by now.", "Type the rollback with a number."),
        },
    }
)
