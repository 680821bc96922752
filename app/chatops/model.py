"""A command or a pressed button of any chat, and the answer, in a form that no chat has. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

#: What a command comes from: a chat, a bot of one's own (`chat`), or the comments of a host.
System: TypeAlias = Literal["slack", "mattermost", "teams", "chat", "github", "gitea", "gitlab"]


@dataclass(frozen=True, slots=True)
class Person:
    """Who types or presses, as the chat knows the person. `user` never changes, `name` is only shown."""

    system: System
    #: The workspace, team or tenant, or the name of the host: ids of users are unique in it.
    tenant: str
    user: str
    name: str = ""
    #: The name of the tenant, which is only shown.
    tenant_name: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where later answers go: what the system needs in order to post there, JSON values in its own words."""

    #: An address that posts whatever it is sent, for a while: a secret.
    url: str = field(default="", repr=False)
    channel: str = ""
    #: The message that is changed, or under which the answer is written.
    message: str = ""
    thread: str = ""
    #: Who has asked, where only that person may press the buttons of an answer.
    asker: str = ""

    def __bool__(self) -> bool:
        """Whether later answers go anywhere: `Place()` is nowhere."""
        return self != NOWHERE


NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Subject:
    """What a command is about that names no build: the repository and the commit of a pull request."""

    repo: str
    #: Empty for an issue, and for a pull request that is closed.
    commit: str = ""
    #: Number of the newest build of the commit that succeeded; 0 for none.
    build: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """A command."""

    by: Person
    text: str
    #: What makes the request one of its kind: the same request has the same key (contract gantry-chatops 6.4).
    key: str
    place: Place = NOWHERE
    #: Network address that the request came from.
    address: str = ""
    subject: Subject | None = None


@dataclass(frozen=True, slots=True)
class Press:
    """A pressed button."""

    by: Person
    #: The value of the button, which this server has signed.
    value: str
    key: str
    #: Where later answers go; `message` is the message with the button.
    place: Place = NOWHERE
    #: Network address that the request came from.
    address: str = ""
    #: Whether the chat shows nothing of what a press is answered with: then the answer is a later one, in its place.
    unanswered: bool = False


@dataclass(frozen=True, slots=True)
class Button:
    """A button of a message: `value` is signed, `confirm` is asked before the press counts; empty for no question."""

    label: str
    value: str
    style: Literal["", "primary", "danger"] = ""
    confirm: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person or a channel is shown.

    `text` is plain, with `code` in backquotes, blocks between lines of three backquotes, and links as `[words](url)`;
    each system writes these, and escapes the rest, in its own way.

    The answer to a press takes the place of the message with the button if it is `public`; else only the person sees
    it, and the message stays as it is.
    """

    text: str
    #: Whether the channel sees the answer, or the person alone.
    public: bool = False
    #: Number of the build that the answer is about, and the slug of its repository; 0 for none.
    build: int = 0
    repo: str = ""
    buttons: Sequence[Button] = ()


class Writer(Protocol):
    """Writes later answers where one system shows them. One for each system that takes any."""

    @property
    def most(self) -> int:
        """How many later answers a place takes."""
        ...

    @property
    def lifetime(self) -> int:
        """Seconds after its request in which a place takes them."""
        ...

    def host(self, place: Place) -> str:
        """The name of what is called: calls to one host share limits and pauses. `hooks.slack.com`."""
        ...

    async def later(self, place: Place, answer: Answer) -> Place:
        """Show an answer in a place, instead of what this server has shown there before if the system can do that.

        Returns where the next answer goes. Unavailable when a later attempt may succeed, Later (of `scm.forge`) when
        none shall be made before a time; every other AppError when none will.
        """
        ...
