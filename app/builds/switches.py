"""What all servers of a database agree on: a switch is on as long as its row is there."""

from typing import Literal

from app.db.tx import Tx, one, run

#: `queue`: on = it is paused.
Switch = Literal["queue"]

FIND = "SELECT since FROM switches WHERE name = :name"
TURN_ON = "INSERT INTO switches (name, since) VALUES (:name, :now) ON CONFLICT DO NOTHING"
TURN_OFF = "DELETE FROM switches WHERE name = :name"


def is_on(name: Switch) -> Tx[bool]:
    """Whether it is on."""
    return (yield from one(FIND, name=name)) is not None


def turn_on(name: Switch, now: int) -> Tx[None]:
    """From now on it is on, also over restarts; one that is on stays as it is."""
    yield from run(TURN_ON, name=name, now=now)


def turn_off(name: Switch) -> Tx[None]:
    """From now on it is off."""
    yield from run(TURN_OFF, name=name)
