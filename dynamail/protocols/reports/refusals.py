"""From what a report says about one recipient to its reason, its class and whether it is hard."""

from __future__ import annotations

import re

from dynamail.protocols.codes import classify_reason
from dynamail.protocols.diagnosing import find_reason
from dynamail.protocols.reasons import HARD_REASONS, Evidence, Reason
from dynamail.protocols.reports.dsn import StatusOfRecipient
from dynamail.protocols.reports.quoted_replies import find_enhanced_code, find_reply_code
from dynamail.protocols.reports.records import ReportedRecipient
from dynamail.protocols.reports.stages import find_stage

MAX_DIAGNOSTIC = 1_000

_SOFT_ACTIONS = frozenset(("delayed", "relayed", "delivered", "expanded"))
# What systems say in every notice, and which words of it would mislead.
_BOILERPLATE = re.compile(
    r"this is (?:only )?a (?:permanent|temporary|warning)[\w ]{0,30}error|i've given up|sorry it didn't work out|this is a permanent error|"
    r"will not try to redeliver this message|please note that this is only a temporary failure report|"
    r"the message is kept in the queue|you do not need to resend (?:the|your) message[\w ]{0,24}|"
    r"could not be delivered to one or more (?:of its )?recipients?|for further assistance, please[^.]{0,60}|"
    r"had (?:permanent fatal|transient non-fatal|delivery) errors|mail delivery (?:system|subsystem|failed|failure)|"
    r"permanent failure|technical details of (?:permanent|temporary) failure|delivery status notification|"
    r"if you do so, please include this problem report|delete your own text from the (?:attached )?(?:returned )?message[\w ]{0,24}|"
    r"we recommend contacting[^.]{0,160}\.|(?:please )?(?:try|contact)[\w ]{0,30}(?:resend|contact)[^.]{0,80}|"
    r"your mail reader does not understand[\w ,]{0,100}",
    re.IGNORECASE,
)
# Cisco's gateway names the class of the code before it quotes the reply: `5.1.0 - Unknown address error 550-'…'`.
_GATEWAY = re.compile(r"^\s*[45]\.\d\.\d - [\w ]{1,40} error (?=[45]\d\d)")


def judge_status(status: StatusOfRecipient, *, block: str, notice: str = "") -> ReportedRecipient:
    """What RFC 3464 fields say; else the words of the notice about the same recipient; else the whole notice."""
    block = _BOILERPLATE.sub(" ", block)
    words = _GATEWAY.sub("", status.diagnostic)
    if status.diagnostic_type == "x-unix":
        words = f"command output: {words}"
    enhanced = _choose_enhanced(find_enhanced_code(status.diagnostic), status.status)
    words = f"{words} ({status.comment})" if words and status.comment else words or status.comment
    if not words or not _says_something(words):
        enhanced = enhanced if enhanced and not enhanced.endswith(".0.0") else find_enhanced_code(block) or enhanced
        words, block = f"{words} {block}", _BOILERPLATE.sub(" ", notice)
    return _judge(
        status.address,
        action=status.action or "failed",
        words=words,
        context=block,
        enhanced=enhanced,
        stage_text=f"{block}\n{words}",
        remote_mta=status.remote_mta,
    )


def judge_block(address: str, block: str, *, context: str, action: str) -> ReportedRecipient:
    """What a notice in words says about one recipient."""
    block = _BOILERPLATE.sub(" ", block)
    return _judge(
        address,
        action=action,
        words=block,
        context=_BOILERPLATE.sub(" ", context),
        enhanced=find_enhanced_code(block) or find_enhanced_code(context),
        stage_text=block or context,
    )


def is_hard_report(reason: Reason, *, action: str, status: str, code: int) -> bool:
    """A delay is never hard. A 4xx that was repeated until the queue gave up condemns a mailbox, but not a domain."""
    if reason not in HARD_REASONS or action in _SOFT_ACTIONS:
        return False
    is_temporary = status.startswith("4") or (not status and 400 <= code < 500)
    return not is_temporary or reason is Reason.USER_UNKNOWN


def _judge(
    address: str, *, action: str, words: str, context: str, enhanced: str, stage_text: str, remote_mta: str = ""
) -> ReportedRecipient:
    code = find_reply_code(words) or find_reply_code(context)
    stage = find_stage(stage_text)
    reason = find_reason(Evidence(words, enhanced, code, stage, context, has_delay=action == "delayed"))
    return ReportedRecipient(
        address=address,
        action=action,
        status=enhanced,
        code=code,
        diagnostic=" ".join(words.split())[:MAX_DIAGNOSTIC],
        reason=reason,
        bounce_class=classify_reason(reason, words),
        is_hard=is_hard_report(reason, action=action, status=enhanced, code=code),
        remote_mta=remote_mta,
    )


def _choose_enhanced(said: str, noted: str) -> str:
    """The server's own code says more than the reporter's, unless it says nothing."""
    if said and not said.endswith(".0.0"):
        return said
    return noted if noted and not noted.endswith(".0.0") else said or noted


def _says_something(words: str) -> bool:
    return re.search(r"[^\W\d_]{3}", words) is not None
