"""Where programs reach this installation: the API, SMTP, and the doors for the clients of other vendors."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

DOORS = ("Postmark", "Resend", "SendGrid", "Mailgun", "listmonk", "Segment")


@dataclass(frozen=True)
class Place:
    """A value that a program is set to."""

    title: str
    value: str


@dataclass(frozen=True)
class Door:
    """`url` is the base URL to give the vendor's client, `docs_url` leads to the chapter about it in the reference."""

    name: str
    url: str
    docs_url: str


@dataclass(frozen=True)
class WaysIn:
    """`smtp` is empty where this installation takes no mail by SMTP."""

    api_url: str
    smtp: tuple[Place, ...]
    doors: tuple[Door, ...]


def list_ways_in() -> WaysIn:
    return WaysIn(f"{settings.PUBLIC_URL}/api/v1", _list_smtp(), tuple(_make_door(name) for name in DOORS))


def _list_smtp() -> tuple[Place, ...]:
    ports = [
        Place(_("Port with STARTTLS"), str(settings.SUBMISSION_PORT)) if settings.SUBMISSION_PORT else None,
        Place(_("Port with TLS"), str(settings.SUBMISSION_TLS_PORT))
        if settings.SUBMISSION_TLS_PORT
        else None,
    ]
    open_ports = tuple(filter(None, ports))
    return (Place(_("SMTP server"), settings.PUBLIC_HOST), *open_ports) if open_ports else ()


def _make_door(name: str) -> Door:
    path = name.lower()
    return Door(name, f"{settings.PUBLIC_URL}/compat/{path}", f"/api/#client-{path}")
