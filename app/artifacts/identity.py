"""The name of the server, as clients of Artifactory read it."""

import hashlib


def service_id(public_url: str) -> str:
    """The id of the service at an address."""
    return f"jfrt@{hashlib.sha256(public_url.encode()).hexdigest()[:26]}"
