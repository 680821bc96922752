"""Fetches the files of others that are kept in this repository: vendor.py MANIFEST…

A manifest, `vendor.toml`, stands beside the files. It names the package of npm's registry that has a file, and the hash
that the file must have: a new version is taken by writing the version and the hash there.
"""

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path


def main(manifests: list[Path]) -> None:
    """Write the files of these manifests; ends with a message, and writes nothing, if a file has another hash."""
    fetched: dict[Path, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        for manifest in manifests:
            for entry in tomllib.loads(manifest.read_text())["files"]:
                fetched[manifest.with_name(entry["name"])] = _checked(manifest, entry, Path(folder))
    for path, content in fetched.items():
        path.write_bytes(content)


def _checked(manifest: Path, entry: dict[str, str], folder: Path) -> bytes:
    content = _packed(f"{entry['package']}@{entry['version']}", entry["path"], folder)
    digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
    if digest != entry["sha384"]:
        sys.exit(f"{manifest}: sha384 of {entry['name']} is {entry['sha384']!r}, but what was fetched has {digest!r}")
    return content


def _packed(package: str, path: str, folder: Path) -> bytes:
    """A file of a package, which npm fetches without running anything of it."""
    command = ["npm", "pack", "--silent", "--ignore-scripts", package]
    done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    with tarfile.open(folder / done.stdout.split()[-1]) as archive:
        inside = f"package/{path}"
        file = archive.extractfile(inside) if inside in archive.getnames() else None
        if file is None:
            sys.exit(f"{package} has no file {path}")
        return file.read()


if __name__ == "__main__":
    main([Path(word) for word in sys.argv[1:]])
