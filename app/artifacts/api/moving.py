"""Routes that copy and move items (contract artifactory-storage 6)."""

from collections.abc import Sequence

from app.web.route import Endpoint

routes: Sequence[Endpoint] = []
