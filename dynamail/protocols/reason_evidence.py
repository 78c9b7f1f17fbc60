"""Whether words that seem to condemn a recipient are about the recipient at all."""

from __future__ import annotations

import re

from dynamail.protocols.reason_words import find_words, simplify_words
from dynamail.protocols.reasons import Evidence, Reason

MAX_SENTENCE = 300  # characters; longer texts tell a story, in which a sender may occur
_REFUSING = re.compile(
    r"\b(?:reject|refus|denied|declin|not allowed|not accepted|not permitted|blocked|busy|temporar)"
)
# What RFC 5321 writes beside 450 and 550: it says little about existence.
_UNAVAILABLE = re.compile(r"(?:mailbox|account|user|recipient|address) (?:is )?(?:temporarily )?unavailable")
_RECIPIENT = re.compile(
    r"recipient|rcpt|addressee|mailbox|destination|user|account|empf[äa]e?nger|destinat|odbiorc|příjemc|получател|одержувач|mottag|modtag|"
    r"收件|宛先|受信|수신"
)
_SENDER = re.compile(
    r"\b(?:sender|mail from|return[ -]path|envelope[ -]from|from: ?header|originator)\b|"
    r"\b(?:absender|exp[ée]diteur|remitente|mittente|remetente|afzender|nadawc|odesílatel|отправител|відправник|avs[äe]nd)|"
    r"发件人|寄件|送信者|送信元|발신"
)
_CLIENT = re.compile(r"\b(?:helo|ehlo)\b|\bclient host\b|\byour (?:ip|host|server)\b|\b(?:ptr|rdns)\b")


def is_plain_refusal(words: str) -> bool:
    """Do simplified words refuse something without naming a recipient? Then a code alone must not condemn anybody."""
    return _REFUSING.search(words) is not None and _RECIPIENT.search(words) is None


def is_uncertain(words: str) -> bool:
    """Is nothing said but that a mailbox is unavailable?"""
    words, count = _UNAVAILABLE.subn(" ", simplify_words(words))
    return count > 0 and find_words(words) is not Reason.USER_UNKNOWN


def find_other_subject(evidence: Evidence) -> Reason | None:
    """A short reply that speaks of the sender or the client, and not of a recipient, is not about the recipient."""
    words = evidence.words.strip().lower()
    is_reply = words[:3].isdigit() or not evidence.context
    if not is_reply or len(words) > MAX_SENTENCE or _RECIPIENT.search(words):
        return None
    if _CLIENT.search(words):
        return Reason.BLOCKED
    return Reason.REJECTED if _SENDER.search(words) else None
