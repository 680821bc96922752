"""The route of searches in AQL (contract artifactory-storage 7)."""

from collections.abc import Sequence

from app.web.route import Endpoint

routes: Sequence[Endpoint] = []
