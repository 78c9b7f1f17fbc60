from __future__ import annotations

import random
from pathlib import Path
from uuid import UUID

import pytest

from dynamail.tracking.endpoints import PIXEL, TrackingEndpoints
from dynamail.tracking.hits import CLICKED, NO_LINK, OPENED, Hit, unpack_hits
from dynamail.tracking.link_cache import Destination, LinkCache, Links, make_destination
from dynamail.tracking.segments import SegmentWriter, find_closed
from dynamail.tracking.tokens import DYNAMIC, SINGLE, ClickToken, OpenToken, load_token_keys
from tests.support.asgi import Answer, call

KEYS = load_token_keys("a secret of this test, long enough")
PERSON, SOURCE = UUID(int=7), UUID(int=9)
MOMENT = 1_800_000_000.25
CHROME = {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
}
LINKS: dict[int, Destination] = {
    1: make_destination("https://shop.example/чай?a=1&b=2", False),
    2: make_destination("https://shop.example/u/{{ contact.id }}", True),
    3: make_destination("javascript:alert(1)", False),
}


class Site:
    """The endpoints over a table of links in memory and a real segment file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.away = False
        self.writer = SegmentWriter(directory)
        self.app = TrackingEndpoints(
            keys=KEYS,
            links=LinkCache(self._load),
            writer=self.writer,
            pages=lambda status, language: f"page {status} {language}".encode(),
            clock=lambda: MOMENT,
        )

    async def _load(self, account_id: int, source: bytes) -> Links:
        if self.away:
            raise ConnectionError("down")
        return LINKS if (account_id, source) == (1, SOURCE.bytes) else {}

    async def get(self, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> Answer:
        return await call(self.app, method, path, CHROME | (headers or {}))

    def hits(self) -> list[Hit]:
        self.writer.rotate()
        return [hit for path in find_closed(self.directory) for hit in unpack_hits(path.read_bytes())]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def click(number: int = 1, flags: int = 0, address: str = "", account_id: int = 1) -> str:
    return "/t/c/" + ClickToken(account_id, SOURCE, PERSON, number, flags, address).sign(KEYS)


async def test_a_click_leads_on_and_is_noted(site: Site) -> None:
    answer = await site.get(click())
    assert answer.status == 302
    assert answer.headers["location"] == "https://shop.example/%D1%87%D0%B0%D0%B9?a=1&b=2"
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert site.hits() == [Hit(1, int(MOMENT * 1000), SOURCE.bytes, PERSON.bytes, 1, CLICKED)]


async def test_a_pixel_is_shown_and_noted(site: Site) -> None:
    token = OpenToken(1, SOURCE, PERSON).sign(KEYS)
    for path in (f"/t/o/{token}", f"/t/o/{token}.gif"):
        answer = await site.get(path)
        assert (answer.status, answer.headers["content-type"], answer.body) == (200, "image/gif", PIXEL)
        assert answer.headers["cache-control"] == "no-store"
    assert [(hit.kind, hit.link_number) for hit in site.hits()] == [(OPENED, NO_LINK)] * 2


async def test_machines_are_marked(site: Site) -> None:
    await site.get(click(), {"user-agent": "Mozilla/5.0"})
    await site.get(click(), method="HEAD")
    await site.get(click(), {"purpose": "prefetch"})
    assert [hit.is_machine for hit in site.hits()] == [True] * 3


async def test_a_link_that_was_made_for_the_person_leads_there(site: Site) -> None:
    answer = await site.get(click(2, DYNAMIC, "https://shop.example/u/7"))
    assert answer.headers["location"] == "https://shop.example/u/7"


async def test_a_link_of_a_single_message_carries_its_own_address(site: Site) -> None:
    site.away = True  # nothing is looked up
    answer = await site.get(click(3, SINGLE | DYNAMIC, "https://shop.example/чай"))
    assert answer.headers["location"] == "https://shop.example/%D1%87%D0%B0%D0%B9"
    (hit,) = site.hits()
    assert (hit.is_single, hit.link_number, hit.address) == (
        True,
        3,
        b"https://shop.example/%D1%87%D0%B0%D0%B9",
    )


@pytest.mark.parametrize(
    "path",
    [
        click(1, SINGLE | DYNAMIC, "javascript:alert(1)"),
        click(1, SINGLE),  # a single message's link without its address
        click(99),  # no such link
        click(account_id=2),  # another account's source
        click(3),  # a link that leads nowhere on the web
        click(1, DYNAMIC, "https://evil.example/"),  # a plain link takes no address
        click(2),  # a made link needs one
        click(2, DYNAMIC, "https://evil.example/u/7"),  # the author wrote another host
        click(2, DYNAMIC, "javascript:alert(1)"),
        "/t/c/",
        "/t/c/" + "A" * 5000,
        "/t/o/" + "A" * 50,
        "/t/x/y",
        "/t/c/https://evil.example/",
    ],
)
async def test_there_is_no_way_to_another_place(site: Site, path: str) -> None:
    answer = await site.get(path, {"accept-language": "ru"})
    assert (answer.status, answer.body) == (404, b"page 404 ru")
    assert "location" not in answer.headers
    assert site.hits() == []


async def test_every_single_changed_bit_of_a_token_is_refused(site: Site) -> None:
    good = click().removeprefix("/t/c/")
    random.seed(20261123)
    for place in range(len(good)):
        for bit in range(7):
            changed = good[:place] + chr(ord(good[place]) ^ 1 << bit) + good[place + 1 :]
            answer = await site.get(f"/t/c/{changed}")
            assert answer.status == 404
    assert site.hits() == []


@pytest.mark.parametrize(
    "extra", ["?url=https://evil.example/", "?u=//evil.example", "?redirect=https%3A%2F%2Fevil.example"]
)
async def test_no_parameter_changes_where_a_click_leads(site: Site, extra: str) -> None:
    answer = await site.get(click() + extra, {"host": "evil.example", "x-forwarded-host": "evil.example"})
    assert answer.headers["location"].startswith("https://shop.example/")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
async def test_only_reading_is_answered(site: Site, method: str) -> None:
    answer = await site.get(click(), method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert site.hits() == []


async def test_a_full_disk_costs_the_hit_and_never_the_redirect(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.directory.rmdir()
    site.directory.write_text("a file where the folder should be")
    for _ in range(3):
        assert (await site.get(click())).status == 302
    assert caplog.text.count("Opens and clicks are not recorded") == 1


async def test_a_database_that_is_away_asks_for_patience(site: Site) -> None:
    site.away = True
    answer = await site.get(click())
    assert (answer.status, answer.headers["retry-after"], answer.body) == (503, "30", b"page 503 ")
    site.away = False
    assert (await site.get(click())).status == 302
    site.away = True
    assert (await site.get(click())).status == 302


@pytest.mark.promise("P2.1")
async def test_neither_browser_nor_address_nor_token_reaches_file_or_log(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    site.away = True
    canary = {"user-agent": "Canary/7.7 (kanarek)", "x-forwarded-for": "203.0.113.77"}
    await site.get(click(), canary)
    site.away = False
    for path in (click(), "/t/c/nonsense", "/t/o/" + OpenToken(1, SOURCE, PERSON).sign(KEYS)):
        await site.get(path, canary)
    site.writer.rotate()
    kept = b"".join(path.read_bytes() for path in site.directory.iterdir()) + caplog.text.encode()
    for trace in (b"anary", b"kanarek", b"203.0.113.77", bytes([203, 0, 113, 77])):
        assert trace not in kept
