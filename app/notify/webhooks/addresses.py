"""Which addresses of the network webhooks may be sent to (contract gantry-webhooks 7). Pure.

Who may make a subscription must not make the server call what only the server can reach.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network


def _networks(*texts: str) -> Sequence[IPv4Network | IPv6Network]:
    return [ip_network(text) for text in texts]


#: Where clouds tell a machine its credentials: never called, whatever the settings say.
METADATA = _networks(
    *("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    *("fd00:ec2::/32", "fd20:ce::/64"),
)
#: What the setting lifts: this machine itself, and private networks, also those of providers.
PRIVATE = _networks(
    *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),
    *("::1", "fc00::/7", "fec0::/10", "64:ff9b:1::/48"),
)
#: What no receiver can have: this network, link-local addresses, protocols of their own, documentation, benchmarks,
#: multicast, what is reserved. Ours and not Python's own list, which differs from one version to the next.
SPECIAL = _networks(
    *("0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15"),
    *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3", "2001::/23", "2001:db8::/32", "3fff::/20"),
)
#: The part of IPv6 whose addresses are given out.
_GIVEN_OUT = IPv6Network("2000::/3")
#: Networks of IPv6 whose addresses lead to an address of IPv4, and the bits that follow that one.
_EMBEDDED: tuple[tuple[IPv6Network, int], ...] = (
    (IPv6Network("::ffff:0:0/96"), 0),
    (IPv6Network("::ffff:0:0:0/96"), 0),
    (IPv6Network("::/96"), 0),
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("2002::/16"), 80),
)
_SETTING = "GANTRY_WEBHOOK_ALLOW_PRIVATE"


def fault(text: str, *, private: bool) -> str:
    """Why an address may not be called; empty for one that may. `private` lifts what the setting lifts."""
    address = _reached(ip_address(text.partition("%")[0]))
    if any(address in network for network in METADATA):
        return "is an address at which clouds tell credentials, which is never called"
    if any(address in network for network in PRIVATE):
        words = f"is a private address: the operator can allow those with {_SETTING}=true"
        return "" if private else words
    if any(address in network for network in SPECIAL) or (address.version == 6 and address not in _GIVEN_OUT):
        return "is not an address of the public network"
    return ""


def _reached(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The address of IPv4 that an address of IPv6 leads to; every other address is its own."""
    if isinstance(address, IPv4Address) or int(address) <= 1:  # `::` and `::1` lead nowhere else
        return address
    if address.teredo is not None:
        return address.teredo[1]
    for network, bits in _EMBEDDED:
        if address in network:
            return IPv4Address(int(address) >> bits & 0xFFFFFFFF)
    return address
