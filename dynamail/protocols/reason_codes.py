"""What numbers mean: enhanced codes (RFC 3463, 5248, 7293, 7372, 7505 and the IANA registry), reply codes, and the marks that
large providers document for their replies."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dynamail.protocols.reasons import Reason
from dynamail.protocols.smtp.envelopes import Stage

# Codes that mean one thing: the verdicts of RFC 7372, and those of Microsoft's tables of non-delivery reports.
_DECISIVE: Mapping[str, Reason] = {
    **{f"7.{detail}": Reason.AUTH_FAILURE for detail in (20, 21, 22, 23, 24, 26, 509, 515)},
    "7.25": Reason.REQUIRE_PTR,
    "1.90": Reason.SPEEDING,
    "2.121": Reason.SPEEDING,
    "2.122": Reason.SPEEDING,
    **{f"4.{detail}": Reason.NETWORK_ERROR for detail in (11, 12, 14, 312)},
    "4.300": Reason.EXPIRED,
    "4.316": Reason.EXPIRED,
    **{detail: Reason.FAILED_STARTTLS for detail in ("4.317", "7.321", "7.322", "7.323", "7.324", "7.325")},
    **{f"7.{detail}": Reason.SECURITY_ERROR for detail in (12, 57, 133, 134, 135, 136)},
    "7.54": Reason.NO_RELAYING,
    "7.64": Reason.NO_RELAYING,
    **{f"7.{detail}": Reason.SPAM_DETECTED for detail in (350, 501, 502, 503)},
    **{f"7.{detail}": Reason.BLOCKED for detail in (506, 507, 511, 513, 708)},
    "7.512": Reason.NOT_COMPLIANT_RFC,
    "7.703": Reason.POLICY_VIOLATION,
    "7.705": Reason.SPEEDING,
}
_ENHANCED = {
    "1.0": Reason.USER_UNKNOWN,
    "1.1": Reason.USER_UNKNOWN,
    "1.2": Reason.HOST_UNKNOWN,
    "1.3": Reason.USER_UNKNOWN,
    "1.4": Reason.FILTERED,
    "1.6": Reason.HAS_MOVED,
    "1.7": Reason.REJECTED,
    "1.8": Reason.REJECTED,
    "1.9": Reason.SYSTEM_ERROR,
    "1.10": Reason.NOT_ACCEPT,  # RFC 7505: null MX
    "2.0": Reason.FILTERED,
    "2.1": Reason.SUSPEND,
    "2.2": Reason.MAILBOX_FULL,
    "2.3": Reason.EXCEED_LIMIT,
    "2.4": Reason.FILTERED,
    "3.0": Reason.SYSTEM_ERROR,
    "3.1": Reason.SYSTEM_FULL,
    "3.2": Reason.SYSTEM_ERROR,
    "3.3": Reason.SYSTEM_ERROR,
    "3.4": Reason.MESSAGE_TOO_BIG,
    "3.5": Reason.SYSTEM_ERROR,
    "4.0": Reason.NETWORK_ERROR,
    "4.1": Reason.EXPIRED,
    "4.2": Reason.NETWORK_ERROR,
    "4.3": Reason.SYSTEM_ERROR,
    "4.4": Reason.HOST_UNKNOWN,
    "4.5": Reason.SYSTEM_ERROR,
    "4.6": Reason.NETWORK_ERROR,
    "4.7": Reason.EXPIRED,
    "5.0": Reason.SYNTAX_ERROR,
    "5.1": Reason.SYNTAX_ERROR,
    "5.2": Reason.SYNTAX_ERROR,
    "5.3": Reason.TOO_MANY_CONNECTIONS,
    "5.4": Reason.SYNTAX_ERROR,
    "5.5": Reason.SYNTAX_ERROR,
    "5.6": Reason.SYNTAX_ERROR,
    "7.13": Reason.SUSPEND,
    "7.17": Reason.HAS_MOVED,  # RFC 7293: the mailbox has another owner now
    "7.18": Reason.HOST_UNKNOWN,
    "7.27": Reason.REJECTED,
    "7.28": Reason.SPEEDING,
    "7.29": Reason.AUTH_FAILURE,
    "7.30": Reason.FAILED_STARTTLS,
    **_DECISIVE,
    "4.310": Reason.HOST_UNKNOWN,
}
_ENHANCED_SUBJECTS = {
    "1": Reason.USER_UNKNOWN,
    "2": Reason.FILTERED,
    "3": Reason.SYSTEM_ERROR,
    "4": Reason.NETWORK_ERROR,
    "5": Reason.SYNTAX_ERROR,
    "6": Reason.CONTENT_ERROR,
    "7": Reason.SECURITY_ERROR,
}
# Used for so many things that words in the rest of the report say more.
_VAGUE = frozenset(("1.0", "2.0", "3.0", "4.0", "5.0", "6.0", "7.0", "7.1", "5.1", "5.2"))

_CODES = {
    421: Reason.EXPIRED,
    422: Reason.MAILBOX_FULL,
    450: Reason.EXPIRED,
    451: Reason.SYSTEM_ERROR,
    452: Reason.SYSTEM_FULL,
    521: Reason.NOT_ACCEPT,  # RFC 7504
    523: Reason.MESSAGE_TOO_BIG,
    525: Reason.SUSPEND,
    530: Reason.SECURITY_ERROR,
    534: Reason.SECURITY_ERROR,
    535: Reason.SECURITY_ERROR,
    538: Reason.SECURITY_ERROR,
    551: Reason.HAS_MOVED,
    552: Reason.MAILBOX_FULL,
    553: Reason.USER_UNKNOWN,
    555: Reason.SYNTAX_ERROR,
    556: Reason.NOT_ACCEPT,  # RFC 7504
}

# Marks of providers, from their own pages for postmasters, in lower case. They decide before any words do.
_MARKS: Mapping[str, Reason] = {
    "?p=nosuchuser": Reason.USER_UNKNOWN,
    "as(201806281)": Reason.USER_UNKNOWN,
    "rcp-p1": Reason.USER_UNKNOWN,
    "recipnotfound": Reason.USER_UNKNOWN,
    "delivery error: dd this user": Reason.USER_UNKNOWN,
    "?p=disableduser": Reason.SUSPEND,
    "?p=inactiveuser": Reason.SUSPEND,
    "?p=overquota": Reason.MAILBOX_FULL,
    "shutoffquotaexceeded": Reason.MAILBOX_FULL,
    "?p=unsolicitedratelimit": Reason.SPEEDING,
    "?p=receivingrate": Reason.SPEEDING,
    "mi:stc": Reason.SPEEDING,
    "cxthrt": Reason.SPEEDING,
    "?p=unsolicitediperror": Reason.BLOCKED,
    "mi:spb": Reason.BLOCKED,
    "cxbl": Reason.BLOCKED,
    "?p=unsolicitedmessage": Reason.SPAM_DETECTED,
    "dt:spm": Reason.SPAM_DETECTED,
    "?p=dmarc": Reason.AUTH_FAILURE,
    "?p=unauthenticatedemail": Reason.AUTH_FAILURE,
    "mi:spf": Reason.AUTH_FAILURE,
    "mi:dma": Reason.AUTH_FAILURE,
    "pol-p7": Reason.AUTH_FAILURE,
    "mi:dmc": Reason.TOO_MANY_CONNECTIONS,
    "hl:icc": Reason.TOO_MANY_CONNECTIONS,
    "rp:rcl": Reason.TOO_MANY_CONNECTIONS,
    "rp:trc": Reason.TOO_MANY_CONNECTIONS,
    "cxcnct": Reason.TOO_MANY_CONNECTIONS,
    "hl:ifc": Reason.SPEEDING,
    "hl:mep": Reason.SPEEDING,
    "cxmxrt": Reason.SPEEDING,
    "hl:rep": Reason.BAD_REPUTATION,
    "rp:frl": Reason.NO_RELAYING,
    "mi:imf": Reason.REJECTED,
    "mi:nhd": Reason.BLOCKED,
    "cdrbl": Reason.BLOCKED,
    "urlbl": Reason.SPAM_DETECTED,
    "pol-p5": Reason.VIRUS_DETECTED,
    "?p=ipv6_authentication": Reason.REQUIRE_PTR,
    "cxdns": Reason.REQUIRE_PTR,
    "?p=rfcmessagenoncompliant": Reason.NOT_COMPLIANT_RFC,
    "?p=maxsizeerror": Reason.MESSAGE_TOO_BIG,
    "?p=blockedmessage": Reason.POLICY_VIOLATION,
    "cxsndr": Reason.REJECTED,
}
# Marks with numbers: a piece that must occur, and the pattern.
_NUMBERED_MARKS: tuple[tuple[Reason, str, re.Pattern[str]], ...] = tuple(
    (reason, piece, re.compile(pattern))
    for reason, piece, pattern in (
        (Reason.BAD_REPUTATION, "[ts", r"\[tss?0\d\]"),
        (Reason.BLOCKED, "pol-p", r"\bpol-p[1-4]\b"),
        (Reason.BLOCKED, "ipbl", r"\bipbl[01]{4}\b"),
        (Reason.BLOCKED, "aup#i", r"\baup#in?-10\d\d\b"),
        (Reason.SPEEDING, "aup#", r"\baup#(?:[a-z]{1,3}-)?13[123]0\b"),
        (Reason.TOO_MANY_CONNECTIONS, "aup#", r"\baup#(?:[a-z]{1,3}-)?1340\b"),
        (Reason.USER_UNKNOWN, "_416", r"(?:ofr|lpn)\d{0,4}_416\b"),
        (Reason.MAILBOX_FULL, "_417", r"(?:ofr|lpn)\d{0,4}_417\b"),
        (Reason.REJECTED, "_415", r"(?:ofr|lpn)\d{0,4}_415\b"),
        (Reason.BLOCKED, "_51", r"(?:ofr|lpn)\d{0,4}_51[013]\b"),
        (Reason.TOO_MANY_CONNECTIONS, "_10", r"(?:ofr|lpn)\d{0,4}_10[49]\b"),
        (Reason.SYSTEM_ERROR, "05", r"(?:ofr|lpn)\d{0,4}_[15]05\b"),
        (Reason.SPAM_DETECTED, "_506", r"(?:ofr|lpn)\d{0,4}_506\b"),
        (Reason.SPEEDING, "rl0000", r"\brl0000\d\d\b"),
        (Reason.BLOCKED, "s31", r"\bs31[45]\d\b"),
        (Reason.BLOCKED, "-00", r"\b(?:dy|sc|ou)-00\d\b"),
        (Reason.BLOCKED, "bl0000", r"\bbl0000\d\d\b"),
        (Reason.BLOCKED, "[bl2", r"\[bl2\d\]"),
        (Reason.REQUIRE_PTR, "pt0000", r"\bpt0000\d\d\b"),
    )
)


def find_mark(text: str) -> Reason | None:
    """What a provider's own code in the reply says."""
    text = text.lower()
    for mark, reason in _MARKS.items():
        if mark in text:
            return reason
    return next(
        (reason for reason, piece, pattern in _NUMBERED_MARKS if piece in text and pattern.search(text)), None
    )


