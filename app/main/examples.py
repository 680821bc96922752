"""All examples that the description of the API shows beside those that follow from the rows."""

from collections.abc import Mapping

from app.accounts.examples import EXAMPLES as ACCOUNTS
from app.artifacts.examples import EXAMPLES as ARTIFACTS
from app.buildinfo.examples import EXAMPLES as BUILD_INFO
from app.builds.examples import EXAMPLES as BUILDS
from app.bundles.examples import EXAMPLES as BUNDLES
from app.chatops.examples import EXAMPLES as CHATS
from app.notify.webhooks.examples import EXAMPLES as WEBHOOKS
from app.repos.examples import EXAMPLES as REPOS
from app.web.examples import Example
from app.web.health import EXAMPLES as HEALTH

EXAMPLES: Mapping[str, Example] = {
    **HEALTH,
    **ACCOUNTS,
    **REPOS,
    **BUILDS,
    **ARTIFACTS,
    **BUILD_INFO,
    **BUNDLES,
    **WEBHOOKS,
    **CHATS,
}
