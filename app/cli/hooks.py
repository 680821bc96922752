"""Installs the hook of a git repository on this machine."""

import os
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from app.cli import atomic
from app.errors import Conflict, Invalid


def hook_path(git_url: str) -> Path:
    """The path of the post-receive hook of a `file://` repository, bare or with a working tree."""
    parts = urlsplit(git_url)
    if parts.scheme != "file":
        raise Invalid(f"--install works on file:// repositories only; print the script and put it where {git_url} lies")
    root = Path(url2pathname(parts.path))
    for folder in (root, root / ".git"):
        if (folder / "HEAD").is_file() and (folder / "objects").is_dir():
            return folder / "hooks" / "post-receive"
    raise Invalid(f"{root} is no git repository on this machine; print the script and put it where it is one")


def install_hook(path: Path, script: str, *, force: bool) -> str:
    """Write a hook whole or not at all, for its owner only; returns a message that says what was done.

    Raises `Conflict` if another hook exists, unless `force`.
    """
    try:
        if path.is_file() and path.read_bytes() == script.encode():
            path.chmod(0o700)
            return f"already installed: {path}"
        if os.path.lexists(path) and not force:
            raise Conflict(
                f"{path} exists and is another hook: give --force to replace it, or call both from one script"
            )
        path.parent.mkdir(exist_ok=True)
        atomic.write(path, script, 0o700)
    except OSError as error:
        raise Invalid(f"cannot write {path}: {error.strerror}") from error
    return f"installed: {path}"
