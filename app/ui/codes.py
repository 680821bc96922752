"""The codes of errors about pages."""

from app.web import codes

CODES = codes.of(
    {400: {"unknown_region": ("The page has no such region.", "Ask for a region of the message, or the whole page.")}}
)
