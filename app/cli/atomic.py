"""Files that are written whole or not at all."""

import os
import tempfile
from pathlib import Path


def write(path: Path, text: str, mode: int) -> None:
    """Put a text where a file was or is to be, with these permissions; OSError leaves what was there."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            os.fchmod(handle, mode)
            file.write(text)
        Path(name).replace(path)
    except BaseException:  # interrupted, too: nothing half-written stays behind
        Path(name).unlink()
        raise
