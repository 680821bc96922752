"""Routes of environments and projects (contract artifactory-storage 9, 10)."""

from collections.abc import Sequence

from app.artifacts.api import environments, projects
from app.web.route import Endpoint

routes: Sequence[Endpoint] = [*environments.routes, *projects.routes]
