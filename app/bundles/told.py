"""What is told of versions and promotions: the messages of statuses and records (contract release-bundle 4.3). Pure."""

from collections.abc import Iterable, Sequence

from app.artifacts.times import text_of
from app.bundles.model import MessageJSON
from app.bundles.selection import NAMED, Clash
from app.errors import AppError

#: What messages name as their source.
SOURCE = "gantry"


def messages(texts: Iterable[str], at: int) -> list[MessageJSON]:
    """Messages of one moment, Unix milliseconds."""
    return [MessageJSON(source=SOURCE, text=text, created=text_of(at)) for text in texts]


def why(error: AppError) -> list[str]:
    """What is told of something that failed: of clashes the number and the first ones, else the error."""
    return [error.number, *error.named] if isinstance(error, Clash) else [error.message]


def left(places: Sequence[str]) -> list[str]:
    """What is told of files that a move leaves where they are, as somebody else has put them."""
    found = [f"{place} was put there since by somebody else, so it was left there" for place in places[:NAMED]]
    if len(places) > NAMED:
        found.append(f"{len(places) - NAMED} more files were put since by somebody else, and were left there")
    return found
