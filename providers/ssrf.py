"""Which URLs and IP addresses a request may go to whose URL a user gave. Pure; `providers.guarded` holds it at connect time.

A URL that a user may choose must not make us call what only we can reach: ourselves, our network, the cloud's metadata (OWASP API7:2023,
https://owasp.org/API-Security/editions/2023/en/0xa7-server-side-request-forgery/). The form of the URL is looked at before anything is
sent; what its host resolves to is looked at right before the connect, to that very address, so that a name that is public when it is
checked and private when it is used (DNS rebinding) gets nowhere.

Public is what the IANA special-purpose registries leave (https://www.iana.org/assignments/iana-ipv4-special-registry,
https://www.iana.org/assignments/iana-ipv6-special-registry); of IPv6 only global unicast, 2000::/3, and of that nothing that stands for an
IPv4 address (mapped, translated, 6to4, Teredo, NAT64).
"""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpx
from msgspec import Struct

from providers.errors import DeclarationError

LONGEST_URL = 2048
NOWHERE = httpx.URL("https://address.invalid/")
"""What a request is built for whose address is none; RFC 6761: nobody has it."""

NOT_PUBLIC = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared: carrier-grade NAT, and Alibaba's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's platform: metadata, agents, DNS; of public form
        "169.254.0.0/16",  # link-local: most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments, and Oracle's metadata
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "2001::/23",  # IETF protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
GLOBAL_UNICAST = IPv6Network("2000::/3")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.IGNORECASE)


class Guard(Struct, frozen=True):
    """What is allowed. `networks`: beside the public ones (CIDR), for private deployments; `hosts`: only these and what is below them."""

    http: bool = False
    ports: tuple[int, ...] = (443, 8443)
    networks: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise DeclarationError for a network that is none."""
        try:
            _networks(self.networks)
        except ValueError as error:
            raise DeclarationError(f"networks: {error}") from None


def fault_of(address: str, guard: Guard) -> str:
    """Say why a URL is not to be called, without the URL; empty: it is, if its host resolves to what is allowed."""
    if len(address) > LONGEST_URL or not address.isprintable() or "\\" in address or " " in address:
        return "is no URL"
    try:
        url = httpx.URL(address)
    except (httpx.InvalidURL, ValueError):
        return "is no URL"
    if url.scheme != "https" and not (guard.http and url.scheme == "http"):
        return "is not https"
    if url.userinfo:
        return "has a user name"
    if ({"https": 443, "http": 80}[url.scheme] if url.port is None else url.port) not in guard.ports:
        return "has a port that is not allowed"
    return _fault_of_host(url.host.rstrip(".").lower(), guard)


def url_of(address: str) -> httpx.URL:
    """Return the address as a URL, or `NOWHERE`."""
    try:
        return httpx.URL(address)
    except (httpx.InvalidURL, ValueError, TypeError):
        return NOWHERE


@lru_cache(maxsize=4096)
def is_allowed(ip: str, guard: Guard) -> bool:
    """Whether an IP address, as text, may be connected to."""
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    return is_public(address) or any(address in network for network in _networks(guard.networks))


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is an address of the internet, and stands for no other."""
    if isinstance(address, IPv6Address) and (address not in GLOBAL_UNICAST or address.scope_id):
        return False
    return address.is_global and not any(address in network for network in NOT_PUBLIC)


def _fault_of_host(host: str, guard: Guard) -> str:
    if not host or "%" in host:
        return "has no host"
    if guard.hosts and not any(host == known or host.endswith(f".{known}") for known in guard.hosts):
        return "has a host that is not allowed"
    try:
        ip_address(host)
    except ValueError:
        if _NUMBER.fullmatch(host.rpartition(".")[2]):  # an IPv4 address in other words, as inet_aton reads them
            return "has a host that is no name"
        return "" if "." in host or guard.networks else "has a host without a domain"
    return "" if is_allowed(host, guard) else "is not public"


def _networks(networks: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(map(ip_network, networks))
