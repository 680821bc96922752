"""A delivery that is known: it has become a build, or it waits until its repository can be read."""

from dataclasses import dataclass

from app.moments import Actor
from app.scm.hook import Push


@dataclass(frozen=True)
class Delivery:
    """One push of a repository, as its hook has told of it. Times are Unix seconds."""

    id: int
    repo_id: int
    #: The sender's id of the delivery, or one of the server's own when the sender gives none.
    name: str
    ref: str
    before: str
    after: str
    sender: str
    options: tuple[str, ...]
    #: The address that the delivery came from, and the id of its request in the log.
    address: str
    request: str
    received: int
    #: The number of the delivery's build; 0 for none yet.
    build: int = 0
    #: When the next attempt is due; 0 for a delivery that does not wait.
    due: int = 0
    #: How many attempts were made, the first one with the push itself, and why the last one has failed.
    tries: int = 0
    error: str = ""

    @classmethod
    def of(cls, repo_id: int, push: Push, by: Actor, now: int, *, name: str = "") -> "Delivery":
        """The delivery of a push that is received now; `name` is for a push whose sender gives no id."""
        return cls(
            id=0,
            repo_id=repo_id,
            name=push.delivery or name,
            ref=push.ref,
            before=push.before,
            after=push.after,
            sender=push.sender,
            options=push.options,
            address=by.address,
            request=by.request,
            received=now,
        )

    @property
    def by(self) -> Actor:
        """The hook, as the actor of moments."""
        return Actor("hook", self.sender, address=self.address, way="hook", request=self.request)

    def push(self, slug: str) -> Push:
        """The push that the delivery tells of."""
        return Push(slug, self.before, self.after, self.ref, self.sender, self.options, self.name)
