"""Why a message was not taken: one of a closed list of reasons, found in words first, then in enhanced codes, then in the code.

Words come first, since servers agree about them more than about numbers: "5.1.1" is said to spammers and "5.7.1" about full
mailboxes. Addresses are cut out before the words are looked at: they belong to a stranger. A reason that condemns a
recipient needs evidence about the recipient: what is said to a connection or to MAIL is about the sender, whatever its words,
and "user unknown" after DATA is what filters say.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dynamail.protocols.smtp.envelopes import Stage


class Reason(StrEnum):
    """Why. The values are the vocabulary that published collections of bounces are labelled with."""

    USER_UNKNOWN = "userunknown"
    HOST_UNKNOWN = "hostunknown"
    HAS_MOVED = "hasmoved"
    NOT_ACCEPT = "notaccept"
    MAILBOX_FULL = "mailboxfull"
    SUSPEND = "suspend"
    FILTERED = "filtered"
    REJECTED = "rejected"
    BLOCKED = "blocked"
    BAD_REPUTATION = "badreputation"
    SPAM_DETECTED = "spamdetected"
    VIRUS_DETECTED = "virusdetected"
    POLICY_VIOLATION = "policyviolation"
    SECURITY_ERROR = "securityerror"
    AUTH_FAILURE = "authfailure"
    REQUIRE_PTR = "requireptr"
    FAILED_STARTTLS = "failedstarttls"
    NO_RELAYING = "norelaying"
    SPEEDING = "speeding"
    TOO_MANY_CONNECTIONS = "toomanyconn"
    MESSAGE_TOO_BIG = "mesgtoobig"
    EXCEED_LIMIT = "exceedlimit"
    CONTENT_ERROR = "contenterror"
    NOT_COMPLIANT_RFC = "notcompliantrfc"
    EXPIRED = "expired"
    NETWORK_ERROR = "networkerror"
    SYSTEM_ERROR = "systemerror"
    SYSTEM_FULL = "systemfull"
    MAILER_ERROR = "mailererror"
    SYNTAX_ERROR = "syntaxerror"
    ON_HOLD = "onhold"  # something was said that nobody here understands
    SUPPRESSED = "suppressed"
    FEEDBACK = "feedback"
    VACATION = "vacation"
    DELIVERED = "delivered"
    UNDEFINED = "undefined"  # nothing was said


HARD_REASONS = frozenset((Reason.USER_UNKNOWN, Reason.HOST_UNKNOWN, Reason.HAS_MOVED, Reason.NOT_ACCEPT))


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about one refusal.

    `words` is what the refusing server said, `context` what others wrote about it and only decides when words and codes do not.
    `enhanced` and `code` are "" and 0 when there were none; `stage` is None when nobody knows at which command it happened.
    `is_echoed`: the server named the recipient in its refusal, so it knew whom it refused. `is_doubtful`: nobody says whose words
    these are.
    """

    words: str
    enhanced: str = ""
    code: int = 0
    stage: Stage | None = None
    context: str = ""
    has_delay: bool = False
    is_echoed: bool = False
    is_doubtful: bool = False
