"""Switches that all servers of a database share: a switch is on while the database has its row."""

from typing import Literal

from app.db.tx import Tx, one, run

#: `queue`: on = the queue is paused.
Switch = Literal["queue"]

FIND = "SELECT since FROM switches WHERE name = :name"
TURN_ON = "INSERT INTO switches (name, since) VALUES (:name, :now) ON CONFLICT DO NOTHING"
TURN_OFF = "DELETE FROM switches WHERE name = :name"


def is_on(name: Switch) -> Tx[bool]:
    """Whether a switch is on."""
    return (yield from on_since(name)) is not None


def on_since(name: Switch) -> Tx[int | None]:
    """When a switch was turned on, Unix seconds; None while it is off."""
    row = yield from one(FIND, name=name)
    return row["since"] if row else None


def turn_on(name: Switch, now: int) -> Tx[None]:
    """Turn a switch on; it stays on when servers restart. A switch that is on is not changed."""
    yield from run(TURN_ON, name=name, now=now)


def turn_off(name: Switch) -> Tx[None]:
    """Turn a switch off."""
    yield from run(TURN_OFF, name=name)
