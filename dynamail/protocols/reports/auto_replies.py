"""Automatic replies (RFC 3834): the message arrived, a program answers. Also the opposite: who writes delivery notices."""

from __future__ import annotations

import re

from dynamail.protocols.codes import BounceClass
from dynamail.protocols.reasons import Reason
from dynamail.protocols.reports.parts import Headers
from dynamail.protocols.reports.records import ReportedRecipient
from dynamail.protocols.reports.text_recipients import find_address

_REPLY_FIELDS = (
    "x-auto-response-suppress",
    "x-autoreply",
    "x-autorespond",
    "x-autoresponse",
    "x-auto-reply-from",
    "auto-submitted",
)
_SUBJECTS = re.compile(
    r"\s*(?:(?:re|fwd?|aw|antw|sv):\s*)?(?:auto(?:matic|mated|matische|matisch)?[ -]?(?:reply|response|answer|antwort|respuesta|svar)\b|auto\s?:|"
    r"out[ -]of[ -](?:the[ -])?office|away from|vacation|on (?:vacation|holiday|leave)|(?:i am|i'm) (?:away|out|on)|abwesen|abwesenheit|"
    r"automatisch|réponse automatique|absence|respuesta autom|resposta autom|risposta automatica|fuori ufficio|"
    r"автоответ|автоматический ответ|вне офиса|отпуск|自動(?:応答|返信)|不在|自动(?:回复|答复))",
    re.IGNORECASE,
)
_DAEMONS = re.compile(
    r"(?:mailer[-_.]?daemon|mail[-_.]?daemon|post[-_.]?master|postoffice|mail[-_.]?delivery|delivery[-_.]?(?:subsystem|system|status|failure)?|bounces?[-+]?\w*|daemon|"
    r"mdaemon|maildelivery|mmdf|root|system[-_.]?administrator|mail-?admin|bosscat)@|<>|^\s*$|mail (?:delivery|administrator|system)|delivery (?:subsystem|system)|"
    r"mailer-daemon|postmaster",
    re.IGNORECASE,
)
_NOTICES = re.compile(
    r"undeliver|return(?:ed|ing) (?:mail|message|to sender)|mail (?:delivery|system|failure|status|undeliver)|deliver(?:y|ed)? (?:status|fail|notif|report|problem|error|ha|could|delay|not)|"
    r"(?:failure|failed|fail) (?:notice|delivery|to deliver|mail)|message (?:delivery|could not|not delivered|you sent|status|was not|undeliv)|non[- ]?deliver|"
    r"not (?:be )?delivered|could not (?:send|deliver|be)|can(?:not|'t) deliver|bounced|rejected|warning|unzustellbar|non remis|no se (?:ha )?pud|"
    r"не (?:может быть )?доставлен|недоставлен|配信|エラー|エラ－|送信でき|退信|无法投递|mailbox (?:is )?full|over quota|user unknown|delayed mail|postmaster notify",
    re.IGNORECASE,
)
_ROBOTS = re.compile(
    r"(?:[\w.-]*-(?:admin|request|owner|bounces?|ctl|errors)|owner-[\w.-]*|no-?reply|majordomo|listserv|list|mailman|system)@",
    re.IGNORECASE,
)


def is_notice(headers: Headers) -> bool:
    """Did a mail system write this, as far as its header says? Some of them also claim to reply automatically."""
    if "x-failed-recipients" in headers:
        return True
    subject = headers.get("subject", "")
    if is_auto_reply_subject(subject):
        return False
    if _DAEMONS.search(headers.get("from", "")):
        return True
    has_null_path = headers.get("return-path", "").strip() in ("<>", "MAILER-DAEMON", "<MAILER-DAEMON>")
    return (has_null_path or _NOTICES.search(subject) is not None) and not find_auto_reply_field(headers)


def is_from_robot(headers: Headers) -> bool:
    """A mailing list manager, or another program that may refuse a message."""
    return (
        _ROBOTS.search(headers.get("from", "")) is not None
        or headers.get("precedence", "").lower() in ("bulk", "junk", "list")
        or any(name in headers for name in ("x-mlserver", "list-id", "x-ml-name", "x-ml-info"))
    )


def is_auto_reply(headers: Headers) -> bool:
    return find_auto_reply_field(headers) or is_auto_reply_subject(headers.get("subject", ""))


def is_auto_reply_subject(subject: str) -> bool:
    return _SUBJECTS.match(subject) is not None


def find_auto_reply_field(headers: Headers) -> bool:
    """RFC 3834 §5, and what was used before it."""
    submitted = headers.get("auto-submitted", "no").partition(";")[0].strip().lower()
    return (
        submitted in ("auto-replied", "auto-generated", "vacation")
        or headers.get("precedence", "").strip().lower() == "auto_reply"
        or any(name in headers for name in _REPLY_FIELDS[:-1])
    )


def read_auto_reply(headers: Headers) -> ReportedRecipient | None:
    """Who answers; None when nobody is named."""
    address = find_address(headers.get("from", "")) or find_address(headers.get("reply-to", ""))
    if not address:
        return None
    return ReportedRecipient(
        address=address,
        action="",
        status="",
        code=0,
        diagnostic=headers.get("subject", "")[:200],
        reason=Reason.VACATION,
        bounce_class=BounceClass.AUTO_REPLY,
        is_hard=False,
    )
