"""What says that it is pure is checked: the contract of import-linter names every module that says so."""

import ast
import re
import tomllib
from pathlib import Path

from tests.source import tree_of

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = "what says that it is pure is pure"


def named() -> set[str]:
    """The modules and packages that the contract names."""
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (found,) = [contract for contract in linter["contracts"] if contract["name"] == CONTRACT]
    return set(found["source_modules"])


def saying() -> set[str]:
    """The modules whose docstring says "Pure"; a package says it for all that is in it."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "app").rglob("*.py")
        if re.search(r"\bPure\b", ast.get_docstring(tree_of(path)) or "")
    }


def test_the_contract_names_what_says_that_it_is_pure_and_nothing_else() -> None:
    assert named() == saying()
