from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from dynamail.accounts.models import Account
from dynamail.campaigns.models import Campaign
from dynamail.consent.models import Suppression
from dynamail.events.counters import read_totals
from dynamail.events.models import Event
from dynamail.feedback.consequences import Effect, Finding
from dynamail.feedback.models import FeedbackCount, FeedbackReport, Kind, Source
from dynamail.feedback.receiving import Taken, take_provider_finding, take_report
from dynamail.lib.ids import new_id
from dynamail.messages.models import Chunk, Message
from tests.support.personas import NOW
from tests.support.reports import make_complaint, make_dsn, return_path_of

LATER = NOW + timedelta(hours=3)


def take(raw: bytes, *to: str) -> Taken:
    return take_report(raw, envelope_to=list(to), source=Source.SMTP, now=LATER)


def test_an_address_that_turns_out_not_to_exist_is_suppressed_and_counted(
    account: Account, campaign: Campaign, delivered: Message
) -> None:
    taken = take(make_dsn(delivered), return_path_of(delivered))
    assert (taken.kind, taken.effect) == (Kind.BOUNCE, Effect.SUPPRESSED)
    row = Suppression.objects.for_account(account).get()
    assert (row.email, row.reason, row.scope) == (delivered.recipient, "hard_bounce", "all")
    event = Event.objects.for_account(account).get(kind="message.bounced")
    assert event.contact_id == delivered.contact_id
    assert event.data["late"] is True
    totals = read_totals(account.pk, campaign.uid)
    assert (totals["returned"], totals["returned_hard"], totals["delivered"]) == (1, 1, 1)
    report = FeedbackReport.objects.for_account(account).get()
    assert (report.code, report.status, report.consequence) == (550, "5.1.1", "suppressed")
    assert bytes(report.raw).startswith(b"From: MAILER-DAEMON")


def test_the_same_report_twice_happens_once(account: Account, campaign: Campaign, delivered: Message) -> None:
    raw = make_dsn(delivered)
    take(raw, return_path_of(delivered))
    again = take(raw, return_path_of(delivered))
    assert again.is_repeated
    assert read_totals(account.pk, campaign.uid)["returned"] == 1
    assert FeedbackCount.objects.get().kind == "repeated"


def put_back(message: Message) -> None:
    """As it was when it was on the wire: in a worker's window and not in the log."""
    Chunk.objects.for_account(message.account_id).update(worker=new_id(), done=0, started=3, state=1)
    Message.objects.for_account(message.account_id).filter(id=message.id).delete()


def test_a_report_that_is_faster_than_our_own_log_is_to_come_again(
    account: Account, campaign: Campaign, delivered: Message
) -> None:
    raw, to = make_dsn(delivered), return_path_of(delivered)
    put_back(delivered)
    assert take(raw, to).is_early
    assert not FeedbackCount.objects.exists()
    Chunk.objects.for_account(account).update(worker=None, done=3)
    assert not take(raw, to).is_early
    assert FeedbackCount.objects.get().kind == "unmatched"


def test_a_provider_that_is_faster_than_our_own_log_is_to_come_again(
    account: Account, campaign: Campaign, delivered: Message
) -> None:
    put_back(delivered)
    finding = Finding(Kind.COMPLAINT)
    assert take_provider_finding(delivered.id, finding, account_id=account.pk, now=LATER).is_early
    for stranger in (new_id(NOW - timedelta(days=1)), UUID(int=2**128 - 1), UUID(int=0)):
        assert not take_provider_finding(stranger, finding, account_id=account.pk, now=LATER).is_early


def test_a_full_mailbox_is_counted_and_nobody_is_suppressed(
    account: Account, campaign: Campaign, delivered: Message
) -> None:
    raw = make_dsn(delivered, status="5.2.2", said="552 5.2.2 Mailbox full")
    assert take(raw, return_path_of(delivered)).effect == Effect.COUNTED
    assert not Suppression.objects.for_account(account).exists()
    assert "returned_hard" not in read_totals(account.pk, campaign.uid)


def test_a_block_of_our_address_is_told_and_counted_against_nobody(
    account: Account, delivered: Message
) -> None:
    said = "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"
    taken = take(make_dsn(delivered, status="5.7.1", said=said), return_path_of(delivered))
    assert taken.effect == Effect.TOLD
    assert not Suppression.objects.for_account(account).exists()
    assert Event.objects.for_account(account).get(kind="message.bounced").contact_id is None


