"""Who is at the door. Apart from the answers, since the first frame waits for nothing else."""

from __future__ import annotations

from dataclasses import dataclass

LOCAL = "local"
"""The address of whoever sits at this machine."""
UNKNOWN = "unknown"
"""The address of whoever comes from where no address can be read."""


@dataclass(frozen=True)
class Visitor:
    """Who is at the door: the peer's address (`local` on this machine) and the terminal's name."""

    address: str = LOCAL
    terminal: str = ""


def canonical_address(told: object) -> str:
    """Return an IP address in its one form, or `unknown`: IPv4 is never written as IPv6, and no
    address has a scope."""
    import ipaddress  # it takes as long as a key

    text = str(told).partition("%")[0]
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return UNKNOWN
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ip)
