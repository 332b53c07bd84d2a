"""Who asks, and whether a challenger answers: the same caller always gets the same."""

from __future__ import annotations

import hashlib
from ipaddress import AddressValueError, IPv6Address
from typing import Final, Literal

from starlette.requests import Request

Role = Literal["champion", "challenger"]

_BITS: Final = 64


def caller_of(request: Request) -> str:
    """The key that came as X-API-Key, or else the address."""
    if key := request.headers.get("x-api-key"):
        return f"key {key}"
    return f"address {network_of(request.client.host)}" if request.client else ""


def is_chosen(caller: str, share: float) -> bool:
    """Whether `caller` is one of that `share` of all callers, 0 to 1; so it is of any greater one.

    It depends on nothing else: processes agree, and a restart changes nothing.
    """
    digest = hashlib.blake2b(caller.encode(), digest_size=_BITS // 8, person=b"assay canary")
    return int.from_bytes(digest.digest()) < share * 2.0**_BITS


def network_of(host: str) -> str:
    """IPv6 hosts take new addresses every day, within the 64 bits that name their network."""
    if ":" not in host:
        return host
    try:
        address = IPv6Address(host)
    except AddressValueError:
        return host
    return str(address.ipv4_mapped or int(address) >> _BITS)
