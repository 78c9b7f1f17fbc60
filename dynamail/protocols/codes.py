"""Bounce classes: what follows from the reason why a message was not taken. A closed list, with one consequence each."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from dynamail.protocols.diagnosing import find_reason
from dynamail.protocols.reasons import HARD_REASONS, Evidence, Reason
from dynamail.protocols.smtp.envelopes import Stage
from dynamail.protocols.smtp.replies import SmtpReply


class BounceClass(StrEnum):
    INVALID_RECIPIENT = "invalid_recipient"
    BAD_DOMAIN = "bad_domain"
    MOVED = "moved"
    INACTIVE_MAILBOX = "inactive_mailbox"
    QUOTA = "quota"
    FILTERED = "filtered"
    SPAM_CONTENT = "spam_content"
    SPAM_BLOCK = "spam_block"
    POLICY = "policy"
    AUTHENTICATION = "authentication"
    RELAYING = "relaying"
    ROUTING = "routing"
    PROTOCOL = "protocol"
    CONTENT = "content"
    THROTTLED = "throttled"
    TRANSIENT = "transient"
    TOO_MANY_RECIPIENTS = "too_many_recipients"
    COMPLAINT = "complaint"
    AUTO_REPLY = "auto_reply"
    UNCATEGORIZED = "uncategorized"

    @property
    def is_about_us(self) -> bool:
        """Is it about the sender, the content or the way? Such a bounce is never counted against a person."""
        return self in _ABOUT_US


class Consequence(StrEnum):
    """What the service does when it meets a class."""

    SUPPRESS = "suppress"  # never write to this address again
    RETRY = "retry"  # the same message may succeed later
    PAUSE_DESTINATION = "pause_destination"  # slow down or stop towards this destination, then retry
    TELL_OPERATOR = "tell_operator"  # something of ours must be repaired
    COUNT = "count"  # note it about the recipient; often repeated, it becomes a reason to stop


DESCRIPTIONS: Mapping[BounceClass, str] = {
    BounceClass.INVALID_RECIPIENT: "The mailbox does not exist.",
    BounceClass.BAD_DOMAIN: "The domain does not exist or does not accept mail.",
    BounceClass.MOVED: "The mailbox has moved or belongs to somebody else now.",
    BounceClass.INACTIVE_MAILBOX: "The mailbox is disabled, suspended or not in use.",
    BounceClass.QUOTA: "The mailbox is full.",
    BounceClass.FILTERED: "The recipient or a filter in front of the mailbox refused the message.",
    BounceClass.SPAM_CONTENT: "The content looked like spam to the receiving server.",
    BounceClass.SPAM_BLOCK: "The sending IP address or domain is blocked or has a poor reputation.",
    BounceClass.POLICY: "A rule of the receiving server refused the message.",
    BounceClass.AUTHENTICATION: "SPF, DKIM, DMARC, reverse DNS, TLS or sign-in did not satisfy the receiving server.",
    BounceClass.RELAYING: "The server does not handle mail for this recipient.",
    BounceClass.ROUTING: "The message found no way to the recipient's server.",
    BounceClass.PROTOCOL: "The two servers did not understand each other.",
    BounceClass.CONTENT: "The message is too large, malformed, infected or has a forbidden attachment.",
    BounceClass.THROTTLED: "The messages or connections came too fast; a slower attempt may succeed.",
    BounceClass.TRANSIENT: "The server cannot take the message now; a later attempt may succeed.",
    BounceClass.TOO_MANY_RECIPIENTS: "Too many recipients at once; a later attempt may succeed, even after a 5xx code.",
    BounceClass.COMPLAINT: "The recipient reported the message as unwanted.",
    BounceClass.AUTO_REPLY: "An automatic reply; the message has arrived.",
    BounceClass.UNCATEGORIZED: "The reply does not say why.",
}

CONSEQUENCES: Mapping[BounceClass, Consequence] = {
    BounceClass.INVALID_RECIPIENT: Consequence.SUPPRESS,
    BounceClass.BAD_DOMAIN: Consequence.SUPPRESS,
    BounceClass.MOVED: Consequence.SUPPRESS,
    BounceClass.INACTIVE_MAILBOX: Consequence.COUNT,
    BounceClass.QUOTA: Consequence.COUNT,
    BounceClass.FILTERED: Consequence.COUNT,
    BounceClass.SPAM_CONTENT: Consequence.TELL_OPERATOR,
    BounceClass.SPAM_BLOCK: Consequence.PAUSE_DESTINATION,
    BounceClass.POLICY: Consequence.TELL_OPERATOR,
    BounceClass.AUTHENTICATION: Consequence.TELL_OPERATOR,
    BounceClass.RELAYING: Consequence.TELL_OPERATOR,
    BounceClass.ROUTING: Consequence.RETRY,
    BounceClass.PROTOCOL: Consequence.TELL_OPERATOR,
    BounceClass.CONTENT: Consequence.TELL_OPERATOR,
    BounceClass.THROTTLED: Consequence.PAUSE_DESTINATION,
    BounceClass.TRANSIENT: Consequence.RETRY,
    BounceClass.TOO_MANY_RECIPIENTS: Consequence.RETRY,
    BounceClass.COMPLAINT: Consequence.SUPPRESS,
    BounceClass.AUTO_REPLY: Consequence.COUNT,
    BounceClass.UNCATEGORIZED: Consequence.COUNT,
}

CLASSES: Mapping[Reason, BounceClass] = {
    Reason.USER_UNKNOWN: BounceClass.INVALID_RECIPIENT,
    Reason.HOST_UNKNOWN: BounceClass.BAD_DOMAIN,
    Reason.HAS_MOVED: BounceClass.MOVED,
    Reason.NOT_ACCEPT: BounceClass.BAD_DOMAIN,
    Reason.MAILBOX_FULL: BounceClass.QUOTA,
    Reason.SUSPEND: BounceClass.INACTIVE_MAILBOX,
    Reason.FILTERED: BounceClass.FILTERED,
    Reason.REJECTED: BounceClass.POLICY,
    Reason.BLOCKED: BounceClass.SPAM_BLOCK,
    Reason.BAD_REPUTATION: BounceClass.SPAM_BLOCK,
    Reason.SPAM_DETECTED: BounceClass.SPAM_CONTENT,
    Reason.VIRUS_DETECTED: BounceClass.CONTENT,
    Reason.POLICY_VIOLATION: BounceClass.POLICY,
    Reason.SECURITY_ERROR: BounceClass.POLICY,
    Reason.AUTH_FAILURE: BounceClass.AUTHENTICATION,
    Reason.REQUIRE_PTR: BounceClass.AUTHENTICATION,
    Reason.FAILED_STARTTLS: BounceClass.AUTHENTICATION,
    Reason.NO_RELAYING: BounceClass.RELAYING,
    Reason.SPEEDING: BounceClass.THROTTLED,
    Reason.TOO_MANY_CONNECTIONS: BounceClass.THROTTLED,
    Reason.MESSAGE_TOO_BIG: BounceClass.CONTENT,
    Reason.EXCEED_LIMIT: BounceClass.CONTENT,
    Reason.CONTENT_ERROR: BounceClass.CONTENT,
    Reason.NOT_COMPLIANT_RFC: BounceClass.CONTENT,
    Reason.EXPIRED: BounceClass.TRANSIENT,
    Reason.NETWORK_ERROR: BounceClass.ROUTING,
    Reason.SYSTEM_ERROR: BounceClass.TRANSIENT,
    Reason.SYSTEM_FULL: BounceClass.TRANSIENT,
    Reason.MAILER_ERROR: BounceClass.TRANSIENT,
    Reason.SYNTAX_ERROR: BounceClass.PROTOCOL,
    Reason.ON_HOLD: BounceClass.UNCATEGORIZED,
    Reason.SUPPRESSED: BounceClass.FILTERED,
    Reason.FEEDBACK: BounceClass.COMPLAINT,
    Reason.VACATION: BounceClass.AUTO_REPLY,
    Reason.DELIVERED: BounceClass.UNCATEGORIZED,
    Reason.UNDEFINED: BounceClass.UNCATEGORIZED,
}

HARD_CLASSES = frozenset(CLASSES[reason] for reason in HARD_REASONS)
_ABOUT_US = frozenset(
    (
        BounceClass.SPAM_CONTENT,
        BounceClass.SPAM_BLOCK,
        BounceClass.POLICY,
        BounceClass.AUTHENTICATION,
        BounceClass.RELAYING,
        BounceClass.ROUTING,
        BounceClass.PROTOCOL,
        BounceClass.CONTENT,
        BounceClass.THROTTLED,
        BounceClass.TRANSIENT,
        BounceClass.TOO_MANY_RECIPIENTS,
    )
)
# What servers say with 5xx although they mean "later".
_ALWAYS_RETRIED = frozenset((BounceClass.THROTTLED, BounceClass.TRANSIENT, BounceClass.TOO_MANY_RECIPIENTS))


def classify_reply(reply: SmtpReply, stage: Stage) -> BounceClass:
    """The class of a 4xx or 5xx reply that came at this stage."""
    return classify_reason(find_reason(Evidence(reply.text, reply.enhanced, reply.code, stage)), reply.text)


def classify_reason(reason: Reason, words: str) -> BounceClass:
    """The class of a reason; the words tell too many recipients of one message from too many of anything else."""
    if reason is Reason.TOO_MANY_CONNECTIONS and ("recipient" in words.lower() or "rcpt" in words.lower()):
        return BounceClass.TOO_MANY_RECIPIENTS
    return CLASSES[reason]


def is_hard(bounce_class: BounceClass, reply: SmtpReply) -> bool:
    """Whether the address should not be written to again. Full, disabled, blocked, refused or spam is never hard, whatever 5xx says."""
    return bounce_class in HARD_CLASSES and reply.is_permanent


def is_worth_retrying(bounce_class: BounceClass, reply: SmtpReply) -> bool:
    """4xx, and the 5xx that servers say although they mean "later"."""
    return not reply.is_permanent or bounce_class in _ALWAYS_RETRIED
