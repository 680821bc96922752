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
    """Drone's settings: the key of its secrets, and its bucket, or container, of logs."""

    key: str = Field(default="", validation_alias="DRONE_DATABASE_SECRET", repr=False)
    bucket: str = Field(default="", validation_alias="DRONE_S3_BUCKET")
    prefix: str = Field(default="", validation_alias="DRONE_S3_PREFIX")
    endpoint: str = Field(default="", validation_alias="DRONE_S3_ENDPOINT")
    container: str = Field(default="", validation_alias="DRONE_AZURE_BLOB_CONTAINER_NAME")
    account: str = Field(default="", validation_alias="DRONE_AZURE_STORAGE_ACCOUNT_NAME")
    access_key: str = Field(default="", validation_alias="DRONE_AZURE_STORAGE_ACCESS_KEY", repr=False)

    @property
    def logs(self) -> str:
        """The address of the bucket, else of the container; empty when logs are in the database."""
        if self.bucket:
            return f"s3://{self.bucket}/{self.prefix.strip('/')}".rstrip("/")
        return f"az://{self.container}" if self.container else ""

    def access(self, url: str) -> dict[str, str]:
        """What Drone's settings tell about the access to logs at an address, as obstore names that."""
        own: dict[str, str] = {}
        if url.startswith("az:"):
            own = {"account_name": self.account, "account_key": self.access_key}
        elif self.bucket and url == self.logs:
            own = {"endpoint": self.endpoint}
        return {name: value for name, value in own.items() if value}


def load(environ: Mapping[str, str]) -> Drone:
    """Drone's settings in an environment."""
    return read(Drone, environ)


def host(environ: Mapping[str, str]) -> str:
    """The host that Drone's settings name; empty for none of those that this server knows."""
    return next((name for variable, name in _HOSTS.items() if environ.get(variable)), "")
