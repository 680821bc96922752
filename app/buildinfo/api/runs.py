"""Routes that publish, list and show runs (contract artifactory-build 4)."""

from collections.abc import Sequence

from app.web.route import Endpoint

routes: Sequence[Endpoint] = []
