"""The codes of errors about webhooks."""

from app.web import codes

CODES = codes.of(
    {
        400: {
            "webhook_pattern": (
                "A pattern can match nothing, or is none.",
                "Choose names of the message; `*` is any text.",
            ),
            "bad_secret": ("A secret is none of the format.", "Write it as the message says, or let one be made."),
            "bad_webhook_url": ("The address of a webhook cannot be used.", "Write it as the message says."),
            "webhook_patterns": ("A list has too many patterns.", "Use `*` for several names."),
        },
        409: {
            "inactive": ("The webhook is not active.", 'Mend its endpoint, then send `{"active": true}` with PATCH.'),
            "too_many_webhooks": ("The place has as many webhooks as it may have.", "Remove one that is not used."),
        },
        422: {"endpoint_gone": ("The endpoint wants nothing any more.", "Add a webhook with its new address.")},
        503: {
            "endpoint_failed": ("The endpoint has not taken a delivery.", "Mend it; the log has its answer."),
            "endpoint_unreachable": ("The endpoint gave no answer.", "Mend it, or correct the address."),
        },
    }
)
