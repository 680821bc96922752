"""Who administers a namespace of a host (contract scm-api 6): an account, or an organisation or a group."""

from abc import abstractmethod
from urllib.parse import quote

from app.scm.forge import Credential, Organisations, Person, Refused
from app.scm.served import Served


class WithOrganisations(Served, Organisations):
    """A host with roles in organisations, or groups."""

    async def administers(self, credential: Credential, namespace: str) -> bool:
        """See Organisations."""
        person = await self.person(credential)
        if person.login.lower() == namespace.lower():
            return True
        try:
            return await self._administers(credential, person, quote(namespace, safe=""))
        except Refused as error:
            if not error.absent:
                raise
            return False

    @abstractmethod
    async def _administers(self, credential: Credential, person: Person, organisation: str) -> bool:
        """Whether a person administers an organisation, whose name is quoted; Refused when it is not there."""
