"""What other systems say about an address, in our words.

The exports looked at: Mailchimp, Brevo, listmonk, Mautic, Klaviyo, Amazon SES, SendGrid, Postmark, Mailgun, SparkPost, Resend,
Unisender, and our own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from dynamail.consent.models import SuppressionReason
from dynamail.consent.suppressing import ALL, MARKETING, TRANSACTIONAL
from dynamail.consent.suppression_list import USUAL_SCOPE
from dynamail.contacts.importing.mapping import fold

Reason = SuppressionReason


@dataclass(frozen=True)
class Meaning:
    """A reason, and the scope that goes with it unless the file has one. Without a reason: the address may be mailed."""

    reason: str = ""
    scope: str = ALL

    @property
    def is_suppressed(self) -> bool:
        return bool(self.reason)


MAILABLE = Meaning()
# Folded to letters and digits. Mautic writes numbers: 1 unsubscribed, 2 bounced, 3 by a user, 0 may be mailed.
_REASON_WORDS: Mapping[str, str] = {
    Reason.UNSUBSCRIBE: "unsubscribe unsubscribed unsubscribes unsub optout optedout optouts globalunsubscribe globalunsubscribed "
    "globalunsubscribes groupunsubscribe groupunsubscribes listunsubscribe linkunsubscribe unsubscribedviaemail unsubscribedviaapi "
    "unsubscribedviama userunsubscribed userunsubscribe userrequest removed left withdrawn nonmarketing 1 "
    "отписался отписалась отписан отписана отписка отписаны адпісаўся адпісалася адпісаны адпісана адпіска",
    Reason.HARD_BOUNCE: "hardbounce hardbounces hardbounced hard bounce bounced bounces permanent permanentbounce permanentfailure "
    "permfail cleaned invalid invalidemail invalidemails invalidemailaddress invalidaddress invalidrecipient undeliverable undelivered "
    "unreachable bademail bademailaddress bouncerule userunknown unknownuser nosuchuser doesnotexist mailboxnotfound emaildisabled "
    "harderror 2 недоступен несуществует неверныйадрес ошибкадоставки недаступны неіснуе",
    Reason.COMPLAINT: "complaint complaints complained complain spam spamcomplaint spamcomplaints spamreport spamreports spamreported "
    "reportedspam reportedasspam markedasspam contactflaggedasspam flaggedasspam abuse abusecomplaint abusereport fbl feedbackloop "
    "жалоба жалобанаспам жалобы спам скарга скаргі",
    Reason.MANUAL: "manual manually manualsuppression usersuppressed suppressed suppression blocked block adminblocked blocklisted "
    "blocklist blacklisted blacklist blackmarked banned donotcontact donotmail donotemail dnc disabledbyadmin rejected never 3 "
    "заблокирован заблокирована блокировка чёрныйсписок черныйсписок вручную заблакаваны чорныспіс уручную",
}
_MAILABLE_WORDS = (
    "subscribed subscriber active enabled confirmed optin optedin mailable contactable allowed ok valid delivered transactional "  # codespell:ignore optin
    "nonsubscribed notsubscribed neversubscribed unconfirmed pending inactive new softbounce softbounces softbounced softbouncing "
    "transient temporary tempfail deferred delayed 0 подписан подписана активен активна падпісаны актыўны"
)
_MEANINGS: dict[str, Meaning] = {
    word: Meaning(str(reason), USUAL_SCOPE[reason])
    for reason, words in _REASON_WORDS.items()
    for word in words.split()
} | dict.fromkeys(_MAILABLE_WORDS.split(), MAILABLE)

_SCOPE_WORDS = {
    ALL: "all everything allmail global any всё все усё усе",
    MARKETING: "marketing campaigns campaign campaignsonly bulk broadcast broadcasts newsletter newsletters promotional promo "
    "commercial маркетинг рассылки рассылка кампании рассылкі кампаніі",
    TRANSACTIONAL: "transactional transactionalmail transactionalonly outbound",
}
_SCOPES = {word: scope for scope, words in _SCOPE_WORDS.items() for word in words.split()}

_PERMANENT_CODE = re.compile(
    r"5\d\d|5\.\d{1,3}\.\d{1,3}"
)  # a basic or enhanced reply code (RFC 5321, RFC 3463)


@lru_cache(maxsize=4_096)
def read_reason(text: str) -> Meaning | None:
    """What a word means; None for a text that is no word of any system known here."""
    if len(text) > 60:
        return None
    text = text.strip()
    if _PERMANENT_CODE.fullmatch(text):
        return Meaning(Reason.HARD_BOUNCE.value, ALL)
    return _MEANINGS.get(fold(text))


@lru_cache(maxsize=256)
def read_scope(text: str) -> str | None:
    """`all`, `marketing` or `transactional`; None for a text that says none of them."""
    return _SCOPES.get(fold(text)) if len(text) <= 60 else None
