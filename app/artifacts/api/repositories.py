"""Routes of artifact repositories (contract artifactory-storage 8)."""

from collections.abc import Sequence

from app.web.route import Endpoint

routes: Sequence[Endpoint] = []
