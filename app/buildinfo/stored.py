"""The stored files that belong to a run, as far as the caller may read them (contract artifactory-build 5)."""

from collections.abc import Sequence

from app.artifacts.access import Visitor
from app.buildinfo import access, linking
from app.buildinfo.linking import Candidate
from app.buildinfo.model import Entries, Run
from app.db.tx import Tx


def of_run(visitor: Visitor, key: str, run: Run, entries: Entries) -> Tx[Sequence[Candidate]]:
    """The files of what the modules of a run list; `key` is of the repository of the run."""
    known = yield from linking.candidates(run.name, run.number, key)
    known = [*known, *(yield from linking.at_own_places(entries.artifacts))]
    fitting = {file.item_id: file for _, files in linking.belonging(entries.artifacts, known) for file in files}
    return [file for file in fitting.values() if access.may_read_file(visitor, file)]
