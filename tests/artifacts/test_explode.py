"""Archives that are unpacked: all of their files are put, or none of them."""

import io
import stat
import tarfile
import zipfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from app.artifacts import archives
from app.artifacts import explode as unpacking
from app.artifacts.blobs.folder import SPARE
from app.artifacts.deploy import File, Place
from app.artifacts.model import ArtifactRepository, Sums
from app.errors import Invalid, NoRoom
from tests.artifacts.site import ADMIN, Site, digests, message

pytestmark = pytest.mark.postgres

FILES = {"a.txt": b"of a", "b/c.json": b"of c", "b/d/e": b"", "./f": b"of a"}


def zipped(files: dict[str, bytes] = FILES) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("b") if "b/c.json" in files else None
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def tarred(files: dict[str, bytes] = FILES, more: Sequence[tarfile.TarInfo] = (), mode: str = "w") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in more:
            archive.addfile(info)
    return made.getvalue()


def member(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def explode(
    site: Site, path: str, content: bytes, client: httpx2.Client | None = None, **headers: str
) -> httpx2.Response:
    named = {"X-Explode-Archive": "true"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return (client or site.client).put(f"/artifactory/{path}", content=content, headers=named)


@pytest.mark.parametrize(
    ("end", "content"),
    [("zip", zipped()), ("tar", tarred()), ("tar.gz", tarred(mode="w:gz")), ("tgz", tarred(mode="w:gz"))],
    ids=["zip", "tar", "tar.gz", "tgz"],
)
def test_all_files_of_an_archive_are_put_beside_its_path(site: Site, end: str, content: bytes) -> None:
    put = explode(site, f"libs/{end}/at/all.{end};k=v", content, X_Checksum_Sha1=digests(content)["sha1"])

    assert (put.status_code, put.json()["files"], put.json()["path"]) == (201, 4, f"/{end}/at")
    for name, expected in FILES.items():
        path = name.removeprefix("./")
        assert site.get(f"libs/{end}/at/{path}").content == expected
        assert site.properties("libs", f"{end}/at/{path}") == {"k": ["v"]}
    assert site.get(f"libs/{end}/at/b/c.json").headers["content-type"] == "application/json"
    assert site.get(f"libs/{end}/at/all.{end}").status_code == 404


def test_an_archive_is_unpacked_into_a_folder_that_is_named(site: Site) -> None:
    assert explode(site, "libs/folder/", tarred(), X_Explode_Archive_Atomic="true").status_code == 201

    assert site.get("libs/folder/a.txt").content == b"of a"


def test_the_newest_state_of_a_file_counts(site: Site) -> None:
    content = tarred({"x": b"old"})[:1024] + tarred({"x": b"new"})

    assert explode(site, "libs/states/a.tar", content).json()["files"] == 1

    assert site.get("libs/states/x").content == b"new"


def _zip_of(info: zipfile.ZipInfo, content: bytes = b"x") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("good", b"good")
        archive.writestr(info, content)
    return made.getvalue()


def _special(mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("evil")
    info.external_attr = mode << 16
    return info


def _encrypted() -> bytes:
    content = bytearray(zipped({"evil": b"x"}))
    content[6] |= 1
    content[content.rindex(b"PK\1\2") + 8] |= 1
    return bytes(content)


def _long_header() -> bytes:
    info = member("evil", tarfile.XHDTYPE)
    info.size = 1 << 30
    return tarred({"good": b"good"})[:1024] + info.tobuf()


def _sparse() -> bytes:
    return tarred({"good": b"good"}, [member("evil", tarfile.GNUTYPE_SPARSE)])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(zipped({"good": b"", "../evil": b""}), "'../evil'", id="zip leads out"),
        pytest.param(zipped({"good": b"", "a/../../evil": b""}), "'a/../../evil'", id="zip leads out later"),
        pytest.param(zipped({"good": b"", "/evil": b""}), "absolute", id="zip absolute"),
        pytest.param(tarred({"good": b"", "../evil": b""}), "'../evil'", id="tar leads out"),
        pytest.param(tarred({"good": b"", "/evil": b""}), "absolute", id="tar absolute"),
        pytest.param(tarred({"good": b"", "n" * 300: b""}), "bad name", id="long name"),
        pytest.param(tarred(more=[member("evil", tarfile.SYMTYPE, "/etc/passwd")]), "'evil'", id="symlink"),
        pytest.param(tarred(more=[member("evil", tarfile.LNKTYPE, "a.txt")]), "'evil'", id="hard link"),
        pytest.param(tarred(more=[member("evil", tarfile.CHRTYPE)]), "'evil'", id="device"),
        pytest.param(tarred(more=[member("evil", tarfile.FIFOTYPE)]), "'evil'", id="pipe"),
        pytest.param(_sparse(), "evil", id="sparse"),
        pytest.param(_zip_of(_special(stat.S_IFLNK)), "'evil'", id="zip symlink"),
        pytest.param(_zip_of(_special(stat.S_IFCHR)), "'evil'", id="zip device"),
        pytest.param(_encrypted(), "encrypted", id="encrypted"),
        pytest.param(_long_header(), "too large", id="a header that is read at once"),
        pytest.param(zipped({"bomb": bytes(100 * 1024**2)}), "too large", id="zip bomb"),
        pytest.param(tarred({"bomb": bytes(100 * 1024**2)}, mode="w:gz"), "too large", id="tar bomb"),
        pytest.param(tarred(mode="w:gz")[:-20], "damaged", id="cut gzip"),
        pytest.param(tarred(mode="w:gz")[:-8], "damaged", id="gzip without its checksum"),
        pytest.param(tarred(mode="w:gz")[:-8] + bytes(8), "damaged", id="gzip with a wrong checksum"),
        pytest.param(tarred({"a": b"x" * 5000})[:2000], "damaged", id="cut tar"),
        pytest.param(zipped()[:-10], "damaged", id="cut zip"),
        pytest.param(_zip_of(zipfile.ZipInfo("c"), b"of c").replace(b"of c", b"OF C", 1), "damaged", id="bad sum"),
        pytest.param(b"PK\3\4" + b"\0" * 100, "damaged", id="no zip"),
        pytest.param(zipped({"a": b"1", "a/b/c": b"2"}), "'a/b/c'", id="below a file"),
        pytest.param(tarred({"a/b/c": b"1", "a": b"2"}), "'a/b/c'", id="a file where a folder is"),
        pytest.param(b"text", "no archive", id="text"),
        pytest.param(b"", "no archive", id="nothing"),
    ],
)
def test_what_is_against_the_rules_unpacks_nothing(
    site: Site, content: bytes, words: str, request: pytest.FixtureRequest
) -> None:
    before, folder = site.places(), f"libs/{quote(request.node.name)}"

    answer = explode(site, f"{folder}/a.zip", content)

    assert answer.status_code == 400
    assert words in message(answer)
    assert site.get(f"{folder}/").status_code == 404
    assert site.places() == before


def test_a_wrong_checksum_of_the_archive_unpacks_nothing(site: Site) -> None:
    assert explode(site, "libs/refused/a.zip", zipped(), X_Checksum_Md5="0" * 32).status_code == 409

    assert site.get("libs/refused/").status_code == 404


def test_an_entry_that_may_not_be_put_keeps_all_from_being_put(site: Site) -> None:
    site.repo("fixed", immutable=True, excludes="**/*.json")
    site.put("fixed/x/a.txt", b"first")
    site.put("libs/rights/b/d/e", b"other")
    some = site.caller("unpacker", ("deploy", "libs", "rights/*.zip rights/a.txt rights/b/**"))
    before = site.places()
    files = {"new": b"new", "a.txt": b"second"}

    pattern = explode(site, "fixed/y/a.zip", zipped())
    immutable = explode(site, "fixed/x/a.zip", zipped(files))
    unnamed = explode(site, "libs/rights/a.zip", zipped(), some)
    other = explode(site, "libs/rights/a.zip", zipped({"a.txt": b"", "b/d/e": b"second"}), some)
    clash = explode(site, "libs/clash/a.zip", zipped({"x": b"file", "x/y": b"below"}))

    assert [answer.status_code for answer in (pattern, immutable, unnamed, other, clash)] == [409, 409, 403, 403, 400]
    assert "y/b/c.json" in message(pattern)
    assert "x/a.txt" in message(immutable)
    assert "rights/f" in message(unnamed)
    assert "delete" in message(other)
    assert "rights/b/d/e" in message(other)
    assert [site.get(path).status_code for path in ("fixed/x/new", "libs/rights/a.txt", "libs/clash/x/y")] == [404] * 3
    assert site.places() == before


def test_a_repository_that_holds_the_same_files_takes_the_archive_again(site: Site) -> None:
    site.repo("fixed3", immutable=True)

    assert [explode(site, "fixed3/a.zip", zipped()).status_code for _ in range(2)] == [201, 201]


def test_an_archive_beyond_the_quota_leaves_nothing_behind(tmp_path: Path) -> None:
    with Site(tmp_path, ARTIFACTS_QUOTA="1MB") as site:
        site.repo("libs")

        answer = explode(site, "libs/a.zip", zipped({"first": b"1" * 600_000, "second": b"2" * 600_000}))

        assert answer.status_code == 413
        assert site.places() == set()


async def test_an_archive_leaves_room_for_what_else_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "free", lambda _: SPARE + 10)
    place = Place(ArtifactRepository(1, "libs"), File("a.zip", "", Sums()))
    state: Any = {"blobs": None, "spool": tmp_path}
    sent = list[int]()

    async def parts() -> AsyncIterator[bytes]:
        for size in (10, 11, 12):
            sent.append(size)
            yield b"x" * size

    with pytest.raises(NoRoom):
        await unpacking.explode(state, ADMIN, place, "", parts())
    assert sent == [10, 11]


def _entries(content: bytes) -> list[str]:
    return [entry.path for entry in archives.entries(io.BytesIO(content))]


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_too_many_entries_are_refused(
    pack: Callable[[dict[str, bytes]], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "ENTRIES", 10)

    assert len(_entries(pack({str(at): b"" for at in range(10)}))) == 10
    with pytest.raises(Invalid, match="too many entries"):
        _entries(pack({str(at): b"" for at in range(11)}))


def test_the_directory_of_a_zip_is_not_read_when_it_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "DIRECTORY", 100)

    with pytest.raises(Invalid, match="too many entries"):
        _entries(zipped())
