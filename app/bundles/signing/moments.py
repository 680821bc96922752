"""What happens to key pairs. The facts never have a private half."""

from app.bundles.signing.store import KeyPair
from app.moments import Actor, Change, Facts


def created(by: Actor, pair: KeyPair) -> Change:
    """A pair was made or registered."""
    return Change("key_pair.create", by, pair.name, after=_facts(pair))


def rotated(by: Actor, before: KeyPair, after: KeyPair) -> Change:
    """A pair was replaced by a new one of its name."""
    return Change("key_pair.rotate", by, after.name, before={"keyid": before.keyid}, after={"keyid": after.keyid})


def deleted(by: Actor, pair: KeyPair) -> Change:
    """A pair signs nothing more; what it has signed can be verified."""
    return Change("key_pair.delete", by, pair.name, before=_facts(pair))


def forgotten(by: Actor, name: str, pairs: int) -> Change:
    """All pairs of a name were removed: nothing that they have signed can be verified any more."""
    return Change("key_pair.forget", by, name, before={"pairs": pairs})


def _facts(pair: KeyPair) -> Facts:
    known = {"keyid": pair.keyid} if pair.keyid else {}
    return {"type": pair.type, "alias": pair.alias, **known}
