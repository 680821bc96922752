"""What has happened to the refs of a repository between two looks. Pure."""

from collections.abc import Iterator, Mapping

from app.scm.hook import Push


def changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Push]:
    """The pushes that lead from the old ids of refs to the new ones, by name; one push for each ref."""
    for ref in sorted(old.keys() | new.keys()):
        before, after = old.get(ref), new.get(ref)
        if before != after:
            zeros = "0" * len(before or after or "")
            yield Push(before=before or zeros, after=after or zeros, ref=ref)
