"""Times as clients read them (contract artifactory-storage 1.4). Pure."""

from datetime import UTC, datetime


def text_of(ms: int) -> str:
    """Unix milliseconds as `2024-03-09T14:05:06.700Z`."""
    at = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{at.isoformat()[:19]}.{ms % 1000:03}Z"
