import pytest

from app.convert.fault import Fault
from app.convert.imports import Imports
from app.errors import Invalid, NotFound, Unavailable, Unreadable


async def read(path: str) -> str:
    """A repository where every file holds its path."""
    return path


async def found(imports: Imports, folder: str | None, name: str) -> str:
    path, text = await imports.find(folder, name)
    assert text == path
    return path


async def refused(imports: Imports, name: str, folder: str | None = None) -> str:
    with pytest.raises(Fault) as caught:
        await imports.find(folder, name)
    return caught.value.reason


@pytest.mark.parametrize(
    ("folder", "name", "path"),
    [
        (None, "a", "ci/a"),
        (None, "./a", "ci/a"),
        (None, "../a", "a"),
        ("", "a", "a"),
        ("", "x/../a", "a"),
        ("x/y", "../../a", "a"),
        ("x/y", "..a", "x/y/..a"),
        ("x//y", "a//b", "x/y/a/b"),
    ],
)
async def test_a_name_counts_from_the_folder_of_the_file_that_imports(folder: str | None, name: str, path: str) -> None:
    assert await found(Imports("ci/.drone.jsonnet", 1, read), folder, name) == path


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../..", "../../a", "/a", "//a", "x/../../../a", "/etc/passwd", "a\0b", "../../ci/a"]
)
async def test_no_name_leaves_the_repository(name: str) -> None:
    assert "an import names a file of the repository" in await refused(Imports("ci/p", 1, read), name)


async def test_a_file_that_is_imported_twice_counts_and_is_read_once() -> None:
    asked: list[str] = []

    async def counted(path: str) -> str:
        asked.append(path)
        return path

    imports = Imports("p", 2, counted)
    for name in ("a", "./a", "b", "b/../a"):
        await found(imports, "", name)

    assert asked == ["a", "b"]
    assert await refused(imports, "c") == "it imports more files than GANTRY_JSONNET_IMPORT_LIMIT allows (2)"


async def test_one_file_has_not_any_number_of_names() -> None:
    imports = Imports("p", 1, read)
    for number in range(1000):
        await imports.find(None, "./" * number + "a")

    assert await refused(imports, "a") == "it imports files by more than 1000 names"


async def test_the_files_have_a_size_together() -> None:
    async def large(_path: str) -> str:
        return "x" * 5_000_000

    imports = Imports("p", 9, large)
    await imports.find(None, "a")

    assert await refused(imports, "b") == "the imported files have more than 8388608 characters together"


@pytest.mark.parametrize("error", [Unreadable("it is no text"), NotFound("it is no text"), Invalid("it is no text")])
async def test_a_file_that_cannot_be_read_is_named(error: Exception) -> None:
    async def fails(_path: str) -> str:
        raise error

    assert await refused(Imports("p", 1, fails), "a") == 'cannot import "a": it is no text'


async def test_a_repository_that_cannot_be_reached_is_no_fault_of_the_file() -> None:
    async def fails(_path: str) -> str:
        raise Unavailable("not now")

    with pytest.raises(Unavailable):
        await Imports("p", 1, fails).find(None, "a")


async def test_without_leave_nothing_is_read() -> None:
    assert "GANTRY_JSONNET_IMPORT_LIMIT" in await refused(Imports("p", 0, read), "a")
    assert "a template cannot import files" in await refused(Imports("p", 5), "a")
