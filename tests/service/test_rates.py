"""How often somebody may do something, in time that the test gives."""

from __future__ import annotations

import pytest

from packcenter.service.rates import KEYS_MAX, Rates, address_key

SECOND = 1_000_000


def test_some_at_once_and_then_one_each_second() -> None:
    """What was refused costs nothing, and says exactly when to come again."""
    rates = Rates(SECOND, 3)
    assert [rates.take("a", 0) for _ in range(3)] == [0, 0, 0]
    assert [rates.take("a", 0) for _ in range(3)] == [SECOND] * 3
    assert rates.take("a", SECOND - 1) == 1
    assert rates.take("a", SECOND) == 0
    assert rates.take("a", SECOND) == SECOND


def test_what_was_not_used_comes_back_but_no_more() -> None:
    """A night without acts does not allow a hundred in the morning."""
    rates = Rates(SECOND, 3)
    for _ in range(3):
        rates.take("a", 0)
    assert [rates.take("a", 10**12) for _ in range(4)] == [0, 0, 0, SECOND]


def test_one_key_does_not_cost_another() -> None:
    """Each has a bucket of its own."""
    rates = Rates(SECOND, 1)
    assert [rates.take("a", 0), rates.take("a", 0), rates.take("b", 0)] == [0, SECOND, 0]


def test_only_so_many_keys_are_remembered() -> None:
    """Who asked longest ago is forgotten first; who keeps asking is not."""
    rates = Rates(SECOND, 1)
    for number in range(3 * KEYS_MAX):
        rates.take(f"{number}", 0)
        assert rates.take("busy", 0) == (0 if number == 0 else SECOND)
    assert len(rates) == KEYS_MAX


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::1", "2001:db8:1:2::"),
        ("::ffff:10.0.0.5", "10.0.0.5"),
        ("a name", "a name"),
        ("", ""),
    ],
)
def test_an_ipv6_host_has_one_bucket_for_all_its_addresses(address: str, key: str) -> None:
    """Else it would have as many tries as it has addresses."""
    assert address_key(address) == key
