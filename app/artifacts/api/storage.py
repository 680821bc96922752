"""Routes that tell of items and change their properties (contract artifactory-storage 4, 5)."""

from collections.abc import Sequence

from app.web.route import Endpoint

routes: Sequence[Endpoint] = []
