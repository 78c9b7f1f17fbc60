from __future__ import annotations

import asyncio

import pytest

from dynamail.tracking.link_cache import FRESH_SECONDS, MAX_SOURCES, LinkCache, Links, make_destination

SOURCE = bytes(15) + b"\x09"
LINKS = {1: make_destination("https://shop.example/", False)}


class Table:
    """The loader's other side: counts the questions, and may be away."""

    def __init__(self) -> None:
        self.asked = 0
        self.links: Links = dict(LINKS)
        self.away = False
        self.now = 0.0

    async def load(self, account_id: int, source: bytes) -> Links:
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise ConnectionError
        return self.links

    def cache(self) -> LinkCache:
        return LinkCache(self.load, clock=lambda: self.now)


async def test_a_source_is_asked_for_once_however_many_wait() -> None:
    table = Table()
    cache = table.cache()
    found = await asyncio.gather(*(cache.find(1, SOURCE, 1) for _ in range(50)))
    assert set(found) == {LINKS[1]}
    assert await cache.find(1, SOURCE, 2) is None
    assert cache.find_fresh(1, SOURCE, 1) == LINKS[1]
    assert table.asked == 1


async def test_a_removed_link_is_gone_after_a_minute() -> None:
    table = Table()
    cache = table.cache()
    await cache.find(1, SOURCE, 1)
    table.links = {}
    table.now += FRESH_SECONDS
    assert cache.find_fresh(1, SOURCE, 1) is None
    assert await cache.find(1, SOURCE, 1) is None


async def test_what_is_known_is_served_while_the_database_is_away() -> None:
    table = Table()
    cache = table.cache()
    await cache.find(1, SOURCE, 1)
    table.away = True
    table.now += 10 * FRESH_SECONDS
    assert await cache.find(1, SOURCE, 1) == LINKS[1]
    with pytest.raises(ConnectionError):
        await cache.find(2, SOURCE, 1)
    table.away = False
    assert await cache.find(2, SOURCE, 1) == LINKS[1]


async def test_memory_stays_bounded() -> None:
    table = Table()
    cache = table.cache()
    for number in range(MAX_SOURCES + 10):
        await cache.find(number, SOURCE, 1)
    assert len(cache._entries) == MAX_SOURCES
