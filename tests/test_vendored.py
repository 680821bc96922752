"""The files of others are what their manifests say, and `make vendor` takes nothing else."""

import base64
import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MANIFESTS = [ROOT / name for name in re.findall(r"\S+vendor\.toml", (ROOT / "Makefile").read_text())]


def entries(manifest: Path) -> list[dict[str, str]]:
    files: list[dict[str, str]] = tomllib.loads(manifest.read_text())["files"]
    return files


def sha384(content: bytes) -> str:
    return base64.b64encode(hashlib.sha384(content).digest()).decode()


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.parent.name)
def test_the_files_of_a_folder_are_those_of_its_manifest(manifest: Path) -> None:
    there = {path.name: sha384(path.read_bytes()) for path in manifest.parent.iterdir() if path != manifest}

    assert there == {entry["name"]: entry["sha384"] for entry in entries(manifest)}
    assert all(entry["licence"] and entry["version"] and entry["url"] for entry in entries(manifest))


def test_every_folder_with_files_of_others_is_named() -> None:
    assert {path for folder in ("app", "fixtures") for path in (ROOT / folder).rglob("vendor.toml")} == set(MANIFESTS)


def fetch(folder: Path, content: str, digest: str) -> "subprocess.CompletedProcess[str]":
    """Fetch a file that a registry has with this content, and that the manifest wants with this hash."""
    package = folder / "registry" / "package"
    package.mkdir(parents=True)
    (package / "code.js").write_text(content)
    with tarfile.open(package.parent / "code-1.0.0.tgz", "w:gz") as archive:
        archive.add(package, "package")
    npm = folder / "npm"
    npm.write_text(f"#!/bin/sh\ncp {package.parent}/code-1.0.0.tgz . && echo code-1.0.0.tgz\n")
    npm.chmod(0o755)
    said = {"name": "code.js", "package": "code", "version": "1.0.0", "path": "code.js", "sha384": digest}
    lines = "".join(f'{key} = "{value}"\n' for key, value in said.items())
    (folder / "vendor.toml").write_text(f"[[files]]\n{lines}")
    command = [sys.executable, str(ROOT / ".ci" / "vendor.py"), str(folder / "vendor.toml")]
    env = {"PATH": f"{folder}:{os.environ['PATH']}"}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_a_file_with_the_hash_of_its_manifest_is_taken(tmp_path: Path) -> None:
    done = fetch(tmp_path, "ours();", sha384(b"ours();"))

    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "code.js").read_text() == "ours();"


def test_a_file_with_another_hash_is_refused_and_the_old_one_stays(tmp_path: Path) -> None:
    (tmp_path / "code.js").write_text("ours();")

    done = fetch(tmp_path, "theirs();", sha384(b"ours();"))

    assert done.returncode == 1
    assert sha384(b"theirs();") in done.stderr
    assert (tmp_path / "code.js").read_text() == "ours();"
