"""How far a move is, in words; what a host is called."""

import pytest

from app.cli.migrate import words
from app.migrate.flow import Step
from app.settings import drone


@pytest.mark.parametrize(
    ("step", "seconds", "said"),
    [
        (Step("builds", 0, 2000), 5.0, "builds: 0 of 2,000 rows and logs"),
        (Step("builds", 10, 2000), 0.1, "builds: 10 of 2,000 rows and logs"),
        (Step("logs", 1000, 2000), 30.0, "logs: 1,000 of 2,000 rows and logs, 30 s left"),
        (Step("logs", 1000, 10_000), 30.0, "logs: 1,000 of 10,000 rows and logs, 4 min left"),
    ],
)
def test_the_time_that_is_left_follows_from_what_is_done(step: Step, seconds: float, said: str) -> None:
    assert words(step, seconds) == said


@pytest.mark.parametrize(
    ("environ", "host"),
    [
        ({}, ""),
        ({"DRONE_GITHUB_CLIENT_ID": "id"}, "github"),
        ({"DRONE_GITEA_SERVER": "https://gitea.example.com"}, "gitea"),
        ({"DRONE_GITLAB_CLIENT_ID": "id"}, "gitlab"),
        ({"DRONE_GOGS_SERVER": "https://gogs.example.com"}, "gogs"),
        ({"DRONE_STASH_SERVER": "https://stash.example.com"}, ""),
    ],
)
def test_drone_s_variables_tell_the_host(environ: dict[str, str], host: str) -> None:
    assert drone.host(environ) == host


def test_drone_s_variables_tell_the_bucket_of_its_logs() -> None:
    azure = {
        "DRONE_AZURE_BLOB_CONTAINER_NAME": "logs",
        "DRONE_AZURE_STORAGE_ACCOUNT_NAME": "drone",
        "DRONE_AZURE_STORAGE_ACCESS_KEY": "hush",
    }
    both = drone.load(azure | {"DRONE_S3_BUCKET": "drone", "DRONE_S3_ENDPOINT": "http://s3"})

    assert drone.load(azure).logs == "az://logs"
    assert (both.logs, both.access(both.logs), both.access("s3://other")) == (
        *("s3://drone", {"endpoint": "http://s3"}),
        {},
    )
    assert both.access("az://other") == {"account_name": "drone", "account_key": "hush"}
    assert "hush" not in repr(both)
    assert (drone.load({}).logs, drone.load({}).access("")) == ("", {})
    assert drone.load({"DRONE_S3_BUCKET": "drone"}).logs == "s3://drone"
    assert drone.load({"DRONE_S3_BUCKET": "drone", "DRONE_S3_PREFIX": "/some/logs/"}).logs == "s3://drone/some/logs"
