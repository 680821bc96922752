"""`gantry artifact`, `artifact-repo` and `build-info` against a real server."""

import hashlib
import itertools
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import gantry
from tests.acceptance.breaking import Line
from tests.acceptance.server import TOKEN, Server
from tests.soon import PATIENCE

LARGE = bytes(range(256)) * 1000
_folders = itertools.count()


class Shell:
    """Runs the command as a user, in a folder."""

    def __init__(self, server: Server, folder: Path, **environment: str) -> None:
        self.folder = folder
        clean = {name: value for name, value in server.environment.items() if not name.startswith("GANTRY_")}
        self.environment = clean | {"GANTRY_SERVER": server.url, "GANTRY_TOKEN": TOKEN} | environment

    def run(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return gantry.run(arguments, self.environment, stdin=stdin, cwd=self.folder, timeout=PATIENCE)

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        """What a command prints, which must succeed."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """The JSON that a command prints."""
        return json.loads(self(*arguments, "--json"))

    def fails(self, *arguments: str, code: int = 1) -> str:
        """What a command says that must fail."""
        done = self.run(*arguments)
        assert done.returncode == code, f"{arguments}: {done.returncode} {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the local repositories `dev` and `rel`."""
    with Server(tmp_path_factory.mktemp("commands")) as server:
        for key in ("dev", "rel"):
            body = {"key": key, "rclass": "local", "packageType": "generic"}
            assert server.ask("PUT", f"/artifactory/api/repositories/{key}", json=body).status_code == 200
        yield server


@pytest.fixture
def shell(server: Server, tmp_path: Path) -> Shell:
    return Shell(server, tmp_path)


@pytest.fixture
def at() -> str:
    """A folder of the test's own in `dev`."""
    return f"dev/{next(_folders)}"


def put(server: Server, path: str, content: bytes = b"x") -> None:
    assert server.ask("PUT", f"/artifactory/{path}", content=content).status_code == 201


def test_files_and_folders_are_put_and_got(shell: Shell, at: str) -> None:
    (shell.folder / "in/sub").mkdir(parents=True)
    (shell.folder / "in/a b#c.txt").write_text("a")
    (shell.folder / "in/sub/large.bin").write_bytes(LARGE)

    table = shell("artifact", "put", "in", f"{at}/", "-p", "color=red", "-p", "url=http://h.example.test/?a=b;c")
    got = shell("artifact", "get", f"{at}/in/", "out")

    assert hashlib.sha256(LARGE).hexdigest() in table
    assert (shell.folder / "out/a b#c.txt").read_text() == "a"
    assert (shell.folder / "out/sub/large.bin").read_bytes() == LARGE
    assert len(got.splitlines()) == 2
    info = shell.json("artifact", "info", f"{at}/in/a b#c.txt")
    assert info["properties"] == {"color": ["red"], "url": ["http://h.example.test/?a=b;c"]}
    assert info["size"] == "1"


def test_a_file_is_put_under_the_name_that_is_asked_for(shell: Shell, at: str) -> None:
    (shell.folder / "a.txt").write_text("a")

    [done] = shell.json("artifact", "put", "a.txt", f"{at}/b.txt")

    assert (done["repo"], done["path"]) == ("dev", f"/{at[4:]}/b.txt")
    shell("artifact", "get", f"{at}/b.txt", "c.txt")
    assert (shell.folder / "c.txt").read_text() == "a"
    shell("artifact", "get", f"{at}/b.txt")
    assert (shell.folder / "b.txt").read_text() == "a"


def test_bytes_that_the_server_has_are_not_sent_again(server: Server, shell: Shell, at: str) -> None:
    (shell.folder / "large.bin").write_bytes(LARGE + b"known to nobody")
    with Line(server.port) as line:
        through = Shell(server, shell.folder, GANTRY_SERVER=line.url)
        through("artifact", "put", "large.bin", f"{at}/one.bin")
        asked = len(line.ranges)
        through("artifact", "put", "large.bin", f"{at}/two.bin")

        assert (asked, len(line.ranges)) == (2, 3)
    assert shell.json("artifact", "info", f"{at}/two.bin")["size"] == str(len(LARGE + b"known to nobody"))


def test_a_download_that_broke_off_goes_on_where_it_ended(server: Server, shell: Shell, at: str) -> None:
    put(server, f"{at}/large.bin", LARGE)
    with Line(server.port) as line:
        through = Shell(server, shell.folder, GANTRY_SERVER=line.url)
        line.cut = 100_000
        assert through.fails("artifact", "get", f"{at}/large.bin")
        assert not (shell.folder / "large.bin").exists()
        line.cut = None
        said = through("artifact", "get", f"{at}/large.bin")

        assert line.ranges == ["", "bytes=100000-"]
    assert "went on" in said
    assert (shell.folder / "large.bin").read_bytes() == LARGE
    assert [path.name for path in shell.folder.iterdir()] == ["large.bin"]


def test_a_download_begins_again_when_the_file_is_another_one_meanwhile(server: Server, shell: Shell, at: str) -> None:
    put(server, f"{at}/large.bin", LARGE)
    with Line(server.port) as line:
        through = Shell(server, shell.folder, GANTRY_SERVER=line.url)
        line.cut = 100_000
        through.fails("artifact", "get", f"{at}/large.bin")
        line.cut = None
        put(server, f"{at}/large.bin", LARGE[::-1])
        said = through("artifact", "get", f"{at}/large.bin")

    assert "went on" not in said
    assert (shell.folder / "large.bin").read_bytes() == LARGE[::-1]


def test_a_download_that_has_all_bytes_or_more_begins_again(server: Server, shell: Shell, at: str) -> None:
    put(server, f"{at}/large.bin", LARGE)
    with Line(server.port) as line:
        through = Shell(server, shell.folder, GANTRY_SERVER=line.url)
        line.cut = 100_000
        through.fails("artifact", "get", f"{at}/large.bin")
    (shell.folder / "large.bin.part").write_bytes(LARGE + b"more")

    shell("artifact", "get", f"{at}/large.bin")

    assert (shell.folder / "large.bin").read_bytes() == LARGE


def test_bytes_that_were_damaged_on_their_way_are_thrown_away(server: Server, shell: Shell, at: str) -> None:
    put(server, f"{at}/a.bin", LARGE)
    with Line(server.port) as line:
        line.damaged = True
        through = Shell(server, shell.folder, GANTRY_SERVER=line.url)
        said = through.fails("artifact", "get", f"{at}/a.bin")

    assert hashlib.sha256(LARGE).hexdigest() in said
    assert list(shell.folder.iterdir()) == []


def test_what_is_in_a_folder_is_listed(server: Server, shell: Shell, at: str) -> None:
    for path in ("a.txt", "sub/b.txt"):
        put(server, f"{at}/{path}")

    shallow, deep = shell("artifact", "ls", at), shell("artifact", "ls", "-r", at)

    assert [line.split()[0] for line in shallow.splitlines()] == ["a.txt", "sub/"]
    assert [line.split()[0] for line in deep.splitlines()] == ["a.txt", "sub/", "sub/b.txt"]
    assert [one["uri"] for one in shell.json("artifact", "ls", at)] == ["/a.txt", "/sub"]


def test_a_file_and_a_folder_are_shown(server: Server, shell: Shell, at: str) -> None:
    put(server, f"{at}/a.txt;color=red;color=blue")

    file, folder = shell("artifact", "info", f"{at}/a.txt"), shell("artifact", "info", at)

    assert "red, blue" in file
    assert hashlib.sha256(b"x").hexdigest() in file
    assert "by octocat" in file
    assert "folder" in folder


def test_files_are_copied_moved_and_removed(server: Server, shell: Shell, at: str) -> None:
    put(server, f"{at}/sub/a.txt")

    dry = shell("artifact", "cp", f"{at}/sub", f"rel/{at[4:]}", "--dry-run")
    done = shell("artifact", "cp", f"{at}/sub", f"rel/{at[4:]}")
    assert dry == done
    shell("artifact", "mv", f"{at}/sub/a.txt", f"rel/{at[4:]}/sub/")
    shell("artifact", "rm", f"rel/{at[4:]}/a.txt", "--yes")

    assert [one["uri"] for one in shell.json("artifact", "ls", "-r", f"rel/{at[4:]}")] == ["/sub", "/sub/a.txt"]
    assert "--yes" in shell.fails("artifact", "rm", f"rel/{at[4:]}", code=2)
    assert shell.json("artifact", "info", f"rel/{at[4:]}/sub/a.txt")["size"] == "1"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("artifact", "info", "dev/none"), "Unable to find item"),
        (("artifact", "get", "dev/none"), "no file none in dev"),
        (("artifact", "get", "none/"), "none"),
        (("artifact", "rm", "dev/none", "--yes"), "none"),
        (("artifact", "cp", "dev/none", "rel/x"), "Unable to find item"),
        (("artifact-repo", "rm", "none", "--yes"), "none"),
        (("build-info", "show", "none", "1"), "none"),
        (("build-info", "promote", "none", "1", "--to", "rel"), "none"),
        (("build-info", "diff", "none", "2", "1"), "none"),
    ],
)
def test_what_is_not_there_is_said(shell: Shell, arguments: tuple[str, ...], words: str) -> None:
    assert words in shell.fails(*arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("artifact", "put", "none.txt", "dev/"), "none.txt"),
        (("artifact", "get", "/"), "REPOSITORY/PATH"),
        (("artifact-repo", "update", "dev"), "give an option"),
        (("artifact-repo", "grant", "dev", "ada", "read"), "user:LOGIN"),
        (("artifact-repo", "grant", "dev", "user:ada"), "no action"),
        (("artifact-repo", "grant", "dev", "user:ada", "fly"), "fly"),
        (("build-info", "publish"), "--name"),
        (("build-info", "promote", "a", "1"), "--to"),
        (("build-info", "retention", "a"), "--count"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_asked(shell: Shell, arguments: tuple[str, ...], words: str) -> None:
    assert words in shell.fails(*arguments, code=2)


def test_repositories_are_added_listed_changed_and_removed(shell: Shell, server: Server) -> None:
    shell("artifact-repo", "add", "local", "--description", "One", "--environment", "DEV", "--immutable")
    shell("artifact-repo", "add", "front", "--virtual", "--member", "dev", "--member", "local", "--deploy-to", "dev")
    shell("artifact-repo", "update", "local", "--description", "Other", "--excludes", "**/*.tmp", "--mutable")

    found = server.json("GET", "/artifactory/api/repositories/local")
    assert (found["description"], found["excludesPattern"], found["environments"]) == ("Other", "**/*.tmp", ["DEV"])
    assert found["immutable"] is False
    front = server.json("GET", "/artifactory/api/repositories/front")
    assert (front["repositories"], front["defaultDeploymentRepo"]) == (["dev", "local"], "dev")
    table = shell("artifact-repo", "ls", "--type", "virtual")
    assert [line.split()[:2] for line in table.splitlines()] == [["front", "virtual"]]
    shell("artifact-repo", "rm", "front", "--yes")
    shell("artifact-repo", "rm", "local", "--yes")
    assert not {"front", "local"} & {one["key"] for one in shell.json("artifact-repo", "ls")}


def test_rights_are_granted_listed_and_revoked(shell: Shell, server: Server) -> None:
    put(server, "dev/granted/a.txt")
    put(server, "dev/other/a.txt")
    with server.account("ada") as ada:
        shell("artifact-repo", "grant", "dev", "user:ada", "read", "--includes", "granted/**")
        assert ada.get("/artifactory/dev/granted/a.txt").status_code == 200
        assert ada.get("/artifactory/dev/other/a.txt").status_code == 403
        assert shell("artifact-repo", "grant", "dev").splitlines()[0].split() == ["user:ada", "read", "granted/**"]

        shell("artifact-repo", "grant", "dev", "user:ada", "--revoke")
        assert ada.get("/artifactory/dev/granted/a.txt").status_code == 403
    assert "nobody" in shell.fails("artifact-repo", "grant", "dev", "user:nobody", "read")

    assert shell("artifact-repo", "grant", "dev", "anonymous", "read") == "anonymous may now read in dev\n"
    assert shell("artifact-repo", "grant", "dev").splitlines()[0].split() == ["anonymous", "read", "**"]
    shell("artifact-repo", "grant", "dev", "anonymous", "--revoke")
    assert shell("artifact-repo", "grant", "dev") == ""


def test_a_build_is_published_shown_compared_promoted_and_removed(shell: Shell, server: Server, at: str) -> None:
    for number in ("1", "2"):
        (shell.folder / "app.txt").write_text(number)
        build = {"DRONE_REPO": "octocat/app", "DRONE_BUILD_NUMBER": number, "DRONE_COMMIT_SHA": "0" * 40, "SEEN": "yes"}
        step = Shell(server, shell.folder, **build)
        step("artifact", "put", "app.txt", f"{at}/{number}/")
        assert "with 1 artifact" in step("build-info", "publish", "--env", "SEEN")
    assert "NOT_SET" in shell.fails("build-info", "publish", "--name", "a", "--number", "1", "--env", "NOT_SET", code=2)

    info = shell.json("build-info", "show", "octocat/app", "2")
    assert info["buildInfo"]["properties"] == {"buildInfo.env.SEEN": "yes"}
    assert info["buildInfo"]["vcs"][0]["revision"] == "0" * 40
    assert [line.split()[0] for line in shell("build-info", "ls").splitlines()] == ["octocat/app"]
    assert [line.split()[0] for line in shell("build-info", "ls", "octocat/app").splitlines()] == ["2", "1"]
    assert "app.txt" in shell("build-info", "diff", "octocat/app", "2", "1")

    order = ("build-info", "promote", "octocat/app", "2", "--to", "rel", "--copy", "--status", "ready", "-p", "a=1")
    dry = shell(*order, "--dry-run")
    assert server.ask("GET", f"/artifactory/rel/{at[4:]}/2/app.txt").status_code == 404
    assert shell(*order) == dry
    assert f"dev:{at[4:]}/2/app.txt to rel:{at[4:]}/2/app.txt" in dry
    assert shell.json("artifact", "info", f"rel/{at[4:]}/2/app.txt")["properties"]["a"] == ["1"]
    shown = shell("build-info", "show", "octocat/app", "2")
    promotion = shown.splitlines()[-1].split()
    assert promotion[-6:-1] == ["octocat", "ready", "-", "rel", "1"]

    shell("build-info", "retention", "octocat/app", "--count", "1")
    assert [line.split()[0] for line in shell("build-info", "ls", "octocat/app").splitlines()] == ["2"]
    shell("build-info", "rm", "octocat/app", "2", "--yes")
    assert "octocat/app" in shell.fails("build-info", "show", "octocat/app", "2")


def test_a_build_info_is_published_from_a_file(shell: Shell) -> None:
    body = {"name": "filed", "number": "7", "started": "2026-01-01T00:00:00.000+0000", "modules": []}
    (shell.folder / "info.json").write_text(json.dumps(body))

    assert "filed 7" in shell("build-info", "publish", "info.json")
    assert shell.json("build-info", "show", "filed", "7")["buildInfo"]["started"] == body["started"]
    (shell.folder / "broken.json").write_text("{")
    assert "not JSON" in shell.fails("build-info", "publish", "broken.json", code=2)


def test_a_promotion_that_is_refused_ends_with_code_1(shell: Shell, server: Server, at: str) -> None:
    body = {
        "name": "lost",
        "number": "1",
        "started": "2026-01-01T00:00:00.000+0000",
        "modules": [{"id": "m", "artifacts": [{"name": "gone.txt", "sha1": "0" * 40}]}],
    }
    assert server.ask("PUT", "/artifactory/api/build", json=body).status_code == 204

    assert "gone.txt" in shell.fails("build-info", "promote", "lost", "1", "--to", "rel")
    done = shell.run("build-info", "promote", "lost", "1", "--to", "rel", "--keep-going")
    assert done.returncode == 1
    assert "gone.txt" in done.stdout + done.stderr


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_repository_alone_is_its_outermost_folder(server: Server, shell: Shell, slash: str) -> None:
    (shell.folder / "top.txt").write_text("top")

    shell("artifact", "put", "top.txt", f"dev{slash}")
    shell("artifact", "cp", "dev/top.txt", f"rel{slash}")
    shell("artifact", "mv", "rel/top.txt", "rel/sub/")
    assert "top.txt" in shell("artifact", "ls", f"dev{slash}")
    assert shell.json("artifact", "info", "rel/sub/top.txt")["path"] == "/sub/top.txt"
    shell("artifact", "get", "rel/", "all")

    assert (shell.folder / "all/sub/top.txt").read_text() == "top"


@pytest.mark.parametrize("name", ["a;b=c.txt", "per%25cent.txt", "plus+.txt", "ques?tion.txt", "-dash.txt", "ü.txt"])
def test_a_name_with_special_characters_is_the_same_in_every_command(shell: Shell, at: str, name: str) -> None:
    (shell.folder / name).write_text("odd")

    shell("artifact", "put", "--", f"./{name}", f"{at}/")
    shell("artifact", "cp", f"{at}/{name}", f"{at}/copy of {name}")
    shell("artifact", "get", f"{at}/copy of {name}")

    assert (shell.folder / f"copy of {name}").read_text() == "odd"
    assert [one["uri"] for one in shell.json("artifact", "ls", at)] == sorted([f"/{name}", f"/copy of {name}"])
    shell("artifact", "rm", f"{at}/{name}", "--yes")
    assert [one["uri"] for one in shell.json("artifact", "ls", at)] == [f"/copy of {name}"]
