from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from dynamail.accounts.models import Account, AuditEntry, User
from dynamail.accounts.tenancy import account_scope
from dynamail.consent.expiring import KEPT_FOR, release_expired, remove_expired
from dynamail.consent.gate import Reason, may_send
from dynamail.consent.mass_suppressing import NewSuppression, SuppressionSource, suppress_addresses
from dynamail.consent.models import Suppression, SuppressionReason
from dynamail.consent.suppressing import ALL, MARKETING, find_suppression, suppress_address
from dynamail.consent.suppression_list import (
    EITHER,
    ENDED,
    SuppressionError,
    SuppressionFilter,
    add_suppressions,
    change_expiry,
    count_suppressions,
    find_suppressions_of,
    lift,
    list_suppressions,
    sum_tallies,
)
from dynamail.contacts.models import Contact
from dynamail.events.models import Event
from tests.support.people import make_contact, make_topic, subscribe
from tests.support.personas import NOW

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BY_HAND = SuppressionSource("form")
OWN_WORDS = (SuppressionReason.UNSUBSCRIBE, SuppressionReason.COMPLAINT)


def new(email: str, reason: str = "manual", scope: str = ALL, **values: object) -> NewSuppression:
    return NewSuppression(email, reason, scope, values.pop("at", NOW), **values)  # type: ignore[arg-type]


def suppress(account: Account, email: str = "ann@mail.example", **values: object) -> Suppression:
    suppress_address(account.pk, email, **({"reason": SuppressionReason.MANUAL, "now": NOW} | values))  # type: ignore[arg-type]
    (row,) = find_suppressions_of(account.pk, email)
    return row


def state_of(contact: Contact) -> str:
    return Contact.objects.for_account(contact.account_id).get(id=contact.id).state


def emails(account: Account, now: datetime = NOW, **wanted: str) -> list[str]:
    return [row.email for row in list_suppressions(account.pk, SuppressionFilter(**wanted), now=now).rows]


# ── Finding ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_suppressions_are_found_by_address_part_reason_scope_and_state(account: Account) -> None:
    suppress(account, "ann@mail.example")
    suppress(account, "bob@post.example", reason=SuppressionReason.COMPLAINT, scope=MARKETING)
    suppress(account, "eve@mail.example", now=NOW - DAY, expires_at=NOW - HOUR)
    assert set(emails(account)) == {"ann@mail.example", "bob@post.example"}
    assert emails(account, search="mail.EX") == ["ann@mail.example"]
    assert emails(account, search=" ANN@Mail.example ") == ["ann@mail.example"]
    assert emails(account, search="n@mail.example") == []
    assert emails(account, search="%") == emails(account, search="\x00_") == []
    assert emails(account, reason="complaint") == emails(account, scope="marketing") == ["bob@post.example"]
    assert emails(account, state=ENDED) == ["eve@mail.example"]
    assert len(emails(account, state=EITHER)) == 3
    tallies = count_suppressions(account.pk, now=NOW)
    assert (sum_tallies(tallies), sum_tallies(tallies, state=ENDED)) == (2, 1)
    assert sum_tallies(tallies, reason="complaint", scope="marketing") == 1


def test_an_erased_address_is_found_by_whoever_knows_it_and_shows_nothing(account: Account) -> None:
    row = suppress(account, reason=SuppressionReason.ERASURE)
    Suppression.objects.for_account(account).update(email="")
    assert emails(account, search="ann@mail.example") == [""]
    assert emails(account, search="mail.example") == []
    (row,) = find_suppressions_of(account.pk, "ann@mail.example")
    with pytest.raises(SuppressionError, match="erased"):
        lift(row, confirmed="erasure", by=None, now=NOW)
    with pytest.raises(SuppressionError, match="erased"):
        change_expiry(row, NOW + DAY, confirmed="erasure", by=None, now=NOW)


def test_pages_follow_each_other_also_where_moments_are_equal(account: Account) -> None:
    rows = [
        new(f"p{number:03}@mail.example", at=NOW - (number % 3) * HOUR, scope=scope)
        for number in range(30)
        for scope in (ALL, MARKETING)
    ]
    add_suppressions(account.pk, rows, source=BY_HAND, by=None, now=NOW)
    seen, after = [], ""
    while True:
        page = list_suppressions(account.pk, SuppressionFilter(), now=NOW, after=after, size=7)
        seen += [(row.email, row.scope) for row in page.rows]
        if not page.after:
            break
        after = page.after
    assert len(seen) == len(set(seen)) == 60
    back = list_suppressions(account.pk, SuppressionFilter(), now=NOW, before=page.before, size=7)
    assert [(row.email, row.scope) for row in back.rows] == seen[-len(page.rows) - 7 : -len(page.rows)]


