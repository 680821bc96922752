"""The SQL of cards: the data is in the table of cards, the address of the template in the row of the step."""

from app.builds.model import Step
from app.db.tx import Tx, one, run
from app.errors import Conflict, NotFound

CREATE = "INSERT INTO cards (step_id, data) VALUES (:step_id, :data) ON CONFLICT DO NOTHING RETURNING step_id"
REPLACE = """
    INSERT INTO cards (step_id, data) VALUES (:step_id, :data) ON CONFLICT (step_id) DO UPDATE SET data = excluded.data
"""
#: The version of the step stays: the next report of the step's runner has that version, and must not be refused.
SET_SCHEMA = "UPDATE steps SET card_schema = :schema WHERE id = :step_id"
OF_STEP = "SELECT data FROM cards WHERE step_id = :step_id"
DELETE = "DELETE FROM cards WHERE step_id = :step_id RETURNING step_id"


def create(step: Step, schema: str, data: str) -> Tx[None]:
    """Give a step its card, JSON text, and the address of its template; Conflict when the step has a card already."""
    if (yield from one(CREATE, step_id=step.id, data=data)) is None:
        raise Conflict(f"step {step.name} has a card already; delete it first", code="card_exists")
    yield from run(SET_SCHEMA, step_id=step.id, schema=schema)


def replace(step_id: int, data: str) -> Tx[None]:
    """Give a step its card, JSON text, in place of an earlier card: a runner may send a card twice."""
    yield from run(REPLACE, step_id=step_id, data=data)


def find(step: Step) -> Tx[str]:
    """The data of a step's card as JSON text; NotFound."""
    row = yield from one(OF_STEP, step_id=step.id)
    if row is None:
        raise NotFound(f"step {step.name} has no card")
    text: str = row["data"]
    return text


def delete(step: Step) -> Tx[None]:
    """Remove a step's card; the step keeps the address of the template (contract drone-rest 3.5). NotFound."""
    if (yield from one(DELETE, step_id=step.id)) is None:
        raise NotFound(f"step {step.name} has no card")
