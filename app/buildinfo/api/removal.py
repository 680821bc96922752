"""Routes that delete and rename runs, and keep only some (contract artifactory-build 4.6 to 4.12)."""

from collections.abc import Sequence

from app.web.route import Endpoint

routes: Sequence[Endpoint] = []
