"""Which callers get a challenger: always the same ones, and about as many as were asked for."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from assay_backend.callers import caller_of, is_chosen

CALLERS = 1000
SHARES = st.floats(0.0, 1.0)


def caller(host="203.0.113.7", key=None):
    headers = [] if key is None else [(b"x-api-key", key)]
    client = None if host is None else (host, 40_000)
    return caller_of(Request({"type": "http", "headers": headers, "client": client}))


@settings(max_examples=40)
@given(st.integers(), SHARES)
def test_as_many_as_were_asked_for_are_chosen(seed, share):
    draw = random.Random(seed)
    chosen = sum(is_chosen(f"address {draw.getrandbits(32):x}", share) for _ in range(CALLERS))
    deviation = math.sqrt(CALLERS * share * (1.0 - share))
    assert abs(chosen - CALLERS * share) <= 6.0 * deviation + 1.0


@settings(max_examples=60)
@given(st.text(), SHARES, SHARES)
def test_a_greater_share_adds_callers_and_moves_none(name, one, other):
    smaller, greater = sorted((one, other))
    assert is_chosen(name, smaller) == is_chosen(name, smaller)
    assert is_chosen(name, smaller) <= is_chosen(name, greater)


@given(st.text())
def test_none_and_all(name):
    assert not is_chosen(name, 0.0)
    assert is_chosen(name, 1.0)


def test_other_processes_agree():
    """Written down, since a hash that is salted anew at each start would pass the rest."""
    assert [is_chosen(f"key {number}", 0.5) for number in range(8)] == [
        True, True, True, False, False, False, False, False,
    ]  # fmt: skip


def test_a_key_says_who_it_is_wherever_it_comes_from():
    assert caller("203.0.113.7", b"abc") == caller("198.51.100.1", b"abc") != caller(key=b"abd")
    assert caller(key=b"") == caller()
    assert caller(key="ñ".encode()) != caller(key=b"n")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("2001:db8:1:2::a", "2001:db8:1:2:ffff:1:2:3", True),
        ("2001:db8:1:2::a", "2001:db8:1:3::a", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.8", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("no:address", "no:address", True),
    ],
)
def test_without_a_key_the_address_does_of_ipv6_its_network(one, other, same):
    assert (caller(one) == caller(other)) is same


def test_no_address_is_a_caller_too():
    assert caller(None) == ""
