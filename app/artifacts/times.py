"""Times as the storage API writes them (contract artifactory-storage 1.4). Pure."""

from datetime import UTC, datetime


def text_of(at: int) -> str:
    """Unix milliseconds as `2024-03-09T14:05:06.700Z`."""
    seconds, millis = divmod(at, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{millis:03}Z"
