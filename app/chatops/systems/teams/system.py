"""Teams, as the settings name it: which requests are taken, and where later answers go."""

from collections.abc import Mapping, Sequence, Set
from urllib.parse import urlsplit

from app.chatops.model import NOWHERE, Answer, Place, Request
from app.chatops.systems.teams import reading
from app.chatops.systems.teams.messages import card, message
from app.chatops.systems.teams.signature import verify
from app.errors import Unauthorized
from app.scm.client import Call, Client

#: Later answers to one request, and the seconds in which they come.
ANSWERS, OPEN = 20, 7 * 24 * 3600


class Teams:
    """One outgoing webhook. `workflow` is the address that later answers go to; with none there are none."""

    def __init__(
        self, secrets: Sequence[str], tenants: Set[str], client: Client, public_url: str, workflow: str = ""
    ) -> None:
        self._secrets = secrets
        self._tenants = tenants
        self._client = client
        self._public_url = public_url
        self._workflow = workflow

    def command(self, headers: Mapping[str, str], body: bytes, now: int, address: str) -> Request:
        """The command of a request; Unauthorized when Teams has not signed the request, or not just now."""
        if not verify(self._secrets, headers.get("authorization", ""), body):
            raise Unauthorized
        place = Place(channel="workflow") if self._workflow else NOWHERE
        return reading.command(body, self._tenants, now, address, place)

    def message(self, answer: Answer) -> dict[str, str]:
        """The answer to a command."""
        return message(answer, self._public_url, followed=bool(self._workflow))

    @property
    def most(self) -> int:
        """How many later answers a request has."""
        return ANSWERS

    @property
    def lifetime(self) -> int:
        """Seconds in which they come."""
        return OPEN

    def host(self, _place: Place) -> str:
        """The machine that takes later answers."""
        return urlsplit(self._workflow).hostname or ""

    async def later(self, place: Place, answer: Answer) -> Place:
        """Post an answer through the workflow, which cannot change what was posted."""
        parts = urlsplit(self._workflow)
        secrets = (parts.query, parts.path)
        call = Call("POST", self._workflow, json=card(answer, self._public_url), secrets=secrets)
        await self._client.send(call, wanted=False)
        return place
