"""The page about the architecture names the rooms that there are, in the order of the import contract."""

import re
import tomllib
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def layers() -> list[list[str]]:
    """The rooms of the import contract, from the top."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = [one for one in contracts if one["type"] == "layers"]
    return [layer.split(" | ") for layer in contract["layers"]]


def section(name: str) -> str:
    """The text of a section."""
    return PAGE.partition(f"## {name}\n")[2].partition("\n## ")[0]


def test_the_rooms_of_the_page_are_those_of_the_contract_in_its_order() -> None:
    rooms = re.findall(r"^\| `(\w+)` \|", section("Rooms"), re.MULTILINE)

    assert rooms == list(chain.from_iterable(layers()))


def test_the_rooms_of_the_contract_are_those_of_the_code() -> None:
    files = {path.stem for path in (ROOT / "app").glob("*.py")} - {"__init__"}
    folders = {path.parent.name for path in (ROOT / "app").glob("*/__init__.py")}

    assert set(chain.from_iterable(layers())) == files | folders


def test_every_place_that_the_page_names_is_there() -> None:
    for name in re.findall(r"`((?:builds|scm|pipeline|dispatch)\.[\w.]+)`", PAGE):
        parts = ["runners", *name.split(".")] if name.startswith("dispatch") else name.split(".")
        places = [ROOT.joinpath("app", *parts[:length]) for length in range(len(parts), 0, -1)]
        module = next(place for place in places if place.with_suffix(".py").exists() or place.is_dir())
        rest = parts[len(module.relative_to(ROOT / "app").parts) :]
        text = module.with_suffix(".py").read_text() if rest else ""
        assert all(re.search(rf"\b(def|class) {word}\b", text) for word in rest), name
