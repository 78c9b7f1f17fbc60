"""Endpoints: who is told, of what, with which fields, and who authorized it (P7.1, P7.2)."""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import inet_aton
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from dynamail.accounts.audit import Actor, record_audit
from dynamail.accounts.models import Account
from dynamail.events.kinds import EventKind
from dynamail.events.models import EventCursor
from dynamail.events.tailing import skip_to_end
from dynamail.lib.egress import WEB_PORTS, EgressError, EgressRules, read_url
from dynamail.lib.ids import UnknownId
from dynamail.lib.sealing import CannotOpen
from dynamail.webhooks.authorizing import NOT_AUTHORIZED, authorize, end_authorization, sort_kinds
from dynamail.webhooks.errors import WebhookError
from dynamail.webhooks.keys import Keys, make_keys, open_keys, seal_keys
from dynamail.webhooks.kinds import ALL, KINDS, TEST, VERSION, FieldGroup
from dynamail.webhooks.leases import LostClaim, note_lost
from dynamail.webhooks.models import WebhookAuthorization, WebhookDelivery, WebhookEndpoint
from dynamail.webhooks.queueing import queue_follow

READER = "webhooks"  # of the log
MOST_ENDPOINTS = 50
MOST_URL, MOST_DESCRIPTION = 2_000, 200
OLD_KEYS_SIGN_FOR = timedelta(hours=24)
_HOST = re.compile(rb"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9])?\.?")
State = WebhookEndpoint.State


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """What a member chooses. `kinds` are those of kinds.KINDS, or "*" for all; `fields` of FieldGroup."""

    url: str
    kinds: tuple[str, ...]
    fields: tuple[str, ...] = ()
    description: str = ""


@transaction.atomic
def create_endpoint(
    account_id: int, chosen: EndpointSettings, *, authorized: bool, by: Actor, now: datetime
) -> tuple[WebhookEndpoint, Keys]:
    """The row and, this once, its keys. Without an authorization it exists and sends nothing. Raises WebhookError."""
    values = _check(chosen)
    if list_endpoints(account_id).count() >= MOST_ENDPOINTS:
        raise WebhookError(
            "too_many", _("An account has 50 webhooks at most: remove one that is not needed.")
        )
    endpoint = WebhookEndpoint.objects.add(
        account_id,
        **values,
        version=VERSION,
        created_at=now,
        updated_at=now,
        state_at=now,
    )
    keys = make_keys()
    _update(endpoint, keys_sealed=seal_keys(endpoint, keys))
    if authorized:
        _update(endpoint, **authorize(endpoint, chosen, by=by, now=now))
    record_audit(account_id, by=by, action="webhook.created", subject=endpoint, **_tell(chosen, authorized))
    _begin_reading(now)
    note_wants(account_id)
    return endpoint, keys


@transaction.atomic
def change_endpoint(
    endpoint: WebhookEndpoint, chosen: EndpointSettings, *, authorized: bool, by: Actor, now: datetime
) -> None:
    """Another address, more events or more fields need a new authorization. Raises WebhookError."""
    values = _check(chosen)
    held = _rows(endpoint).select_for_update().get()  # what somebody else took away meanwhile counts
    if not authorized and held.is_authorized and is_wider(held, chosen):
        raise WebhookError(
            "not_authorized",
            _("More would be handed over than was authorized: authorize this transfer as well."),
            field="authorized",
        )
    if values["url"] != held.url:
        values |= {"failing_since": None, "held_until": None}
    if authorized:
        if not held.is_authorized:
            _give_up(
                endpoint, _list_open(endpoint), "withdrawn", now
            )  # what was noted while it was taken back
        values |= authorize(endpoint, chosen, by=by, now=now)
    _update(endpoint, **values, updated_at=now)
    _drop_unwanted(endpoint, now)
    record_audit(
        endpoint.account_id, by=by, action="webhook.changed", subject=endpoint, **_tell(chosen, authorized)
    )
    note_wants(endpoint.account_id)


@transaction.atomic
def withdraw_authorization(endpoint: WebhookEndpoint, *, by: Actor, now: datetime) -> bool:
    """Nothing is handed over from now on, and what waits or was to be tried again is given up. False when nobody had authorized it.

    A request that was claimed before may still go out, within `sending.FRESH_SECONDS`; it is listed with the others.
    """
    if not _rows(endpoint).select_for_update().get().is_authorized:
        return False
    end_authorization(endpoint, WebhookAuthorization.End.WITHDRAWN, by=by, now=now)
    _give_up(endpoint, _list_open(endpoint), "withdrawn", now)
    _update(endpoint, **NOT_AUTHORIZED, updated_at=now)
    record_audit(
        endpoint.account_id,
        by=by,
        action="webhook.authorization_withdrawn",
        subject=endpoint,
        url=endpoint.url,
    )
    note_wants(endpoint.account_id)
    return True


