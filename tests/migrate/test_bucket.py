"""Logs that Drone kept in a bucket come over, before those of its table."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.migrate.conftest import Target, left, parts
from tests.migrate.source import PLAIN, address, copied, execute, rows

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def bucket(endpoint: str) -> Iterator[Any]:
    """A client of a bucket with the logs of the steps 6 and 7, and what is none."""
    options = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=endpoint, **options)
    client.create_bucket(Bucket="drone")
    logs = dict(rows(PLAIN, "SELECT log_id, log_data FROM logs WHERE log_id IN (6, 7)"))
    for key, data in {"6": logs[6], "7": logs[7], "999": b"[]", "readme.txt": b"nothing"}.items():
        client.put_object(Bucket="drone", Key=f"some/logs/{key}", Body=data)
    yield client
    client.close()


def test_logs_of_a_bucket_come_over_and_go_before_those_of_the_table(
    target: Target, tmp_path: Path, endpoint: str, bucket: Any
) -> None:
    file = copied(tmp_path)
    execute(file, "DELETE FROM logs WHERE log_id = 6", "UPDATE logs SET log_data = '[]' WHERE log_id = 7")

    report = target.moved(address(file), "--logs", "s3://drone/some/logs", AWS_ENDPOINT_URL=endpoint, **KEYS)

    kept = dict(rows(PLAIN, "SELECT log_id, log_data FROM logs"))
    assert parts(report)["logs"] == (10, 9)
    assert left(report)["logs"] == {"of steps that are not there, or were left out": []}
    for step_id in (6, 7, 1):
        assert (target.data / "logs" / "0" / f"{step_id}.json").read_bytes() == kept[step_id]


def test_the_bucket_of_drone_s_own_variables_is_read(
    target: Target, tmp_path: Path, endpoint: str, bucket: Any
) -> None:
    execute(file := copied(tmp_path), "DELETE FROM logs")
    variables = {"DRONE_S3_BUCKET": "drone", "DRONE_S3_PREFIX": "some/logs", "DRONE_S3_ENDPOINT": endpoint, **KEYS}

    assert parts(target.moved(address(file), **variables))["logs"] == (3, 2)


def test_a_bucket_that_is_not_there_is_told_before_anything_is_written(
    target: Target, endpoint: str, bucket: Any
) -> None:
    refused = target.refused(address(PLAIN), "--logs", "s3://other/logs", AWS_ENDPOINT_URL=endpoint, **KEYS)

    assert "the logs at s3://other/logs cannot be read" in refused
