"""Upstreams on loopback that speak their vendors' wire formats, with faults on demand."""
