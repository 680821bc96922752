"""Transfers of exported versions: files that are sent and received as they are, and read for verification."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from app.cli.remote.artifacts import Tell, pieces
from app.cli.remote.bundles import own
from app.cli.remote.client import Client, Json, decode


def export(
    client: Client, name: str, version: str, target: Path, query: Mapping[str, str], begin: Callable[[int], Tell]
) -> int:
    """Write a version to a file, whole or not at all; its size. `begin` is told how many bytes will come."""
    part = target.with_name(f"{target.name}.part")
    try:
        with client.reading(own(name, version, "export"), {}, query=query) as response:
            size = int(response.headers.get("Content-Length", "0"))
            tell = begin(size)
            with part.open("wb") as file:
                for piece in response.iter_raw():
                    file.write(piece)
                    tell(len(piece))
                file.flush()
                os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return size


def send(client: Client, file: Path, query: Mapping[str, str], tell: Tell) -> Json:
    """Import a version from a file; the server's answer."""
    headers = {"Content-Length": str(file.stat().st_size), "Content-Type": "application/x-tar"}
    response = client.send("POST", own("import"), query=query, headers=headers, content=pieces(file, tell))
    answer = decode(client.connection, response)
    return answer if isinstance(answer, dict) else {}
