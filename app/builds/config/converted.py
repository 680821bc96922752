"""The SQL of converted pipeline files: a build runs the file as it was planned, also if a template changes later."""

from app.db.tx import Tx, one, run

KEEP = "INSERT INTO converted (build_id, text) VALUES (:build_id, :text)"
OF_BUILD = "SELECT text FROM converted WHERE build_id = :build_id"


def keep(build_id: int, text: str) -> Tx[None]:
    """Keep the converted file of a new build."""
    yield from run(KEEP, build_id=build_id, text=text)


def find(build_id: int) -> Tx[str | None]:
    """The converted file of a build; None when its file is plain YAML."""
    row = yield from one(OF_BUILD, build_id=build_id)
    return str(row["text"]) if row else None
