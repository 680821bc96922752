"""Promotions over HTTP, as clients ask for them and read the answers."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.artifacts import items, properties, repositories
from app.artifacts.blobs import rows
from app.artifacts.blobs.store import Received
from app.artifacts.items import Stamp
from app.artifacts.model import ArtifactRepository, Item, Sums, depth, parted
from app.db.tx import Tx, run
from tests.acceptance.server import TOKEN, Server
from tests.buildinfo.project import Project, artifact, module

pytestmark = pytest.mark.postgres

RECORDED = json.loads((Path(__file__).parents[3] / "fixtures" / "jfrog" / "builds.json").read_text())


@pytest.fixture
def built(project: Project) -> Project:
    """Build app 42 with two artifacts, in repositories of the project."""
    project.drive(_repositories(project.key))
    listed = []
    for name in ("a.jar", "b.jar"):
        content = f"{name} of {project.key}".encode()
        project.file(f"{project.key}-dev", f"lib/{name}", content, build_name="app", build_number="42")
        listed.append(artifact(name, content, path=f"lib/{name}", originalDeploymentRepo=f"{project.key}-dev"))
    project.publish("app", "42", modules=[module(*listed)])
    return project


def _repositories(key: str) -> Tx[None]:
    for name in ("dev", "stage", "prod"):
        yield from repositories.add(ArtifactRepository(0, f"{key}-{name}"), "test")


def promote(
    project: Project, path: str = "app/42", client: httpx2.Client | None = None, **body: Any
) -> httpx2.Response:
    return project.ask("POST", f"build/promote/{path}", client, content=json.dumps(body).encode())


def test_an_answer_is_a_list_of_messages_and_a_status(built: Project) -> None:
    answer = promote(built, targetRepo=f"{built.key}-stage", status="staged", copy=True)

    assert answer.status_code == 200
    said = answer.json()
    assert said["status"] == "success"
    assert [message["level"] for message in said["messages"]] == ["INFO"] * 3
    assert said["messages"][0]["message"] == f"copy {built.key}-dev:lib/a.jar to {built.key}-stage:lib/a.jar"
    [status] = built.info("app", "42")["statuses"]
    assert (status["status"], status["user"], status["repository"]) == ("staged", "octocat", f"{built.key}-stage")
    assert set(built.files(f"{built.key}-stage")) == {"lib/a.jar", "lib/b.jar"}


def counted(project: Project) -> dict[str, float]:
    lines = project.server.ask("GET", "/metrics").text.splitlines()
    found = (line.rpartition(" ") for line in lines if line.startswith("gantry_build_promotions_"))
    return {name.removeprefix("gantry_build_promotions_"): float(value) for name, _, value in found}


def test_promotions_are_counted_for_monitoring(built: Project) -> None:
    before = counted(built)
    promote(built, targetRepo=f"{built.key}-stage", copy=True)
    promote(built, targetRepo=f"{built.key}-prod", copy=True, dryRun=True)
    promote(built, targetRepo="nowhere")
    after = counted(built)

    assert after["total"] - before["total"] == 1
    assert after["refused_total"] - before["refused_total"] == 1
    assert after["failed_total"] == before["failed_total"]
    assert after["seconds_total"] > before["seconds_total"]


def test_pyartifactory_says_copy_by_another_name_and_sends_empty_texts(built: Project) -> None:
    body: dict[str, Any] = {
        "sourceRepo": f"{built.key}-dev", "targetRepo": f"{built.key}-stage", "status": "", "comment": "",
        "ciUser": "", "timestamp": "", "dryRun": False, "copyArtifact": True, "artifacts": True,
        "dependencies": False, "scopes": [], "properties": {}, "failFast": True,
    }  # fmt: skip

    assert promote(built, **body).status_code == 200

    assert set(built.files(f"{built.key}-dev")) == {"lib/a.jar", "lib/b.jar"}
    assert "statuses" not in built.info("app", "42")


@pytest.mark.parametrize(
    "path",
    ["team%2Fapp/rel%2F1", "team/app/rel%2F1", "team%252Fapp/rel%252F1"],
    ids=["each segment encoded", "the name as it is", "encoded twice"],
)
def test_slashes_in_name_and_number(built: Project, path: str) -> None:
    built.publish("team/app", "rel/1")

    assert promote(built, path, status="s").status_code == 200

    assert built.info("team%2Fapp", "rel%2F1")["statuses"][0]["status"] == "s"


def test_a_name_encoded_like_a_form(built: Project) -> None:
    built.publish("my app: x", "1")

    assert promote(built, "my+app%3A+x/1", status="s").status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("app/7", b"{}", 404, "Build 'app' #7 not found in"),
        ("app/LATEST", b"{}", 404, "Build 'app' #LATEST not found"),
        ("app", b"{}", 404, "/api/build/promote/NAME/NUMBER"),
        ("app/42", b"[]", 400, "the body must be a JSON object"),
        ("app/42", b"{", 400, "not JSON"),
        ("app/42", b'{"dependencies": "perhaps"}', 400, "dependencies: must be true or false"),
        ("app/42", b'{"targetRepo": "nowhere"}', 400, "there is no repository nowhere"),
    ],
)
def test_errors_have_the_list_that_clients_read(built: Project, path: str, body: bytes, status: int, said: str) -> None:
    answer = built.ask("POST", f"build/promote/{path}", content=body)

    assert answer.status_code == status
    [fault] = answer.json()["errors"]
    assert fault["status"] == status
    assert said in fault["message"]
    assert answer.json()["messages"] == [{"level": "ERROR", "message": fault["message"]}]


def test_a_refusal_has_errors_and_messages(built: Project) -> None:
    built.file(f"{built.key}-dev", "lib/a.jar", b"other", build_name="app", build_number="43")

    answer = promote(built, targetRepo=f"{built.key}-stage")

    assert answer.status_code == 400
    said = answer.json()
    words = f"1 of 2 artifacts were not found: {built.key}-dev:lib/a.jar: the path holds other bytes"
    assert said["messages"] == [{"level": "ERROR", "message": words}]
    assert said["errors"][0]["message"].startswith(words)


def test_no_body_does_nothing(built: Project) -> None:
    answer = built.ask("POST", "build/promote/app/42")

    assert answer.status_code == 200
    assert answer.json()["messages"][0]["level"] == "INFO"
    assert answer.json()["uri"] == ""


def test_the_content_type_does_not_matter(built: Project) -> None:
    headers = {"Content-Type": "application/vnd.org.jfrog.artifactory.build.PromotionRequest+json"}

    assert built.ask("POST", "build/promote/app/42", content=b'{"status":"s"}', headers=headers).status_code == 200


def test_who_may_not(built: Project) -> None:
    with built.server.visitor() as stranger:
        assert promote(built, client=stranger, status="s").status_code == 401
        assert built.ask("GET", "build/promotions/app/42", stranger).status_code == 401
    with built.account(f"r{built.key}", ("build", built.repo, ["**"], ["read"])) as reader:
        for path in ("app/42", "app/7"):
            answer = promote(built, path, client=reader, status="s")
            assert answer.status_code == 403
            assert "the right promote is needed on" in answer.json()["errors"][0]["message"]
    with built.account(f"p{built.key}", ("build", built.repo, ["app/**"], ["promote"])) as promoter:
        assert promote(built, client=promoter, status="s").status_code == 200
        assert promote(built, client=promoter, targetRepo=f"{built.key}-stage").status_code == 403
        assert built.ask("GET", "build/promotions/app/42", promoter).status_code == 403


def test_promotions_are_listed_with_all_that_they_said(built: Project) -> None:
    first = promote(built, targetRepo=f"{built.key}-stage", copy=True, comment="c").json()
    promote(built, status="released", ciUser="ci", properties={"a": "1"})

    listed = built.json("build/promotions/app/42")["promotions"]

    assert [(one["status"], one["targetRepo"], one["files"], one["user"]) for one in listed] == [
        ("released", "", 2, "octocat"),
        ("", f"{built.key}-stage", 2, "octocat"),
    ]
    assert listed[1]["uri"] == first["uri"]
    assert listed[0]["request"]["properties"] == {"a": ["1"]}
    whole = built.server.client.get(first["uri"]).json()
    assert whole["messages"] == first["messages"]
    assert whole["comment"] == "c"
    assert built.ask("GET", "build/promotions/app/42/999999").status_code == 404


def test_promotions_are_listed_page_by_page(built: Project) -> None:
    for status in "abcde":
        promote(built, status=status)

    pages, path = list[list[str]](), f"/artifactory/api/build/promotions/app/42?project={built.key}&per_page=2"
    while path:
        answer = built.server.client.get(path)
        pages.append([one["status"] for one in answer.json()["promotions"]])
        path = answer.links.get("next", {}).get("url", "")
    back = built.server.client.get(answer.links["prev"]["url"])

    assert pages == [["e", "d"], ["c", "b"], ["a"]]
    assert [one["status"] for one in back.json()["promotions"]] == ["c", "b"]
    assert built.ask("GET", "build/promotions/app/42", params={"cursor": "after:x"}).status_code == 400


def test_promotions_tell_of_no_file_that_the_caller_may_not_read(built: Project) -> None:
    promoted = promote(built, targetRepo=f"{built.key}-stage", copy=True).json()
    reader = built.account(
        f"r{built.key}",
        ("build", built.repo, ["**"], ["read"]),
        ("repo", f"{built.key}-dev", ["**"], ["read"]),
        ("repo", f"{built.key}-stage", ["lib/b.*"], ["read"]),
    )

    with reader:
        told = reader.get(promoted["uri"]).json()["messages"]

    assert [message["message"].split()[-1] for message in told[:-1]] == [f"{built.key}-stage:lib/b.jar"]


def test_of_many_messages_the_first_thousand_are_answered(built: Project) -> None:
    count = 1005
    built.drive(_many(f"{built.key}-dev", count))
    listed = [{"name": f"{at:04}", "sha1": f"{at:040}", "path": f"m/{at:04}"} for at in range(count)]
    built.publish("many", "1", modules=[module(*listed)])

    predicted = promote(built, "many/1", targetRepo=f"{built.key}-stage", dryRun=True).json()
    done = promote(built, "many/1", targetRepo=f"{built.key}-stage").json()

    assert predicted["messages"] == done["messages"]
    assert len(done["messages"]) == 1002
    assert [message["message"] for message in done["messages"][-2:]] == [
        "5 more messages of the level INFO stand at the promotion's own address",
        f"files in {built.key}-stage: 1005 moved, 0 there already, 0 failed",
    ]
    assert len(built.server.client.get(done["uri"]).json()["messages"]) == count + 1


def _many(key: str, count: int) -> Tx[None]:
    repo = yield from repositories.find(key)
    set_id = yield from properties.set_of({"build.name": ["many"], "build.number": ["1"]})
    yield from items.add_folders(repo.id, "m", Stamp("test", 1))
    for at in range(count):
        yield from _put(repo, f"m/{at:04}", Sums(f"{at:064}", f"{at:040}", f"{at:032}"), set_id)


def _put(repo: ArtifactRepository, path: str, sums: Sums, set_id: int) -> Tx[None]:
    blob = yield from rows.add(Received(sums, 1, f"{repo.key}/{sums.sha256}"), 1)
    folder, name = parted(path)
    yield from items.add_folders(repo.id, "" if folder == "." else folder, Stamp("test", 1))
    yield from items.put(Item(0, repo.id, folder, name, False, depth(path), blob.id, set_id))


def test_a_client_that_hangs_up_changes_nothing_of_it(built: Project) -> None:
    body = json.dumps({"targetRepo": f"{built.key}-stage", "status": "s"}).encode()
    head = (
        f"POST /artifactory/api/build/promote/app/42?project={built.key} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    )

    with socket.create_connection(("127.0.0.1", built.server.port)) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1024).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        built.info("app", "42")  # answered after the body was read

    built.server.until(lambda: "statuses" in built.info("app", "42"), "the promotion is finished")
    assert set(built.files(f"{built.key}-stage")) == {"lib/a.jar", "lib/b.jar"}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the repositories and the files that the recorded promotions find."""
    with Server(tmp_path_factory.mktemp("recorded")) as server:
        Project(server, "default").drive(_recorded_state())
        for exchange in _exchanges("PUT", "/artifactory/api/build"):
            answer = server.client.put("/artifactory/api/build", content=_published(exchange))
            assert answer.status_code == 204
        yield server


