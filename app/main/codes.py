"""All codes of errors, which the description of the API shows."""

from collections.abc import Sequence

from app.accounts.codes import CODES as ACCOUNTS
from app.artifacts.codes import CODES as ARTIFACTS
from app.artifacts.codes import QUERIES
from app.buildinfo.codes import CODES as BUILD_INFO
from app.builds.codes import CODES as BUILDS
from app.bundles.codes import CODES as BUNDLES
from app.chatops.codes import CODES as CHATS
from app.notify.webhooks.codes import CODES as WEBHOOKS
from app.repos.codes import CODES as REPOS
from app.runners.codes import CODES as RUNNERS
from app.scm.codes import CODES as SCM
from app.ui.codes import CODES as PAGES
from app.web.codes import CODES as SHARED
from app.web.codes import MODELS, Code, ordered

CODES: Sequence[Code] = ordered(
    [
        *SHARED,
        *MODELS,
        *SCM,
        *ACCOUNTS,
        *REPOS,
        *BUILDS,
        *RUNNERS,
        *ARTIFACTS,
        *QUERIES,
        *BUILD_INFO,
        *BUNDLES,
        *WEBHOOKS,
        *CHATS,
        *PAGES,
    ]
)
