"""Stores of blobs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.artifacts.blobs.folder import FolderStore


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of the blobs."""
    return tmp_path / "blobs"


@pytest.fixture
def store(root: Path) -> Iterator[FolderStore]:
    """A store in a folder."""
    made = FolderStore(root)
    made.prepare()
    yield made
    made.close()