@pytest.mark.promise("P5.2")
def test_another_account_sees_and_lifts_nothing(account: Account, other_account: Account) -> None:
    suppress(account)
    assert emails(other_account) == []
    assert find_suppressions_of(other_account.pk, "ann@mail.example") == []
    assert count_suppressions(other_account.pk, now=NOW) == []


# ── Adding ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_first_reason_stays_and_twice_is_once(account: Account, bob: User) -> None:
    suppress(account, "ann@mail.example", reason=SuppressionReason.COMPLAINT)
    rows = [new("ann@mail.example"), new("eve@mail.example"), new("eve@mail.example", "hard_bounce")]
    added = add_suppressions(account.pk, rows, source=BY_HAND, by=bob, now=NOW)
    assert added == [False, True, False]
    assert add_suppressions(account.pk, rows, source=BY_HAND, by=bob, now=NOW) == [False] * 3
    found = {row.email: row.reason for row in Suppression.objects.for_account(account)}
    assert found == {"ann@mail.example": "complaint", "eve@mail.example": "manual"}
    (entry,) = AuditEntry.objects.for_account(account).filter(action="address.suppressed")
    assert (entry.actor_name, entry.data) == ("Bob", {"addresses": 1, "reason": ["manual"]})


def test_many_do_what_one_does(account: Account) -> None:
    """One statement for thousands and the verb for one person leave the same behind."""
    for number, scope in enumerate((ALL, MARKETING)):
        one = make_contact(account, f"one{number}@mail.example")
        many = make_contact(account, f"many{number}@mail.example")
        suppress(
            account, one.email_key, scope=scope, detail="x", source=("import", "imp_x"), expires_at=NOW + DAY
        )
        with connection.cursor() as cursor:
            suppress_addresses(
                cursor,
                account.pk,
                [new(many.email_key, scope=scope, detail="x", expires_at=NOW + DAY)],
                source=SuppressionSource("import", "imp_x"),
                now=NOW,
            )
        rows = [find_suppressions_of(account.pk, contact.email_key)[0] for contact in (one, many)]
        kept = [
            {
                name: getattr(row, name)
                for name in ("scope", "reason", "detail", "at", "source_id", "expires_at")
            }
            for row in rows
        ]
        assert kept[0] == kept[1]
        assert state_of(one) == state_of(many) == ("suppressed" if scope == ALL else "active")
        events = [
            Event.objects.for_account(account).get(contact_id=contact.id, kind="contact.suppressed")
            for contact in (one, many)
        ]
        assert events[0].data == events[1].data


def test_a_suppression_that_ended_is_replaced(account: Account) -> None:
    suppress(account, now=NOW - DAY, expires_at=NOW - HOUR)
    assert add_suppressions(
        account.pk, [new("ann@mail.example", "hard_bounce")], source=BY_HAND, by=None, now=NOW
    ) == [True]
    (row,) = find_suppressions_of(account.pk, "ann@mail.example")
    assert (row.reason, row.expires_at) == ("hard_bounce", None)


@pytest.mark.promise("P5.2")
def test_row_level_security_holds_for_the_statement_for_many(
    account: Account, other_account: Account
) -> None:
    theirs = make_contact(other_account, "ann@mail.example")
    with account_scope(account.pk), connection.cursor() as cursor:
        suppress_addresses(cursor, account.pk, [new("ann@mail.example")], source=BY_HAND, now=NOW)
    assert state_of(theirs) == "active"
    assert find_suppressions_of(other_account.pk, "ann@mail.example") == []


# ── Lifting ──────────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("reason", ["manual", "hard_bounce"])
def test_what_we_decided_ourselves_is_lifted_freely(account: Account, bob: User, reason: str) -> None:
    contact = make_contact(account, "ann@mail.example")
    row = suppress(account, reason=reason)
    assert state_of(contact) == "suppressed"
    lift(row, by=bob, now=NOW)
    assert state_of(contact) == "active"
    assert may_send(account.pk, email_key="ann@mail.example", now=NOW).allowed
    entry = AuditEntry.objects.for_account(account).get(action="suppression.lifted")
    assert (entry.actor_name, entry.data["reason"]) == ("Bob", reason)


@pytest.mark.parametrize("reason", OWN_WORDS)
def test_a_persons_own_word_is_lifted_only_by_naming_it(account: Account, bob: User, reason: str) -> None:
    row = suppress(account, reason=reason, scope=MARKETING)
    for confirmed in ("", "yes", "manual", *(set(OWN_WORDS) - {reason})):
        with pytest.raises(SuppressionError) as refused:
            lift(row, confirmed=confirmed, by=bob, now=NOW)
        assert refused.value.code == "own_word"
    lift(row, confirmed=str(reason), by=bob, now=NOW)
    assert find_suppression(account.pk, "ann@mail.example", now=NOW) is None


