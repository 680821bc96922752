"""Statements about an item and all below it.

Each such statement has two texts, one for a whole repository: a condition that may be left out, by a parameter, would
keep SQLite from finding the items by their index.
"""

from dataclasses import dataclass

from app.artifacts.model import parted

#: What is directly in an item, what is deeper, and the item. Each part names the repository again: so SQLite uses the
#: index of paths for each.
_PART = """(
    (items.repo_id = :repo_id AND items.path = :inside)
    OR (items.repo_id = :repo_id AND items.path >= :below AND items.path < :after)
    OR (items.repo_id = :repo_id AND items.path = :outside AND items.name = :name)
)"""
_WHOLE = "items.repo_id = :repo_id"


@dataclass(frozen=True, slots=True)
class Statement:
    """The two texts of a statement."""

    part: str
    whole: str

    def of(self, path: str) -> str:
        """The text for the tree of a path; the empty path is a whole repository, with the folder that it is."""
        return self.part if path else self.whole


def statement(text: str) -> Statement:
    """The statement of a text in which `{tree}` stands for the condition on rows of `items`."""
    return Statement(text.replace("{tree}", _PART), text.replace("{tree}", _WHOLE))


def parameters(repo_id: int, path: str) -> dict[str, int | str]:
    """The parameters of the condition."""
    if not path:
        return {"repo_id": repo_id}
    outside, name = parted(path)
    # "0" is the character behind "/": what begins with the path and a slash stands before it.
    return {
        "repo_id": repo_id,
        "inside": path,
        "below": f"{path}/",
        "after": f"{path}0",
        "outside": outside,
        "name": name,
    }
