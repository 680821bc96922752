"""Writes files whole or not at all."""

import os
import tempfile
from pathlib import Path


def write(path: Path, text: str, mode: int) -> None:
    """Write a text to a file with these permissions, and replace an old file; OSError leaves the old file unchanged."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            os.fchmod(handle, mode)
            file.write(text)
        Path(name).replace(path)
    except BaseException:  # after an interrupt, too: no half-written file is left
        Path(name).unlink()
        raise
