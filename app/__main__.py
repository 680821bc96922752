"""`gantry`, and `python -m app`: hides the environment of a command that lasts, then runs the command."""

import gc
import sys

from app.settings import handover

#: Commands that run for long, with secrets in their environment.
LASTING = {"serve", "runner"}
#: New objects after which Python looks for garbage in cycles: imports make many objects that stay.
NEW_OBJECTS = 50_000


def main() -> None:
    """Run the command of this process's arguments."""
    if not LASTING.isdisjoint(sys.argv[1:]):
        handover.hide()  # before the imports of all else, which take longer than a start anew
    gc.set_threshold(NEW_OBJECTS, 20, 20)
    from app.cli import main as command

    command(prog_name="gantry")


if __name__ == "__main__":
    main()