@transaction.atomic
def pause_endpoint(endpoint: WebhookEndpoint, *, by: Actor, now: datetime) -> bool:
    """What waits goes on waiting, and events are not noted for it until it is resumed. False when it was not active."""
    return _move(endpoint, (State.ACTIVE,), State.PAUSED, action="webhook.paused", by=by, now=now)


@transaction.atomic
def resume_endpoint(endpoint: WebhookEndpoint, *, by: Actor, now: datetime) -> bool:
    """Also one that was switched off. What waited is due at once. False when it was active."""
    values = {"failing_since": None, "held_until": None}
    stopped = (State.PAUSED, State.DISABLED)
    return _move(endpoint, stopped, State.ACTIVE, action="webhook.resumed", by=by, now=now, **values)


@transaction.atomic
def disable_endpoint(endpoint: WebhookEndpoint, why: str, *, now: datetime) -> bool:
    """Switch one off that cannot be reached. True for the one caller who did it."""
    return _move(
        endpoint, (State.ACTIVE,), State.DISABLED, action="webhook.disabled", by=None, now=now, why=why
    )


@transaction.atomic
def remove_endpoint(endpoint: WebhookEndpoint, *, by: Actor, now: datetime) -> None:
    """Nothing more is sent, and the keys are gone. What it was told stays listed until its time is over."""
    _update(
        endpoint, removed_at=now, state=State.DISABLED, state_at=now, why="", keys_sealed=None, updated_at=now
    )
    end_authorization(endpoint, WebhookAuthorization.End.REMOVED, by=by, now=now)
    _give_up(endpoint, _list_open(endpoint), "removed", now)
    record_audit(endpoint.account_id, by=by, action="webhook.removed", subject=endpoint, url=endpoint.url)
    note_wants(endpoint.account_id)


@transaction.atomic
def rotate_keys(
    endpoint: WebhookEndpoint, *, by: Actor, now: datetime, old_sign_for: timedelta = OLD_KEYS_SIGN_FOR
) -> Keys:
    """New keys, shown this once; the old ones sign beside them for a while, unless that is zero."""
    _lock(endpoint)
    try:
        before = open_keys(endpoint) if old_sign_for > timedelta(0) else None
    except CannotOpen:
        before = None
    keys = make_keys(before)
    _update(
        endpoint,
        keys_sealed=seal_keys(endpoint, keys),
        old_keys_until=now + old_sign_for if before else None,
        updated_at=now,
    )
    record_audit(
        endpoint.account_id, by=by, action="webhook.keys_rotated", subject=endpoint, url=endpoint.url
    )
    return keys


def list_endpoints(account_id: int) -> QuerySet[WebhookEndpoint]:
    """Those that were not removed, the latest first."""
    rows = WebhookEndpoint.objects.for_account(account_id).filter(removed_at=None)
    return rows.select_related("authorized_by").order_by("-created_at", "-pk")


def find_endpoint(account_id: int, public_id: str) -> WebhookEndpoint | None:
    try:
        return list_endpoints(account_id).filter(uid=WebhookEndpoint.uid_from(public_id)).first()
    except UnknownId:
        return None


def wants(endpoint: WebhookEndpoint, kind: str) -> bool:
    return kind in endpoint.kinds or ALL in endpoint.kinds


def is_wider(endpoint: WebhookEndpoint, chosen: EndpointSettings) -> bool:
    """Would more be handed over, or to somebody else, than was authorized?"""
    if endpoint.url != chosen.url:  # behind one host, each path may be somebody else's
        return True
    if not set(chosen.fields) <= set(endpoint.fields):
        return True
    return ALL not in endpoint.kinds and not set(chosen.kinds) <= set(endpoint.kinds)


def is_followed() -> bool:
    """Is there anybody to tell, or anything that an erasure would have to reach?"""
    rows = WebhookEndpoint.objects.across_accounts(reason="whether the log is read at all")
    return rows.exists()


def note_wants(account_id: int) -> None:
    """Campaigns write an event for each delivered message only while somebody wants to hear of it."""
    rows = list_endpoints(account_id).filter(state=State.ACTIVE, authorized_at__isnull=False)
    kinds = [EventKind.MESSAGE_DELIVERED.value, ALL]
    wanted = rows.filter(Q(kinds__overlap=kinds)).exists()
    Account.objects.filter(pk=account_id).exclude(records_deliveries=wanted).update(records_deliveries=wanted)


# ── What was chosen ──────────────────────────────────────────────────────────────────────────────────────────────────
def _check(chosen: EndpointSettings) -> dict[str, Any]:
    check_url(chosen.url)
    unknown = sorted(set(chosen.kinds) - {*KINDS, ALL})
    if unknown:
        raise WebhookError("unknown_event", _("There is no event %s.") % unknown[0][:40], field="events")
    if not chosen.kinds:
        raise WebhookError("no_events", _("Choose at least one event."), field="events")
    strange = sorted(set(chosen.fields) - set(FieldGroup.values))
    if strange:
        raise WebhookError("unknown_field", _("There is no field %s.") % strange[0][:40], field="fields")
    description = " ".join("".join(one if one.isprintable() else " " for one in chosen.description).split())
    return {
        "url": chosen.url,
        "description": description[:MOST_DESCRIPTION],
        "kinds": sort_kinds(chosen.kinds),
        "fields": sorted(set(chosen.fields)),
    }


