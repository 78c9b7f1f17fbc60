"""Opens and clicks of single emails: from the token in the message to the events of its stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection

from dynamail.accounts.models import Account
from dynamail.consent.models import Topic
from dynamail.contacts.models import Contact
from dynamail.events.models import Engagement, Event, Interaction
from dynamail.messages.single_links import SingleLinks, track_html
from dynamail.tracking.hits import CLICKED, MACHINE, NO_LINK, OPENED, SINGLE, Hit, pack_hit, unpack_hits
from dynamail.tracking.tokens import NOBODY, ClickToken, OpenToken, load_token_keys
from dynamail.tracking.tokens import SINGLE as SINGLE_TOKEN
from tests.support.people import make_contact, subscribe
from tests.support.personas import NOW
from tests.support.single_emails import Letter, Sent, add_stream, post
from tests.tracking.conftest import counters
from tests.tracking.shipped import MOMENT, ship

KEYS = load_token_keys(settings.SECRET_KEY)
ORDER = "https://shop.example/orders/17?a=1&b=%C3%BC"


pytestmark = pytest.mark.django_db(transaction=True)


def send(account: Account, *, is_settled: bool = True, **values: Any) -> Sent:
    """An email, settled as delivered unless it is still on its way."""
    connection.ensure_connection()
    sent = post(connection.connection, account.pk, Letter(track=True, **values), NOW)
    if is_settled:
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH gone AS (DELETE FROM outbox RETURNING *) INSERT INTO message (account_id, id, at, source_kind, source_id, contact_id,"
                " state, email_id, stream) SELECT account_id, id, %s, source_kind, source_id, contact_id, 'delivered', email_id, stream"
                " FROM gone",
                [NOW],
            )
    return sent


def hit(sent: Sent, kind: int = CLICKED, *, flags: int = SINGLE, **values: Any) -> Hit:
    link = 1 if kind == CLICKED else NO_LINK
    address = ORDER.encode() if kind == CLICKED else b""
    made = Hit(sent.account_id, MOMENT, sent.id.bytes, NOBODY.bytes, link, kind, flags, address)
    return made._replace(**values)


def stream_of(account: Account) -> UUID:
    return add_stream(connection.connection, account.pk, NOW)


def test_an_address_of_any_length_comes_back_from_the_file() -> None:
    hits = [
        Hit(7, MOMENT, b"s" * 16, b"c" * 16, 3, CLICKED, SINGLE, b"a" * length)
        for length in (0, 1, 46, 47, 92, 1500)
    ]
    data = b"".join(map(pack_hit, hits))
    assert unpack_hits(data) == hits
    assert unpack_hits(data[:-1]) == hits[:-1]


def test_links_and_the_pixel_name_the_message_and_carry_the_address() -> None:
    message_id = UUID(int=77)
    links = SingleLinks("https://mail.example", "https://click.example", KEYS, 7, message_id, None)
    html = (
        f'<body><a HREF="{ORDER.replace("&", "&amp;")}">Order</a><a href="mailto:ann@example.com">write</a>'
        '<a href="https://mail.example/u/abc">leave</a><!--[if mso]><a href="https://o.example/">O</a><![endif]--></body>'
    )
    tracked = track_html(html, links, opens=True, clicks=True)
    token = tracked.partition("https://click.example/t/c/")[2].partition('"')[0]
    click = ClickToken.parse(KEYS, token)
    assert (click.source_id, click.contact_id, click.address, click.link_number) == (
        message_id,
        NOBODY,
        ORDER,
        1,
    )
    opened = OpenToken.parse(KEYS, tracked.partition("/t/o/")[2].partition('"')[0])
    assert (opened.source_id, opened.flags) == (message_id, SINGLE_TOKEN)
    assert 'href="mailto:ann@example.com"' in tracked
    assert 'href="https://mail.example/u/abc"' in tracked
    assert tracked.count("/t/c/") == 2
    assert tracked.endswith("</body>")
    assert track_html(html, links, opens=False, clicks=False) == html


def test_a_click_is_an_event_of_the_message_and_counts_for_its_stream(
    account: Account, hits_dir: Path
) -> None:
    sent = send(account)
    ship(hits_dir, hit(sent), hit(sent, OPENED))
    clicked = Event.objects.for_account(account).get(kind="message.clicked")
    assert (clicked.message_id, clicked.contact_id, clicked.source_kind, clicked.source_id) == (
        sent.id,
        None,
        "api",
        stream_of(account),
    )
    assert clicked.data == {"link": 1, "url": ORDER}
    assert counters(account) == {"opened": 1, "clicked": 1, "unique_opened": 1, "unique_clicked": 1}
    assert not Interaction.objects.for_account(account).exists()


def test_a_second_open_is_counted_and_not_unique(account: Account, hits_dir: Path) -> None:
    sent = send(account)
    ship(hits_dir, hit(sent, OPENED))
    ship(hits_dir, hit(sent, OPENED, at_ms=MOMENT + 5_000))
    assert counters(account) == {"opened": 2, "unique_opened": 1}


def test_a_machine_is_marked_and_no_reader(account: Account, hits_dir: Path) -> None:
    sent = send(account)
    ship(hits_dir, hit(sent, OPENED, flags=SINGLE | MACHINE))
    assert Event.objects.for_account(account).get().data == {"machine": True}
    assert counters(account) == {"machine_opened": 1}


def test_a_reader_who_is_a_contact_is_named(account: Account, hits_dir: Path) -> None:
    contact = make_contact(account)
    sent = send(account, contact_id=contact.id)
    ship(hits_dir, hit(sent, contact=contact.id.bytes))
    assert Event.objects.for_account(account).get().contact_id == contact.id
    assert Engagement.objects.for_account(account).get(contact_id=contact.id).clicked == 1


def test_a_hit_that_is_faster_than_the_log_is_kept(account: Account, hits_dir: Path) -> None:
    sent = send(account, is_settled=False)
    ship(hits_dir, hit(sent, OPENED))
    assert Event.objects.for_account(account).get().message_id == sent.id


def test_nothing_is_kept_that_the_sender_does_not_count(account: Account, hits_dir: Path) -> None:
    sent = send(account)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE email SET track_opens = false")
    ship(hits_dir, hit(sent, OPENED))
    assert not Event.objects.for_account(account).exists()
    assert counters(account) == {}


@pytest.mark.parametrize(
    ("allowed", "is_known"), [(True, True), (None, False)], ids=["who allowed it", "who was never asked"]
)
def test_on_a_topic_only_those_are_named_who_allowed_it(
    account: Account, topic: Topic, hits_dir: Path, *, allowed: bool | None, is_known: bool
) -> None:
    contact: Contact = make_contact(account)
    subscribe(contact, topic)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE subscription SET tracking_allowed = %s", [allowed])
    sent = send(account, contact_id=contact.id, topic_id=topic.pk, stream="marketing")
    ship(hits_dir, hit(sent, OPENED, contact=contact.id.bytes))
    opened = Event.objects.for_account(account).get(kind="message.opened")
    assert (opened.contact_id, opened.message_id) == ((contact.id, sent.id) if is_known else (None, None))


def test_a_topic_that_records_nothing_is_obeyed_at_the_hit(
    account: Account, topic: Topic, hits_dir: Path
) -> None:
    contact = make_contact(account)
    subscribe(contact, topic)
    sent = send(account, contact_id=contact.id, topic_id=topic.pk, stream="marketing")
    topic.tracking = Topic.Tracking.NONE
    topic.save(update_fields=["tracking"])
    ship(hits_dir, hit(sent, OPENED, contact=contact.id.bytes))
    assert not Event.objects.for_account(account).filter(kind="message.opened").exists()
