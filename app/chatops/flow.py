"""From a command or a pressed button to what it does, and to its answer."""

from app.builds.ports import Ports
from app.chatops.model import Answer, Press, Request


class Chat:
    """Carries out what people ask for in chats, with the rights of their accounts here.

    Errors that people make are answers, never exceptions. An answer comes within two seconds; what takes longer is
    answered later, in the place of the request.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def command(self, request: Request) -> Answer:
        """Carry out a command."""
        raise NotImplementedError

    async def press(self, press: Press) -> Answer:
        """Carry out what a pressed button says."""
        raise NotImplementedError