def test_a_bounce_that_the_dialog_told_already_is_not_counted_again(
    account: Account, campaign: Campaign
) -> None:
    bounced = Message.objects.for_account(account).get(state="bounced")
    assert take(make_dsn(bounced), return_path_of(bounced)).effect == Effect.NONE
    assert "returned" not in read_totals(account.pk, campaign.uid)


def test_a_delay_is_noted_and_changes_nothing(account: Account, delivered: Message) -> None:
    raw = make_dsn(delivered, action="delayed", status="4.4.1", said="451 4.4.1 connection timed out")
    assert take(raw, return_path_of(delivered)).kind == Kind.DELAY
    assert Event.objects.for_account(account).filter(kind="message.delayed").exists()
    assert not Suppression.objects.for_account(account).exists()


@pytest.mark.parametrize("with_return_path", [True, False])
def test_who_marks_a_campaign_as_spam_gets_no_more_campaigns(
    account: Account, campaign: Campaign, delivered: Message, with_return_path: bool
) -> None:
    raw = make_complaint(delivered, with_return_path=with_return_path)
    taken = take(raw, "abuse@our.example")
    assert (taken.kind, taken.effect) == (Kind.COMPLAINT, Effect.SUPPRESSED)
    row = Suppression.objects.for_account(account).get()
    assert (row.reason, row.scope) == ("complaint", "marketing")
    assert read_totals(account.pk, campaign.uid)["complained"] == 1


def test_not_spam_after_all_changes_nothing(account: Account, delivered: Message) -> None:
    taken = take(make_complaint(delivered, feedback_type="not-spam"), "abuse@our.example")
    assert taken.effect == Effect.NONE
    assert not Suppression.objects.for_account(account).exists()


def test_forged_reports_change_nothing(account: Account, delivered: Message) -> None:
    """The code of the return-path is wrong, so nothing proves that we wrote to anybody."""
    path = return_path_of(delivered)
    local, _, domain = path.partition("@")
    forged = f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{domain}"
    raw = make_dsn(delivered).replace(path.encode(), forged.encode())
    assert take(raw, forged).sent is None
    assert not FeedbackReport.objects.for_account(account).exists()
    assert not Suppression.objects.for_account(account).exists()
    assert FeedbackCount.objects.get().kind == "unmatched"


def test_a_bounce_needs_the_return_path_and_not_just_the_message_id(
    account: Account, delivered: Message
) -> None:
    raw = make_dsn(delivered).replace(return_path_of(delivered).encode(), b"someone@our.example")
    assert take(raw, "abuse@our.example").sent is None


def test_a_complaint_about_a_message_that_is_not_ours_is_counted_and_harmless(delivered: Message) -> None:
    raw = make_complaint(delivered, with_return_path=False).replace(delivered.id.hex.encode(), b"0" * 32)
    assert take(raw, "abuse@our.example").sent is None
    assert FeedbackCount.objects.get().n == 1


def test_a_report_about_an_old_message_comes_too_late(account: Account, delivered: Message) -> None:
    taken = take_report(
        make_dsn(delivered),
        envelope_to=[return_path_of(delivered)],
        source=Source.SMTP,
        now=NOW + timedelta(days=20),
    )
    assert taken.sent is None


def test_one_dead_member_of_a_list_does_not_condemn_the_list(account: Account, delivered: Message) -> None:
    raw = make_dsn(delivered, recipient="member1@elsewhere.example")
    second = (
        b"\r\nFinal-Recipient: rfc822; member2@elsewhere.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        b"Diagnostic-Code: smtp; 550 5.1.1 User unknown\r\n"
    )
    raw = raw.replace(
        b"\r\n--report-boundary\r\nContent-Type: text/rfc822-headers",
        second + b"\r\n--report-boundary\r\nContent-Type: text/rfc822-headers",
    )
    assert take(raw, return_path_of(delivered)).effect == Effect.COUNTED
    assert not Suppression.objects.for_account(account).exists()


@pytest.mark.parametrize(
    "raw", [b"", b"\0" * 1000, b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" * 500]
)
def test_any_octets_are_taken(delivered: Message, raw: bytes) -> None:
    take(raw, return_path_of(delivered))


def test_what_a_provider_tells_about_another_accounts_message_is_refused(
    account: Account, delivered: Message
) -> None:
    finding = Finding(Kind.BOUNCE, bounce_class="invalid_recipient", is_hard=True)
    taken = take_provider_finding(delivered.id, finding, account_id=account.pk + 1, now=LATER)
    assert taken.sent is None
    taken = take_provider_finding(delivered.id, finding, account_id=account.pk, now=LATER)
    assert taken.effect == Effect.SUPPRESSED
