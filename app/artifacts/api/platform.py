"""Routes of environments and projects (contract artifactory-storage 9, 10)."""

from collections.abc import Sequence

from app.web.route import Endpoint

routes: Sequence[Endpoint] = []
