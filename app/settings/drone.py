"""What a move from Drone reads of Drone's own environment."""

from collections.abc import Mapping

from pydantic import Field

from app.settings.load import Variables, read

#: The variables that tell which host Drone's repositories are at.
_HOSTS = {
    "DRONE_GITHUB_CLIENT_ID": "github",
    "DRONE_GITEA_SERVER": "gitea",
    "DRONE_GITLAB_CLIENT_ID": "gitlab",
    "DRONE_GOGS_SERVER": "gogs",
}


class Drone(Variables):
    """Drone's settings: the key of its secrets, and its bucket of logs."""

    key: str = Field(default="", validation_alias="DRONE_DATABASE_SECRET", repr=False)
    bucket: str = Field(default="", validation_alias="DRONE_S3_BUCKET")
    prefix: str = Field(default="", validation_alias="DRONE_S3_PREFIX")
    endpoint: str = Field(default="", validation_alias="DRONE_S3_ENDPOINT")

    @property
    def logs(self) -> str:
        """The address of the bucket; empty when logs are in the database."""
        return f"s3://{self.bucket}/{self.prefix.strip('/')}".rstrip("/") if self.bucket else ""


def load(environ: Mapping[str, str]) -> Drone:
    """Drone's settings in an environment."""
    return read(Drone, environ)


def host(environ: Mapping[str, str]) -> str:
    """The host that Drone's settings name; empty for none of those that this server knows."""
    return next((name for variable, name in _HOSTS.items() if environ.get(variable)), "")