def find_decisive(enhanced: str) -> Reason | None:
    """What an enhanced code says that is never used for anything else."""
    return _DECISIVE.get(enhanced[2:])


def find_enhanced(enhanced: str, *, vague: bool) -> Reason | None:
    """What an enhanced code says. The vague ones are only asked when `vague` is set."""
    if not enhanced:
        return None
    kind, subject, detail = enhanced.split(".")
    key = f"{subject}.{detail}"
    if key == "0.0" or (key in _VAGUE) is not vague:
        return None
    if subject == "7" and len(detail) == 3 and detail[0] == "6":
        return Reason.BLOCKED  # Microsoft's 5.7.606-649: banned sending IP
    if kind == "4" and key in ("7.0", "7.1"):
        return Reason.BLOCKED
    return _ENHANCED.get(key, _ENHANCED_SUBJECTS.get(subject))


def find_code(code: int, stage: Stage | None) -> Reason:
    """What the plain reply code says, which is little."""
    if code == 552 and stage not in (Stage.RCPT, None):
        return Reason.MESSAGE_TOO_BIG
    if code in _CODES:
        return _CODES[code]
    if 500 <= code < 510:
        return Reason.SYNTAX_ERROR
    return Reason.SYSTEM_ERROR if 400 <= code < 500 else Reason.UNDEFINED
