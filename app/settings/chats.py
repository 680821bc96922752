"""The settings of chats: which of them may send commands, how their requests are verified, where answers go."""

from app.settings.load import Variables, named
from app.settings.values import Base64Keys, Key, Keys, Line, SecretURL, SiteURL, Words


class Chats(Variables):
    """A chat without its secret is not served."""

    #: With what a bot of one's own signs commands.
    chat_secret: Key = named("CHAT_SECRET", default="", repr=False)
    #: Secrets of the app at Slack: several while one takes the place of the other.
    slack_signing_secret: Keys = named("SLACK_SIGNING_SECRET", default=(), repr=False)
    #: The app, and workspaces or enterprises, whose requests are taken; empty = all that are signed.
    slack_app_id: Line = named("SLACK_APP_ID", default="")
    slack_teams: Words = named("SLACK_TEAMS", default=())
    slack_token: Line = named("SLACK_TOKEN", default="", repr=False)
    slack_hooks: SiteURL = named("SLACK_HOOKS", default="https://hooks.slack.com")
    slack_api: SiteURL = named("SLACK_API", default="https://slack.com/api")
    #: Tokens of slash commands: Mattermost makes one for each command of each team.
    mattermost_token: Keys = named("MATTERMOST_TOKEN", default=(), repr=False)
    mattermost_url: SiteURL = named("MATTERMOST_URL", default="")
    mattermost_bot_token: Line = named("MATTERMOST_BOT_TOKEN", default="", repr=False)
    #: Security tokens of outgoing webhooks, in base64 as Teams shows them.
    teams_secret: Base64Keys = named("TEAMS_SECRET", default=(), repr=False)
    teams_tenants: Words = named("TEAMS_TENANTS", default=())
    #: The address of a workflow that posts later answers in its channel; who knows the address may post there.
    teams_workflow: SecretURL = named("TEAMS_WORKFLOW", default="", repr=False)
