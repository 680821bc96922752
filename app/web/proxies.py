"""Reverse proxies before the server: whose client a request is, by the headers that trusted proxies add."""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from starlette.types import Scope

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Bytes at the end of a header that are read: the proxies that are near stand at the end.
_READ = 4096
#: An element of a list, and a pair of an element (RFC 7239 4); a quoted text may hold commas and semicolons.
_ELEMENT = re.compile(r'(?:[^,"]|"[^"]*")+')
_PAIR = re.compile(r'\s*([A-Za-z]+)=("[^"]*"|[^;\s]*)\s*(?:;|$)')
_SCHEMES = ("http", "https")


class Proxies:
    """The trusted proxies. Only their headers count, for everybody may send such headers."""

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(networks)

    def __contains__(self, host: str) -> bool:
        """Whether a proxy has this address."""
        return bool(self._networks) and (found := _address(host)) is not None and self._trusts(found)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks if network.version == address.version)

    def unwrap(self, scope: Scope) -> None:
        """Give a request that a proxy has forwarded the address and the scheme of the proxy's client.

        X-Forwarded-For and Forwarded may both be there: most proxies add to one, and pass the other one on as the
        client has sent it. When they name different clients, neither counts.
        """
        host = (scope.get("client") or ("",))[0]
        if host not in self:
            return
        listed = [(hop.strip(), "") for hop in _joined(scope, b"x-forwarded-for").split(",") if hop.strip()]
        told = [_told(element) for element in _ELEMENT.findall(_joined(scope, b"forwarded"))]
        client, _ = self._client(host, listed)
        other, scheme = self._client(host, told)
        if listed and told and client != other:
            return
        scheme = _joined(scope, b"x-forwarded-proto").rpartition(",")[2].strip().lower() or scheme
        scope["client"] = (client if listed else other, 0)
        if scheme in _SCHEMES:
            scope["scheme"] = scheme

    def _client(self, host: str, hops: Sequence[tuple[str, str]]) -> tuple[str, str]:
        """The address that stands before the trusted proxies, and what is said beside the address.

        An address that cannot be read hides all before it.
        """
        client, beside = host, ""
        for text, said in reversed(hops):
            if (address := _address(text)) is None:
                break
            client, beside = str(address), said
            if not self._trusts(address):
                break
        return client, beside


def _joined(scope: Scope, name: bytes) -> str:
    """The values of a header, its last bytes."""
    return ",".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)[-_READ:]


def _told(element: str) -> tuple[str, str]:
    """`for` and `proto` of an element of Forwarded."""
    pairs = {name.lower(): value.strip('"') for name, value in _PAIR.findall(element)}
    return pairs.get("for", ""), pairs.get("proto", "").lower()


def _address(text: str) -> Address | None:
    """An address, which may have a port; None for a name."""
    host = text
    if text.startswith("["):
        host = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        host = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
