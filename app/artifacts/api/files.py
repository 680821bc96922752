"""Routes of files: put, read and remove them (contract artifactory-storage 3)."""

from collections.abc import Sequence

from app.web.route import Endpoint

routes: Sequence[Endpoint] = []