def check_url(url: str) -> None:
    """By its form; where the host leads is looked at each time something is sent. Raises WebhookError."""
    try:
        address = read_url(url)
    except EgressError:
        address = None
    if address is None or len(url) > MOST_URL or not url.isprintable() or address.fragment:
        raise _bad_url()
    rules, port = EgressRules(frozenset(settings.EGRESS_ALLOWED)), address.port
    if address.scheme == "http" and port not in {one for _host, one in rules.allowed}:
        raise WebhookError(
            "not_https", _("Personal data travels encrypted: the address begins with https://."), field="url"
        )
    literal = _read_literal(address.host)
    if literal is None:
        if not _HOST.fullmatch(address.raw_host):
            raise _bad_url()
        return
    if not rules.permits(literal, port or 443, ports=WEB_PORTS):
        raise WebhookError(
            "private_address",
            _(
                "This address is inside a private network. The operator of this server may open it (DYNAMAIL_EGRESS_ALLOWED)."
            ),
            field="url",
        )


def _read_literal(host: str) -> IPv4Address | IPv6Address | None:
    """The IP address that a host spells out, also as resolvers read it (`127.1`, `2130706433`). None for a name.

    `localhost` and what ends in it is this machine (RFC 6761 §6.3).
    """
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return IPv4Address("127.0.0.1")
    with suppress(ValueError):
        return ip_address(host)
    with suppress(OSError):
        return IPv4Address(inet_aton(name))
    return None


def _bad_url() -> WebhookError:
    return WebhookError(
        "bad_url", _("Write the address as https://host/path, without a password in it."), field="url"
    )


# ── Rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _move(
    endpoint: WebhookEndpoint,
    before: Collection[str],
    state: str,
    *,
    action: str,
    by: Actor,
    now: datetime,
    **values: Any,
) -> bool:
    values = {"why": "", **values, "state": state, "state_at": now, "updated_at": now}
    if not _rows(endpoint).filter(state__in=before, removed_at=None).update(**values):
        return False
    for name, value in values.items():
        setattr(endpoint, name, value)
    told = {"why": endpoint.why} if endpoint.why else {}
    record_audit(endpoint.account_id, by=by, action=action, subject=endpoint, url=endpoint.url, **told)
    note_wants(endpoint.account_id)
    if state == State.ACTIVE:
        queue_follow()
    return True


def _update(endpoint: WebhookEndpoint, **values: Any) -> None:
    _rows(endpoint).update(**values)
    for name, value in values.items():
        setattr(endpoint, name, value)


def _lock(endpoint: WebhookEndpoint) -> None:
    endpoint.keys_sealed = _rows(endpoint).select_for_update().values_list("keys_sealed", flat=True).get()


def _drop_unwanted(endpoint: WebhookEndpoint, now: datetime) -> None:
    """What waits of events that are not chosen any more is not told (P7.2)."""
    if ALL not in endpoint.kinds:
        unwanted = _list_open(endpoint).exclude(kind__in=[*endpoint.kinds, TEST])
        _give_up(endpoint, unwanted, "unwanted", now)


def _list_open(endpoint: WebhookEndpoint) -> QuerySet[WebhookDelivery]:
    rows = WebhookDelivery.objects.for_account(endpoint.account_id).filter(endpoint_id=endpoint.pk)
    return rows.filter(state__in=(WebhookDelivery.State.WAITING, WebhookDelivery.State.FAILED))


def _give_up(endpoint: WebhookEndpoint, rows: QuerySet[WebhookDelivery], error: str, now: datetime) -> None:
    """Who has one on its way still says what came of it; of a claim whose lease is over nobody will, so it is noted here."""
    lost = [
        LostClaim(
            row.account_id,
            row.id,
            row.kind,
            row.payload,
            row.contact_id or row.address_id,
            endpoint.authorization_id,
        )
        for row in rows.filter(claim__isnull=False, next_at__lte=now)
    ]
    note_lost(lost, now=now)
    rows.update(state=WebhookDelivery.State.GIVEN_UP, error=error, claim=None, next_at=None)


def _rows(endpoint: WebhookEndpoint) -> QuerySet[WebhookEndpoint]:
    return WebhookEndpoint.objects.for_account(endpoint.account_id).filter(pk=endpoint.pk)


def _begin_reading(now: datetime) -> None:
    """The first endpoint of all begins at the end of the log; a reader that reads already goes on."""
    if not EventCursor.objects.filter(pk=READER).exists():
        skip_to_end(READER, now=now)
    queue_follow()


def _tell(chosen: EndpointSettings, authorized: bool) -> dict[str, Any]:
    return {
        "url": chosen.url,
        "kinds": list(chosen.kinds),
        "fields": list(chosen.fields),
        "authorized": authorized,
    }
