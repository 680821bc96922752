"""The code of the project, as trees."""

import ast
import gc
from pathlib import Path


def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a file.

    A parser of Python 3.11 raises SystemError now and then when the garbage collector runs meanwhile, so that waits.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    finally:
        if collects:
            gc.enable()
