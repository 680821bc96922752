"""`gantry artifact`: the artifacts of a server."""

import click

from app.cli.artifact_store import gc, verify


@click.group()
def artifact() -> None:
    """Look after stored artifacts."""


artifact.add_command(gc)
artifact.add_command(verify)
