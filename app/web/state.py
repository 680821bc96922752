"""What every request finds in its state; `main` puts it there."""

from typing import TypedDict

from app.db.connect import Database


class State(TypedDict):
    """The part that all rooms share; rooms above add theirs."""

    db: Database
