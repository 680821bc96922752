"""Logs that Drone kept in Azure Blob Storage come over: each is a blob with the number of its step as name."""

from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from starlette.responses import Response

from tests.migrate.conftest import Target, parts
from tests.migrate.source import PLAIN, address, copied, execute, rows
from tests.scm.fakes.serving import Asked, Far, Problem, call, serving

KEY = "a2V5IG9mIHRoZSBhY2NvdW50"
DRONE = {
    "DRONE_AZURE_BLOB_CONTAINER_NAME": "logs",
    "DRONE_AZURE_STORAGE_ACCOUNT_NAME": "drone",
    "DRONE_AZURE_STORAGE_ACCESS_KEY": KEY,
}
_TIME = "Mon, 01 Jan 2024 00:00:00 GMT"


class Azure(Far):
    """The storage account `drone` with a container `logs`, in pages of two blobs. Signatures are not verified."""

    def __init__(self, blobs: dict[str, bytes]) -> None:
        super().__init__()
        self.blobs = blobs

    def authenticate(self, asked: Asked) -> str:
        if not asked.headers.get("authorization", "").startswith("SharedKey drone:"):
            raise Problem(403, b"AuthenticationFailed")
        return "drone"

    @call("GET", "{container}")
    def list(self, asked: Asked) -> Response:
        if asked.params["container"] != "logs":
            raise Problem(404, b"ContainerNotFound")
        names, start = sorted(self.blobs), int(asked.query.get("marker", 0))
        listed = "".join(
            f"<Blob><Name>{escape(name)}</Name><Properties><Last-Modified>{_TIME}</Last-Modified><Etag>1</Etag>"
            f"<Content-Type>text</Content-Type><Content-Length>{len(self.blobs[name])}</Content-Length>"
            "</Properties></Blob>"
            for name in names[start : start + 2]
        )
        marker = f"<NextMarker>{start + 2}</NextMarker>" if start + 2 < len(names) else "<NextMarker/>"
        text = f'<?xml version="1.0"?><EnumerationResults><Blobs>{listed}</Blobs>{marker}</EnumerationResults>'
        return Response(text, media_type="application/xml")

    @call("GET", "logs/{name}")
    def get(self, asked: Asked) -> Response:
        return Response(self.blobs[asked.params["name"]], headers={"last-modified": _TIME, "etag": "1"})


@pytest.fixture
def azure() -> Iterator[Azure]:
    logs = dict(rows(PLAIN, "SELECT log_id, log_data FROM logs WHERE log_id IN (6, 7)"))
    made = Azure({"6": logs[6], "7": logs[7], "999": b"[]", "readme.txt": b"nothing"})
    with serving(made):
        yield made


def test_logs_come_over_from_the_container_of_drone_s_own_variables(
    target: Target, tmp_path: Path, azure: Azure
) -> None:
    execute(file := copied(tmp_path), "DELETE FROM logs")

    report = target.moved(address(file), **DRONE, AZURE_STORAGE_ENDPOINT=azure.url)

    kept = dict(rows(PLAIN, "SELECT log_id, log_data FROM logs"))
    assert parts(report)["logs"] == (3, 2)
    for step_id in (6, 7):
        assert (target.data / "logs" / "0" / f"{step_id}.json").read_bytes() == kept[step_id]


def test_a_container_that_is_named_is_read_with_drone_s_key(target: Target, tmp_path: Path, azure: Azure) -> None:
    execute(file := copied(tmp_path), "DELETE FROM logs")
    account = {name: value for name, value in DRONE.items() if "CONTAINER" not in name}

    report = target.moved(address(file), "--logs", "az://logs", **account, AZURE_STORAGE_ENDPOINT=azure.url)

    assert parts(report)["logs"] == (3, 2)


@pytest.mark.parametrize(
    ("options", "environment", "words"),
    [
        (["--logs", "az://other"], DRONE, "the logs at az://other cannot be read"),
        (["--logs", "az://logs"], {}, "the logs at az://logs cannot be read"),
        ([], DRONE | {"DRONE_AZURE_STORAGE_ACCESS_KEY": "no base64"}, "the logs at az://logs cannot be read"),
    ],
)
def test_a_container_that_cannot_be_read_is_told_before_anything_is_written(
    target: Target, azure: Azure, options: list[str], environment: dict[str, str], words: str
) -> None:
    refused = target.refused(address(PLAIN), *options, **environment, AZURE_STORAGE_ENDPOINT=azure.url)

    assert words in refused
    assert KEY not in refused
