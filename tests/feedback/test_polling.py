"""Against Debian's Dovecot."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dynamail.feedback import polling
from dynamail.feedback.polling import Login, PollError, Visit, list_addressees, read_mailbox
from dynamail.feedback.receiving import Taken
from tests.support.dovecot import Dovecot

REPORT = b"Delivered-To: b+abc@bounce.example\r\nSubject: %d\r\n\r\nour message\r\n"
LETTER = b"To: Alice <alice@example.com>\r\nSubject: Lunch?\r\n\r\nat noon\r\n"


class Taker:
    """Takes what looks like a report, and remembers all that it was shown."""

    def __init__(self, *, fails_at: int = 0, early_at: int = 0) -> None:
        self.shown: list[list[str]] = []
        self._fails_at, self._early_at = fails_at, early_at

    def __call__(self, raw: bytes, addressees: list[str]) -> Taken:
        self.shown.append(addressees)
        if len(self.shown) == self._fails_at:
            raise OSError("the database is away")
        if len(self.shown) == self._early_at:
            return Taken("bounce", is_early=True)
        return Taken("bounce", sent=object() if b"our message" in raw else None)  # type: ignore[arg-type]


class EverythingIsOurs(Taker):
    def __call__(self, raw: bytes, addressees: list[str]) -> Taken:
        return Taken("bounce", sent=object())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with Dovecot() as running:
        yield running


@pytest.fixture
def folder(server: Dovecot, request: pytest.FixtureRequest) -> str:
    return f"Folder-{abs(hash(request.node.name)) % 10**8}"


def visit(
    server: Dovecot, take: Taker, position: dict, *, protocol: str = "imap", **changes: object
) -> Visit:
    port = server.imap_port if protocol == "imap" else server.pop3_port
    values = {"protocol": protocol, "port": port, "username": server.username, "password": server.password}
    return read_mailbox(
        Login(host=server.host, security="none", **(values | changes)), position=position, take=take
    )  # type: ignore[arg-type]


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_a_report_about_a_message_that_is_still_being_sent_is_read_again(
    server: Dovecot, folder: str, protocol: str
) -> None:
    folder = "INBOX" if protocol == "pop3" else folder
    for number in range(3):
        server.put(REPORT % number, folder=folder)
    changes = {"protocol": protocol, "folder": folder, "delete_processed": True}
    take = Taker(early_at=2)
    first = visit(server, take, {}, **changes)
    second = visit(server, take, first.position, **changes)
    assert first.taken + second.taken == 3
    assert visit(server, take, second.position, **changes).seen == 0


def test_a_report_is_found_in_a_mailbox_with_more_letters_than_are_remembered(
    server: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "MOST_KEPT", 2)
    monkeypatch.setattr(polling, "BATCH", 2)
    for _ in range(8):
        server.put(LETTER, folder="INBOX")
    take, position = Taker(), {}
    for _ in range(3):
        position = visit(server, take, position, protocol="pop3").position
    server.put(REPORT % 1, folder="INBOX")
    assert visit(server, take, position, protocol="pop3", delete_processed=True).taken == 1
    monkeypatch.undo()
    visit(server, EverythingIsOurs(), {}, protocol="pop3", delete_processed=True)  # the others find it empty


def test_each_message_is_shown_once_and_letters_stay_unread(server: Dovecot, folder: str) -> None:
    for message in (REPORT % 1, LETTER, REPORT % 2):
        server.put(message, folder=folder)
    take = Taker()
    first = visit(server, take, {}, folder=folder)
    assert (first.seen, first.taken) == (3, 2)
    assert take.shown[0] == ["b+abc@bounce.example"]
    second = visit(server, take, first.position, folder=folder)
    assert (second.seen, len(take.shown)) == (0, 3)
    server.put(REPORT % 3, folder=folder)
    assert visit(server, take, second.position, folder=folder).taken == 1
    flags = server.list_flags(folder)
    assert ["\\Seen" in line for line in flags] == [True, False, True, True]


def test_taken_reports_are_deleted_where_that_is_wanted(server: Dovecot, folder: str) -> None:
    for message in (REPORT % 1, LETTER):
        server.put(message, folder=folder)
    visit(server, Taker(), {}, folder=folder, delete_processed=True)
    assert len(server.list_flags(folder)) == 1


def test_what_could_not_be_committed_comes_again(server: Dovecot, folder: str) -> None:
    for number in range(3):
        server.put(REPORT % number, folder=folder)
    with pytest.raises(PollError, match="the database is away"):
        visit(server, Taker(fails_at=2), {}, folder=folder, delete_processed=True)
    take = Taker()
    visit(server, take, {}, folder=folder)
    assert len(take.shown) >= 2


def test_a_mailbox_that_was_made_anew_is_read_from_its_beginning(server: Dovecot, folder: str) -> None:
    server.put(REPORT % 1, folder=folder)
    stale = {"validity": 12345, "uid": 10**6}
    assert visit(server, Taker(), stale, folder=folder).taken == 1


def test_pop3_remembers_what_stayed_and_deletes_what_was_taken(server: Dovecot) -> None:
    for message in (REPORT % 1, LETTER):
        server.put(message)
    take = Taker()
    first = visit(server, take, {}, protocol="pop3", delete_processed=True)
    assert (first.seen, first.taken) == (2, 1)
    second = visit(server, take, first.position, protocol="pop3", delete_processed=True)
    assert (second.seen, len(take.shown)) == (0, 2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": "wrong"}, "answered"),
        ({"folder": "Nowhere"}, "no folder"),
        ({"security": "tls"}, "encryption|cannot be reached"),
        ({"port": 1}, "cannot be reached"),
    ],
)
def test_what_is_wrong_is_told_in_words(server: Dovecot, changes: dict, words: str) -> None:
    values = {"protocol": "imap", "host": server.host, "port": server.imap_port, "security": "none"}
    login = Login(**(values | {"username": server.username, "password": server.password} | changes))  # type: ignore[arg-type]
    with pytest.raises(PollError, match=words):
        read_mailbox(login, position={}, take=Taker())


def test_addresses_are_found_in_any_header_that_forwarders_use() -> None:
    raw = b"X-Original-To: one@a.example\nTo: =?utf-8?q?Zo=C3=AB?= <two@b.example>, three@c.example\n\nbody"
    assert list_addressees(raw) == ["one@a.example", "two@b.example", "three@c.example"]
