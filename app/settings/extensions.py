"""The settings of extensions: external programs of the installation that the server asks before it decides."""

from app.settings.load import Variables, named
from app.settings.values import Endpoint, Service, Time


class Extensions(Variables):
    """Which extensions there are, and how each is asked; one without an endpoint is not asked."""

    yaml_endpoint: Endpoint = named("YAML_ENDPOINT", "DRONE_YAML_ENDPOINT", default="")
    yaml_secret: str = named("YAML_SECRET", "DRONE_YAML_SECRET", default="", repr=False)
    yaml_skip_verify: bool = named("YAML_SKIP_VERIFY", "DRONE_YAML_SKIP_VERIFY", default=False)
    #: Seconds.
    yaml_timeout: Time = named("YAML_TIMEOUT", "DRONE_YAML_TIMEOUT", default=60)
    convert_endpoint: Endpoint = named("CONVERT_ENDPOINT", "DRONE_CONVERT_PLUGIN_ENDPOINT", default="")
    convert_secret: str = named("CONVERT_SECRET", "DRONE_CONVERT_PLUGIN_SECRET", default="", repr=False)
    convert_skip_verify: bool = named("CONVERT_SKIP_VERIFY", "DRONE_CONVERT_PLUGIN_SKIP_VERIFY", default=False)
    convert_extension: str = named("CONVERT_EXTENSION", "DRONE_CONVERT_PLUGIN_EXTENSION", default="")
    convert_multi: bool = named("CONVERT_MULTI", "DRONE_CONVERT_MULTI", default=False)
    #: Seconds.
    convert_timeout: Time = named("CONVERT_TIMEOUT", "DRONE_CONVERT_TIMEOUT", default=60)
    validate_endpoint: Endpoint = named("VALIDATE_ENDPOINT", "DRONE_VALIDATE_PLUGIN_ENDPOINT", default="")
    validate_secret: str = named("VALIDATE_SECRET", "DRONE_VALIDATE_PLUGIN_SECRET", default="", repr=False)
    validate_skip_verify: bool = named("VALIDATE_SKIP_VERIFY", "DRONE_VALIDATE_PLUGIN_SKIP_VERIFY", default=False)
    #: Seconds.
    validate_timeout: Time = named("VALIDATE_TIMEOUT", "DRONE_VALIDATE_TIMEOUT", default=60)
    admission_endpoint: Endpoint = named("ADMISSION_ENDPOINT", "DRONE_ADMISSION_PLUGIN_ENDPOINT", default="")
    admission_secret: str = named("ADMISSION_SECRET", "DRONE_ADMISSION_PLUGIN_SECRET", default="", repr=False)
    admission_skip_verify: bool = named("ADMISSION_SKIP_VERIFY", "DRONE_ADMISSION_PLUGIN_SKIP_VERIFY", default=False)
    secret_endpoint: Endpoint = named(
        "SECRET_ENDPOINT", "DRONE_SECRET_PLUGIN_ENDPOINT", "DRONE_SECRET_ENDPOINT", default=""
    )
    secret_token: str = named(
        "SECRET_TOKEN", "DRONE_SECRET_PLUGIN_TOKEN", "DRONE_SECRET_SECRET", default="", repr=False
    )
    secret_skip_verify: bool = named(
        "SECRET_SKIP_VERIFY", "DRONE_SECRET_PLUGIN_SKIP_VERIFY", "DRONE_SECRET_SKIP_VERIFY", default=False
    )
    env_endpoint: Endpoint = named("ENV_ENDPOINT", "DRONE_ENV_PLUGIN_ENDPOINT", default="")
    env_token: str = named("ENV_TOKEN", "DRONE_ENV_PLUGIN_TOKEN", default="", repr=False)
    env_skip_verify: bool = named("ENV_SKIP_VERIFY", "DRONE_ENV_PLUGIN_SKIP_VERIFY", default=False)

    @property
    def yaml(self) -> Service:
        """The configuration extension."""
        return Service(self.yaml_endpoint, self.yaml_secret, self.yaml_skip_verify, self.yaml_timeout)

    @property
    def convert(self) -> Service:
        """The conversion extension."""
        return Service(self.convert_endpoint, self.convert_secret, self.convert_skip_verify, self.convert_timeout)

    @property
    def validation(self) -> Service:
        """The validation extension."""
        return Service(self.validate_endpoint, self.validate_secret, self.validate_skip_verify, self.validate_timeout)

    @property
    def admission(self) -> Service:
        """The admission extension."""
        return Service(self.admission_endpoint, self.admission_secret, self.admission_skip_verify)

    @property
    def secret(self) -> Service:
        """The secret extension."""
        return Service(self.secret_endpoint, self.secret_token, self.secret_skip_verify)

    @property
    def env(self) -> Service:
        """The environment extension."""
        return Service(self.env_endpoint, self.env_token, self.env_skip_verify)
