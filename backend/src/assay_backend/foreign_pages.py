"""Pages of other sites: a reader's browser sends what they want POSTed, and hides but the answer.

For a form or plain text it asks nobody's leave first, so each such request writes, unless it is
refused by what browsers say of where it comes from. Programs say nothing of that.
"""

from __future__ import annotations

from starlette.types import Scope

_CHANGE_NOTHING = frozenset({"GET", "HEAD", "OPTIONS"})
_USUAL_PORTS = {b"http": b":80", b"https": b":443"}


def is_foreign(scope: Scope) -> bool:
    """Whether a page of another site has a browser change something here.

    `Sec-Fetch-Site` decides where there is one; over plain HTTP browsers send it to this machine
    alone, and then the page's host has to be the one that was asked. A page without an origin is
    foreign.
    """
    if scope["method"] in _CHANGE_NOTHING:
        return False
    site, origin, host = None, None, b""
    for name, value in scope["headers"]:
        if name == b"sec-fetch-site":
            site = value
        elif name == b"origin":
            origin = value
        elif name == b"host":
            host = value
    if site == b"cross-site" or origin == b"null":
        return True
    return site is None and origin is not None and not _is_at(origin.lower(), host.lower())


def _is_at(origin: bytes, host: bytes) -> bool:
    """Whatever the scheme: a proxy may have the TLS."""
    scheme, separator, place = origin.partition(b"://")
    if not separator or not place:
        return False
    return place == host or place + _USUAL_PORTS.get(scheme, b"") == host
