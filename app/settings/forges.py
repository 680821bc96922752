"""The settings of git hosts, under the names that Drone gives them."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from app.settings.load import Variables, named
from app.settings.values import Line, SiteURL, Words

Kind: TypeAlias = Literal["github", "gitea", "gitlab", "gogs"]

#: What an OAuth application of GitHub asks for.
SCOPE = ("repo", "repo:status", "user:email", "read:org")


@dataclass(frozen=True, slots=True)
class Forge:
    """A git host that the settings name."""

    kind: Kind
    #: Address of the site, without a slash at its end.
    server: str
    #: Address of the API; empty for the one that follows from `server`.
    api: str = ""
    #: The OAuth application of this server at the host; empty where nobody logs in through the host.
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    scope: tuple[str, ...] = ()
    #: A token with which the server calls the host where no account's token is known; empty for none.
    token: str = field(default="", repr=False)
    #: Whether the host's certificate is accepted without verification.
    skip_verify: bool = False

    @property
    def admits(self) -> bool:
        """Whether people log in at the host: through the OAuth application, or at Gogs with a password."""
        return bool(self.client_id) or self.kind == "gogs"


class Forges(Variables):
    """Which git hosts there are, and who may log in through them."""

    github_server: SiteURL = named("GITHUB_SERVER", "DRONE_GITHUB_SERVER", default="")
    github_api_server: SiteURL = named("GITHUB_API_SERVER", "DRONE_GITHUB_API_SERVER", default="")
    github_client_id: Line = named("GITHUB_CLIENT_ID", "DRONE_GITHUB_CLIENT_ID", default="")
    github_client_secret: Line = named("GITHUB_CLIENT_SECRET", "DRONE_GITHUB_CLIENT_SECRET", default="", repr=False)
    github_scope: Words = named("GITHUB_SCOPE", "DRONE_GITHUB_SCOPE", default=SCOPE)
    github_token: Line = named("GITHUB_TOKEN", default="", repr=False)
    github_skip_verify: bool = named("GITHUB_SKIP_VERIFY", "DRONE_GITHUB_SKIP_VERIFY", default=False)
    gitea_server: SiteURL = named("GITEA_SERVER", "DRONE_GITEA_SERVER", default="")
    gitea_client_id: Line = named("GITEA_CLIENT_ID", "DRONE_GITEA_CLIENT_ID", default="")
    gitea_client_secret: Line = named("GITEA_CLIENT_SECRET", "DRONE_GITEA_CLIENT_SECRET", default="", repr=False)
    gitea_scope: Words = named("GITEA_SCOPE", "DRONE_GITEA_SCOPE", default=())
    gitea_token: Line = named("GITEA_TOKEN", default="", repr=False)
    gitea_skip_verify: bool = named("GITEA_SKIP_VERIFY", "DRONE_GITEA_SKIP_VERIFY", default=False)
    gitlab_server: SiteURL = named("GITLAB_SERVER", "DRONE_GITLAB_SERVER", default="")
    gitlab_client_id: Line = named("GITLAB_CLIENT_ID", "DRONE_GITLAB_CLIENT_ID", default="")
    gitlab_client_secret: Line = named("GITLAB_CLIENT_SECRET", "DRONE_GITLAB_CLIENT_SECRET", default="", repr=False)
    gitlab_token: Line = named("GITLAB_TOKEN", default="", repr=False)
    gitlab_skip_verify: bool = named("GITLAB_SKIP_VERIFY", "DRONE_GITLAB_SKIP_VERIFY", default=False)
    gogs_server: SiteURL = named("GOGS_SERVER", "DRONE_GOGS_SERVER", default="")
    gogs_token: Line = named("GOGS_TOKEN", default="", repr=False)
    gogs_skip_verify: bool = named("GOGS_SKIP_VERIFY", "DRONE_GOGS_SKIP_VERIFY", default=False)
    #: Accounts and organisations of hosts that may log in; empty for all.
    user_filter: Words = named("USER_FILTER", "DRONE_USER_FILTER", default=())
    #: Whether only accounts that are there may log in.
    registration_closed: bool = named("REGISTRATION_CLOSED", "DRONE_REGISTRATION_CLOSED", default=False)
    #: Namespaces whose repositories are listed; empty for all.
    repository_filter: Words = named("REPOSITORY_FILTER", "DRONE_REPOSITORY_FILTER", default=())

    @property
    def forges(self) -> tuple[Forge, ...]:
        """The hosts, in the order in which Drone looks for them. github.com and gitlab.com need no address."""
        github = self.github_server or ("https://github.com" if self.github_client_id or self.github_token else "")
        gitlab = self.gitlab_server or ("https://gitlab.com" if self.gitlab_client_id or self.gitlab_token else "")
        found = (
            Forge("github", github, self.github_api_server, self.github_client_id, self.github_client_secret,
                  self.github_scope, self.github_token, self.github_skip_verify),
            Forge("gitea", self.gitea_server, "", self.gitea_client_id, self.gitea_client_secret,
                  self.gitea_scope, self.gitea_token, self.gitea_skip_verify),
            Forge("gitlab", gitlab, "", self.gitlab_client_id, self.gitlab_client_secret,
                  (), self.gitlab_token, self.gitlab_skip_verify),
            Forge("gogs", self.gogs_server, token=self.gogs_token, skip_verify=self.gogs_skip_verify),
        )  # fmt: skip
        return tuple(forge for forge in found if forge.server)
