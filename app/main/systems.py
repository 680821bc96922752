"""Opening the chats that the settings name."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from app.chatops.model import System, Writer
from app.chatops.systems.bot import api as bot
from app.chatops.systems.mattermost import api as mattermost_api
from app.chatops.systems.mattermost.messages import Buttons
from app.chatops.systems.mattermost.system import Bot, Mattermost
from app.chatops.systems.slack import api as slack_api
from app.chatops.systems.slack.reading import Tenants
from app.chatops.systems.slack.system import Slack
from app.chatops.systems.teams import api as teams_api
from app.chatops.systems.teams.system import Teams
from app.scm.client import Client
from app.settings.server import Settings

#: The paths that chats call, and count by themselves.
PATHS = frozenset(
    {
        *(slack_api.COMMAND, slack_api.INTERACTIVE, mattermost_api.COMMAND, mattermost_api.ACTION, teams_api.PATH),
        bot.PATH,
    }
)
#: Seconds for a call to a chat.
TIMEOUT = 10


@dataclass(frozen=True, slots=True)
class Systems:
    """The chats; None for one that the settings do not name."""

    slack: Slack | None
    mattermost: Mattermost | None
    teams: Teams | None

    @property
    def writers(self) -> Mapping[System, Writer]:
        """What shows later answers, by system."""
        known: Mapping[System, Writer | None] = {
            "slack": self.slack,
            "mattermost": self.mattermost,
            "teams": self.teams,
        }
        return {name: writer for name, writer in known.items() if writer is not None}


@asynccontextmanager
async def open_systems(settings: Settings, cookie_key: bytes) -> AsyncIterator[Systems]:
    """Keep connections to the chats while the block lasts."""
    async with AsyncExitStack() as stack:

        def client(name: str) -> Client:
            made = Client(name, timeout=TIMEOUT, attempts=1)
            stack.push_async_callback(made.close)
            return made

        slack = mattermost = teams = None
        if secrets := settings.slack_signing_secret:
            tenants = Tenants(settings.slack_app_id, frozenset(settings.slack_teams))
            hooks, api = settings.slack_hooks, settings.slack_api
            slack = Slack(secrets, tenants, hooks, api, client("Slack"), settings.slack_token)
        if tokens := settings.mattermost_token:
            mattermost = _mattermost(settings, tokens, client("Mattermost"), cookie_key)
        if secrets := settings.teams_secret:
            tenants_of_teams, workflow = frozenset(settings.teams_tenants), settings.teams_workflow
            teams = Teams(secrets, tenants_of_teams, client("Teams"), settings.public_url, workflow)
        yield Systems(slack, mattermost, teams)


def _mattermost(settings: Settings, tokens: tuple[str, ...], client: Client, key: bytes) -> Mattermost:
    url, token = settings.mattermost_url, settings.mattermost_bot_token
    bot = Bot(url, client, token) if url and token else None
    buttons = Buttons(settings.public_url + mattermost_api.ACTION, key, everybody=bot is not None)
    return Mattermost(tokens, url, client, buttons, bot)