def _exchanges(method: str, path: str) -> list[dict[str, Any]]:
    exchanges = [exchange for command in RECORDED for exchange in command["requests"]]
    return [one for one in exchanges if one["method"] == method and one["path"].startswith(path)]


def _published(exchange: dict[str, Any]) -> bytes:
    """A recorded build-info. The recording ends a long one in the middle of the properties."""
    body: str = exchange["body"]
    if "…" in body:
        body = body[: body.rindex(',"')] + '},"started":"2026-11-23T06:03:37.930+0000"}'
    return body.encode()


def _recorded_state() -> Tx[None]:
    repos = {}
    for key in ("dev-local", "dev2-local", "stage-local", "prod-local"):
        made = yield from repositories.add(ArtifactRepository(0, key), "test")
        assert made is not None
        repos[key] = made
    deploy_to = repos["dev-local"].id
    virtual = yield from repositories.add(ArtifactRepository(0, "all-virtual", "virtual", deploy_to=deploy_to), "test")
    assert virtual is not None
    member = "INSERT INTO virtual_members (virtual_id, position, member_id) VALUES (:virtual, 0, :member)"
    yield from run(member, virtual=virtual.id, member=deploy_to)
    for exchange in _exchanges("PUT", "/artifactory/api/build"):
        said = json.loads(_published(exchange))
        set_id = yield from properties.set_of({"build.name": [said["name"]], "build.number": [said["number"]]})
        for one in said["modules"][0]["artifacts"]:
            sums = Sums(one["sha256"], one["sha1"], one["md5"])
            places = [("dev-local", one["path"])]
            if said["name"] == "app":
                places.append(("dev2-local", f"bc/{one['name']}"))
            for key, path in places:
                yield from _put(repos[key], path, sums, set_id)


def test_the_recorded_promotions_are_answered_as_the_command_line_takes_it(recorded: Server) -> None:
    exchanges = _exchanges("POST", "/artifactory/api/build/promote/")
    assert len(exchanges) == 11

    for exchange in exchanges:
        answer = recorded.client.post(
            f"{exchange['path']}?{exchange['query']}", content=exchange["body"].encode(),
            headers={"Content-Type": exchange["headers"]["Content-Type"]},
        )  # fmt: skip

        assert answer.status_code == exchange["status"], f"{exchange['body']}: {answer.text}"
        due = json.loads(exchange["answer"])
        assert due.keys() <= answer.json().keys()
        if answer.status_code == 200:
            assert len(answer.json()["messages"]) == len(due["messages"])
    info = recorded.client.get("/artifactory/api/build/app/1").json()["buildInfo"]
    assert [status["status"] for status in info["statuses"]] == ["staged", "released"]