def test_a_newer_reason_is_not_lifted_with_the_old_one(account: Account, bob: User) -> None:
    row = suppress(account)
    Suppression.objects.for_account(account).update(reason="complaint")
    with pytest.raises(SuppressionError, match="meanwhile"):
        lift(row, by=bob, now=NOW)
    assert find_suppression(account.pk, "ann@mail.example", now=NOW) is not None


# ── Ends ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_an_end_is_set_moved_and_taken_away(account: Account, bob: User) -> None:
    row = suppress(account)
    for expires_at in (NOW + 2 * DAY, NOW + DAY, NOW + 3 * DAY, None):
        change_expiry(row, expires_at, by=bob, now=NOW)
        assert find_suppressions_of(account.pk, "ann@mail.example")[0].expires_at == expires_at
    with pytest.raises(SuppressionError, match="future"):
        change_expiry(row, NOW, by=bob, now=NOW)


def test_an_earlier_end_of_a_persons_own_word_must_be_confirmed(account: Account, bob: User) -> None:
    row = suppress(account, reason=SuppressionReason.COMPLAINT)
    with pytest.raises(SuppressionError):
        change_expiry(row, NOW + DAY, by=bob, now=NOW)
    change_expiry(row, NOW + DAY, confirmed="complaint", by=bob, now=NOW)
    change_expiry(row, NOW + 2 * DAY, by=bob, now=NOW)  # later: nobody is mailed earlier than they said
    with pytest.raises(SuppressionError):
        change_expiry(row, NOW + DAY, by=bob, now=NOW)


def test_giving_an_ended_suppression_another_end_suppresses_again(account: Account, bob: User) -> None:
    contact = make_contact(account, "ann@mail.example")
    row = suppress(account, expires_at=NOW + HOUR)
    release_expired(now=NOW + 2 * HOUR)
    assert state_of(contact) == "active"
    change_expiry(row, NOW + DAY, by=bob, now=NOW + 2 * HOUR)
    assert state_of(contact) == "suppressed"
    assert not may_send(account.pk, email_key="ann@mail.example", now=NOW + 3 * HOUR).allowed


def test_a_contact_may_be_mailed_again_when_the_suppression_ran_out(account: Account) -> None:
    topic, contact = make_topic(account), make_contact(account, "ann@mail.example")
    subscribe(contact, topic)
    suppress(account, expires_at=NOW + HOUR)

    def ask(now: datetime) -> Reason:
        return may_send(
            account.pk, email_key=contact.email_key, contact_id=contact.id, topic_id=topic.pk, now=now
        ).reason

    assert ask(NOW) is Reason.SUPPRESSED
    assert release_expired(now=NOW + HOUR - timedelta(seconds=1)) == 0
    assert release_expired(now=NOW + HOUR) == 1
    assert state_of(contact) == "active"
    assert ask(NOW + HOUR) is Reason.ALLOWED
    assert release_expired(now=NOW + HOUR) == 0


def test_releasing_leaves_alone_who_is_suppressed_or_restricted_otherwise(
    account: Account, other_account: Account
) -> None:
    theirs = make_contact(other_account, "ann@mail.example", state="suppressed")
    forever = make_contact(account, "eve@mail.example")
    restricted = make_contact(account, "ann@mail.example", state="restricted")
    suppress(account, "ann@mail.example", expires_at=NOW + HOUR)
    suppress(account, "eve@mail.example", expires_at=NOW + HOUR, scope=MARKETING)
    suppress_address(account.pk, "eve@mail.example", reason=SuppressionReason.HARD_BOUNCE, now=NOW)
    assert release_expired(now=NOW + DAY) == 0
    assert [state_of(one) for one in (theirs, forever, restricted)] == [
        "suppressed",
        "suppressed",
        "restricted",
    ]


@pytest.mark.promise("P6.1")
def test_ended_suppressions_go_after_a_month_and_their_contacts_are_released_however_late(
    account: Account,
) -> None:
    contact = make_contact(account, "ann@mail.example")
    suppress(account, "ann@mail.example", expires_at=NOW + HOUR)
    suppress(account, "eve@mail.example")
    end = NOW + HOUR + KEPT_FOR
    assert remove_expired(now=end - timedelta(seconds=1)) == 0
    assert state_of(contact) == "active", "though no worker ran for a month"
    assert remove_expired(now=end) == 1
    assert [row.email for row in Suppression.objects.for_account(account)] == ["eve@mail.example"]


def test_the_original_moment_is_kept(account: Account) -> None:
    long_ago = datetime(2019, 3, 1, 12, tzinfo=UTC)
    add_suppressions(
        account.pk,
        [new("ann@mail.example", "unsubscribe", MARKETING, at=long_ago)],
        source=BY_HAND,
        by=None,
        now=NOW,
    )
    assert find_suppressions_of(account.pk, "ann@mail.example")[0].at == long_ago
