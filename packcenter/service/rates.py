"""How often somebody may do something: buckets that fill at a steady rate, one for each key, in bounded memory. Pure."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

KEYS_MAX = 1_024
"""Keys remembered at once: more people and addresses than ask within minutes. Who asked longest ago is forgotten first."""


class Rates:
    """Each key may do `at_once` things without a wait, and then one every `each_us`; what was refused does not count."""

    def __init__(self, each_us: int, at_once: int) -> None:
        self._each_us = each_us
        self._burst_us = each_us * (at_once - 1)
        self._even_us: dict[str, int] = {}  # key -> when its bucket is full again; who asked last stands last

    def take(self, key: str, now_us: int) -> int:
        """0 if it may be done, which counts hereby; else how many microseconds to wait."""
        even_us = max(now_us, self._even_us.pop(key, now_us))
        wait_us = even_us - now_us - self._burst_us
        self._even_us[key] = even_us if wait_us > 0 else even_us + self._each_us
        if len(self._even_us) > KEYS_MAX:
            del self._even_us[next(iter(self._even_us))]
        return max(0, wait_us)

    def __len__(self) -> int:
        return len(self._even_us)


def address_key(address: str) -> str:
    """Whom an address counts for: itself, or of IPv6 the network of a host, which has as many addresses as it likes."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))
