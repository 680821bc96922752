"""The ids of events of builds, which anybody can compute again who knows the build. Pure."""

from uuid import NAMESPACE_URL, uuid5


def key_of(server: str, slug: str, number: int, created: int, name: str, part: str = "") -> str:
    """The id of an event: the same however often the event is made, and for all subscribers.

    `server` is the public address of this server; `slug`, `number` and `created` (Unix seconds) are of the build and
    its repository: a number is given again after the repository was deleted and made anew. `part` is what of the build
    the event is about, if the event is not about the whole build: the number of a stage, or of a stage and a step.
    """
    return str(uuid5(NAMESPACE_URL, f"{server}/{slug}/{number}?created={created}&type={name}&part={part}"))


def chain_of(server: str, slug: str, commit: str) -> str:
    """The id that all events share that are about one commit of a repository: of its push, and of its promotions."""
    return str(uuid5(NAMESPACE_URL, f"{server}/{slug}?commit={commit}"))
