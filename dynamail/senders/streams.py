"""The streams of an account: kinds of mail whose routing, reputation, suppressions, tracking and retention are kept apart."""

from __future__ import annotations

from dynamail.senders.models import Stream

TRANSACTIONAL, MARKETING = Stream.Kind.TRANSACTIONAL.value, Stream.Kind.MARKETING.value
BUILT_IN = {TRANSACTIONAL: "Transactional", MARKETING: "Marketing"}


def ensure_streams(account_id: int) -> None:
    """The two that every account has. Doing it again changes nothing."""
    rows = [Stream(account_id=account_id, key=key, name=name, kind=key) for key, name in BUILT_IN.items()]
    Stream.objects.across_accounts(reason="the rows name their account").bulk_create(
        rows, ignore_conflicts=True
    )


def list_streams(account_id: int, *, archived: bool = False) -> list[Stream]:
    """The built-in ones first."""
    ensure_streams(account_id)
    streams = Stream.objects.for_account(account_id).order_by("created_at", "pk")
    return list(streams if archived else streams.filter(archived_at=None))


def find_stream(account_id: int, key: str) -> Stream | None:
    """The stream of that key, archived or not."""
    if key in BUILT_IN:
        ensure_streams(account_id)
    return Stream.objects.for_account(account_id).filter(key=key).first()
