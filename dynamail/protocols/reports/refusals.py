"""From what a report says about one recipient to its reason, its class and whether it is hard."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dynamail.protocols.codes import classify_reason
from dynamail.protocols.diagnosing import find_reason
from dynamail.protocols.reasons import HARD_REASONS, Evidence, Reason
from dynamail.protocols.reports.dsn import StatusOfRecipient
from dynamail.protocols.reports.quoted_replies import find_enhanced_code, find_quoted_reply, find_reply_code
from dynamail.protocols.reports.records import ReportedRecipient
from dynamail.protocols.reports.stages import find_stage

MAX_DIAGNOSTIC = 1_000
MAX_CONTEXT = 3_000  # characters of a notice that are looked at for one recipient

_SOFT_ACTIONS = frozenset(("delayed", "relayed", "delivered", "expanded"))
# What systems say in every notice, and which words of it would mislead.
_BOILERPLATE: Mapping[str, re.Pattern[str]] = {
    piece: re.compile(pattern, re.IGNORECASE)
    for piece, pattern in {
        "this is ": r"this is (?:only )?a (?:permanent|temporary|warning)[\w ]{0,30}error",
        "given up": r"i've given up",
        "sorry it": r"sorry it didn't work out",
        "try to redeliver": r"will not try to redeliver this message",
        "temporary failure": r"please note that this is only a temporary failure report",
        "kept in the queue": r"the message is kept in the queue",
        "to resend": r"you do not need to resend (?:the|your) message[\w ]{0,24}",
        "one or more": r"could not be delivered to one or more (?:of its )?recipients?",
        "further assistance": r"for further assistance, please[^.]{0,60}",
        "errors": r"had (?:permanent fatal|transient non-fatal|delivery) errors",
        "mail delivery": r"mail delivery (?:system|subsystem|failed|failure)",
        "technical details": r"technical details of (?:permanent|temporary) failure",
        "permanent failure": r"permanent failure",
        "delivery status": r"delivery status notification",
        "include this": r"if you do so, please include this problem report",
        "delete your own": r"delete your own text from the (?:attached )?(?:returned )?message[\w ]{0,24}",
        "we recommend": r"we recommend contacting[^.]{0,160}\.",
        "resend": r"(?:please )?try[\w ]{0,30}resend[^.]{0,80}",
        "recipient domain": r"it was rejected by the (?:server for the )?recipient domain",
        "not understand": r"your mail reader does not understand[\w ,]{0,100}",
    }.items()
}
# Cisco's gateway names the class of the code before it quotes the reply: `5.1.0 - Unknown address error 550-'…'`.
_GATEWAY = re.compile(r"^\s*[45]\.\d\.\d - [\w ]{1,40} error (?=[45]\d\d)")


def judge_status(status: StatusOfRecipient, *, block: str, notice: str = "") -> ReportedRecipient:
    """What RFC 3464 fields say; else the words of the notice about the same recipient; else the whole notice."""
    block = clean_notice(block)
    words = _GATEWAY.sub("", status.diagnostic)
    context = f"{block}\n{clean_notice(notice)}"
    if status.diagnostic_type == "x-unix":
        words = f"command output: {words}"
    enhanced = _choose_enhanced(find_enhanced_code(status.diagnostic), status.status)
    words = f"{words} ({status.comment})" if words and status.comment else words or status.comment
    if not words or not _says_something(words):
        enhanced = (
            enhanced if enhanced and not enhanced.endswith(".0.0") else find_enhanced_code(block) or enhanced
        )
        words = f"{words} {block}"
    code = find_reply_code(words) or find_reply_code(block)
    is_vague = not enhanced or enhanced.endswith(".0.0")
    evidence = Evidence(
        words,
        enhanced,
        code,
        find_stage(f"{block}\n{words}"),
        context,
        has_delay=status.action == "delayed",
        is_echoed=bool(status.status) and status.address.lower() in status.diagnostic.lower(),
        is_doubtful=is_vague and not code and bool(status.diagnostic) and not status.diagnostic_type,
    )
    return _judge(status.address, evidence, action=status.action or "failed", remote_mta=status.remote_mta)


def clean_notice(text: str) -> str:
    """The beginning of a notice without the sentences that every notice has."""
    text = text[:MAX_CONTEXT]
    lower = text.lower()
    for piece, pattern in _BOILERPLATE.items():
        if piece in lower:
            text = pattern.sub(" ", text)
    return text


def judge_block(address: str, block: str, *, context: str, action: str) -> ReportedRecipient:
    """What a notice in words says about one recipient."""
    block, context = clean_notice(block), clean_notice(context)
    quoted = find_quoted_reply(block) or find_quoted_reply(context)
    if quoted := quoted if _says_something(quoted) else "":
        context = f"{block}\n{context}"
    evidence = Evidence(
        quoted or block,
        find_enhanced_code(block) or find_enhanced_code(context),
        find_reply_code(block) or find_reply_code(context),
        find_stage(block or context),
        context,
        has_delay=action == "delayed",
        is_echoed=_is_echoed(address, block),
    )
    return _judge(address, evidence, action=action)


def _is_echoed(address: str, block: str) -> bool:
    """Sendmail's transcript names the recipient in front of its own words: `550 ann@example.net... User unknown`."""
    position = block.find("Transcript of session follows")
    return (
        position >= 0 and re.search(rf"[45]\d\d <?{re.escape(address)}>?\.\.\.", block[position:]) is not None
    )


def is_hard_report(reason: Reason, *, action: str, status: str, code: int) -> bool:
    """A delay is never hard. A 4xx that was repeated until the queue gave up condemns a mailbox, but not a domain."""
    if reason not in HARD_REASONS or action in _SOFT_ACTIONS:
        return False
    is_temporary = status.startswith("4") or (not status and 400 <= code < 500)
    return not is_temporary or reason is Reason.USER_UNKNOWN


def _judge(address: str, evidence: Evidence, *, action: str, remote_mta: str = "") -> ReportedRecipient:
    reason = find_reason(evidence)
    return ReportedRecipient(
        address=address,
        action=action,
        status=evidence.enhanced,
        code=evidence.code,
        diagnostic=" ".join(evidence.words.split())[:MAX_DIAGNOSTIC],
        reason=reason,
        bounce_class=classify_reason(reason, evidence.words),
        is_hard=is_hard_report(reason, action=action, status=evidence.enhanced, code=evidence.code),
        remote_mta=remote_mta,
    )


def _choose_enhanced(said: str, noted: str) -> str:
    """The server's own code says more than the reporter's, unless it says nothing."""
    if said and not said.endswith(".0.0"):
        return said
    return noted if noted and not noted.endswith(".0.0") else said or noted


def _says_something(words: str) -> bool:
    return re.search(r"[^\W\d_]{3}", words) is not None
