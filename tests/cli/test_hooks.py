import subprocess
from pathlib import Path

import pytest

from app.cli.hooks import hook_path, install_hook
from app.errors import Conflict, Invalid


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    path = tmp_path / "my repo.git"
    subprocess.run(["git", "init", "--quiet", "--bare", path], check=True)
    return path


def test_hook_that_is_a_dangling_link_is_another_hook(tmp_path: Path) -> None:
    path = tmp_path / "post-receive"
    path.symlink_to("nowhere")

    with pytest.raises(Conflict):
        install_hook(path, "#!/bin/sh\n", force=False)


def test_hook_lies_in_a_bare_repository(bare: Path) -> None:
    assert hook_path(bare.as_uri()) == bare / "hooks" / "post-receive"


def test_hook_lies_in_dot_git_of_a_working_tree(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)

    assert hook_path(tmp_path.as_uri()) == tmp_path / ".git" / "hooks" / "post-receive"


def test_hook_of_a_repository_elsewhere_is_not_installed(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="works on file:// repositories only"):
        hook_path("https://git.example.com/x.git")
    with pytest.raises(Invalid, match="is no git repository on this machine"):
        hook_path(tmp_path.as_uri())


def test_hook_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "hooks").write_text("a file")

    with pytest.raises(Invalid, match=r"cannot write .*/hooks/post-receive: "):
        install_hook(tmp_path / "hooks" / "post-receive", "#!/bin/sh\n", force=False)
