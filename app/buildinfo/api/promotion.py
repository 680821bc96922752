"""Routes that promote runs (contract artifactory-build 6)."""

from collections.abc import Sequence

from app.web.route import Endpoint

routes: Sequence[Endpoint] = []
