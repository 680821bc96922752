"""Routes of accounts, groups and tokens, which clients of Artifactory call (contract artifactory-storage 1.1)."""

from collections.abc import Sequence

from app.web.route import Endpoint

routes: Sequence[Endpoint] = []
