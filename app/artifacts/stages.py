"""The tokens of running stages: a stage may use the artifact repositories that its git repository was granted.

A token is good as long as its stage runs, whatever ends the stage.
"""

from app.db.tx import Tx, one, run

#: Before the stage is locked, as what deletes the repository locks the two in this order.
SHARE = "SELECT id FROM repos WHERE id = :repo_id :shared"
ADD = """
    INSERT INTO stage_tokens (hash, repo_id, name, stage_id, expires)
    VALUES (:hash, :repo_id, :name, :stage_id, :expires)
"""
#: One token a stage, and none that is over.
TIDY = "DELETE FROM stage_tokens WHERE stage_id = :stage_id OR (repo_id = :repo_id AND expires <= :now)"
#: The state of a stage is asked where it is kept; nothing needs to tell of its end.
FIND = """
    SELECT stage_tokens.repo_id, stage_tokens.name FROM stage_tokens JOIN stages ON stages.id = stage_tokens.stage_id
    WHERE hash = :hash AND expires > :now AND stages.status IN ('pending', 'running')
"""


def add(token_hash: str, repo_id: int, name: str, stage_id: int, *, now: int, expires: int) -> Tx[None]:
    """Store the token of a stage, in place of an earlier one; `name` is stored as the one who made something."""
    yield from run(SHARE, repo_id=repo_id)
    yield from run(TIDY, stage_id=stage_id, repo_id=repo_id, now=now)
    yield from run(ADD, hash=token_hash, repo_id=repo_id, name=name, stage_id=stage_id, expires=expires)


def find(token_hash: str, now: int) -> Tx[tuple[int, str] | None]:
    """The git repository and the name of the stage that a token is of; None for another token, and after the stage."""
    row = yield from one(FIND, hash=token_hash, now=now)
    return (row["repo_id"], row["name"]) if row is not None else None
