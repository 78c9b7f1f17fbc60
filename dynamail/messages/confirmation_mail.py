"""The mail that asks a person to confirm a subscription: fixed words in their language, one button, nothing counted."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from uuid import UUID

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from dynamail.accounts.models import Account
from dynamail.consent.models import Topic
from dynamail.messages.new_email import NewEmail, NewRecipient
from dynamail.tracking.tokens import ConfirmToken, load_token_keys

PATH = "/c/"
TAG = "confirmation"

_HTML = """<!doctype html>
<html lang="{language}"><body style="margin:0;padding:24px;font-family:sans-serif;font-size:16px;line-height:1.5;color:#1f2430">
<div style="max-width:560px;margin:0 auto">
<h1 style="font-size:22px;line-height:1.3">{title}</h1>
<p>{ask}</p>
<p><a href="{url}" style="display:inline-block;padding:12px 20px;border-radius:6px;background:#2350d8;color:#ffffff;text-decoration:none">{button}</a></p>
<p style="color:#5b6270;font-size:14px">{ignore}</p>
<p style="color:#5b6270;font-size:14px">{sender}</p>
</div></body></html>"""


@dataclass(frozen=True)
class Invited:
    """Whom the mail goes to."""

    email: str
    name: str
    language: str


def write_confirmation(
    account: Account, topic: Topic, person: Invited, *, record_id: UUID, sender: str, reply_to: str = ""
) -> NewEmail:
    """`record_id` is the request's; `sender` an address or a mailbox of the account."""
    url = make_confirmation_url(account.pk, record_id)
    language = choose_language(person.language, account.language)
    with translation.override(language):
        words = {"name": account.name, "topic": topic.name}
        title = _("Please confirm your subscription")
        ask = (
            _("%(name)s wants to write to you about “%(topic)s”. If you asked for it, press the button.")
            % words
        )
        button = _("Yes, subscribe me")
        ignore = _(
            "If you did not ask for this, do nothing: no more mail will come, and you are not subscribed."
        )
        subject = _("Confirm: “%(topic)s” by %(name)s") % words
    by = ", ".join(part for part in (account.name, " ".join(account.postal_address.split())) if part)
    parts = {"title": title, "ask": ask, "url": url, "button": button, "ignore": ignore, "sender": by}
    html = _HTML.format(language=language, **{name: escape(text) for name, text in parts.items()})
    return NewEmail(
        sender=sender,
        recipients=(NewRecipient(person.email, person.name),),
        subject=" ".join(subject.split()),
        html=html,
        text=f"{title}\n\n{ask}\n\n{button}: {url}\n\n{ignore}\n\n{by}\n",
        reply_to=(reply_to,) if reply_to else (),
        headers=(("Auto-Submitted", "auto-generated"),),
        tags=(TAG,),
        track_opens=False,
        track_clicks=False,
    )


def make_confirmation_url(account_id: int, record_id: UUID) -> str:
    token = ConfirmToken(account_id, record_id).sign(load_token_keys(settings.SECRET_KEY))
    return f"{settings.PUBLIC_URL}{PATH}{token}"


def choose_language(*wanted: str) -> str:
    """The first of these that the words exist in; `pt-BR` is `pt`."""
    known = dict(settings.LANGUAGES)
    codes = (text.split("-")[0].lower() for text in wanted)
    return next((code for code in codes if code in known), settings.LANGUAGE_CODE)
