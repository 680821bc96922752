"""`python -m app` is the `gantry` command."""

from app.cli import main

main(prog_name="gantry")
