"""What became of an email, in one word: the ground of every vendor's own words."""

from __future__ import annotations

from uuid import UUID

from dynamail.api.auth import Caller
from dynamail.api.errors import Problem
from dynamail.events.kinds import EventKind
from dynamail.lib.ids import UnknownId, from_public_id
from dynamail.messages.email_log import EmailView, find_email

LATER = (EventKind.MESSAGE_OPENED, EventKind.MESSAGE_CLICKED, EventKind.MESSAGE_COMPLAINED)
"""What may still happen to an email that was delivered."""


def last_word(view: EmailView) -> str:
    """The latest thing that somebody did with the email, or else its state."""
    for event in reversed(view.timeline):
        if event.kind in LATER:
            return EventKind(event.kind).value.rpartition(".")[2]
    return view.state.value


def get_email(caller: Caller, said: str) -> EmailView:
    """The email of an id: `eml_…`, or the same as a UUID. Raises Problem (404)."""
    view = find_email(caller.account_id, read_email_id(said))
    if view is None:
        raise unknown_email()
    return view


def read_email_id(said: str) -> UUID:
    """Raises Problem (404)."""
    try:
        return from_public_id("eml", said) if said.startswith("eml_") else UUID(said)
    except (UnknownId, ValueError):
        raise unknown_email() from None


def unknown_email() -> Problem:
    return Problem(404, "unknown_email", "The account has no such email, or its log has ended.")
