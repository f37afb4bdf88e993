"""Which network addresses are public, in whatever form one of version 4 is wrapped in one of version 6. Pure.

A table of our own upon `ipaddress`: what that calls global has changed from one Python to the next, holds
groups of receivers, and knows nothing of the machines that tell a cloud's credentials, some of which have
public addresses.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

IPAddress = IPv4Address | IPv6Address

# Where clouds tell a machine its credentials; whoever is asked from here answers as to the worker itself.
_NEVER = tuple(
    map(
        ip_network,
        (
            "169.254.0.0/16",  # AWS, Google, Azure, Oracle and others, and the tasks of AWS ECS and EKS
            "fe80::/10",
            "fd00:ec2::/32",  # AWS
            "fd20:ce::254/128",  # Google
            "100.100.100.200/32",  # Alibaba
            "168.63.129.16/32",  # Azure
            "192.0.0.192/32",  # Oracle, older
        ),
    )
)
# Addresses that are routed, or that `ipaddress` takes for global, and that are nobody's web server.
_NOT_PUBLIC = tuple(
    map(
        ip_network,
        (
            "192.0.0.0/24",
            "192.88.99.0/24",  # relays of 6to4
            "2001::/23",  # protocols, Teredo among them
            "2002::/16",  # 6to4
            "3fff::/20",  # documentation
        ),
    )
)
_UNICAST = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48")
_COMPATIBLE = ip_network("::/96")


def address_of(text: str) -> IPAddress:
    """Read an address as the resolver writes it; an interface behind it says nothing."""
    return ip_address(text.partition("%")[0])


def is_public(address: IPAddress) -> bool:
    """Tell whether an address is one that anybody may reach."""
    inner = address
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or (_last_bits(address) if address in _NAT64[0] else address)
    if isinstance(inner, IPv6Address) and inner not in _UNICAST:
        return False
    return inner.is_global and not inner.is_multicast and not _is_in(inner, _NOT_PUBLIC)


def is_forbidden(address: IPAddress) -> bool:
    """Tell whether an address is never asked, whatever the settings allow: a cloud's own."""
    inner = address
    if isinstance(address, IPv6Address):
        wraps = any(address in network for network in (*_NAT64, _COMPATIBLE))
        wrapped = address.ipv4_mapped or address.sixtofour
        inner = wrapped or (_last_bits(address) if wraps else address)
    return _is_in(inner, _NEVER)


def _last_bits(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFF_FFFF)


def _is_in(address: IPAddress, networks: tuple[object, ...]) -> bool:
    return any(address in network for network in networks)  # type: ignore[operator] # both versions are taken
