"""Routes that tell of the server (contract artifactory-storage 11)."""

from collections.abc import Sequence

from app.web.route import Endpoint

routes: Sequence[Endpoint] = []
