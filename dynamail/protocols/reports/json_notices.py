"""Notices that a provider mails as JSON (Amazon SES through SNS)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from dynamail.protocols.reports.arf import complain
from dynamail.protocols.reports.dsn import StatusOfRecipient
from dynamail.protocols.reports.records import Report, ReportedRecipient, ReportKind
from dynamail.protocols.reports.refusals import judge_status
from dynamail.protocols.reports.text_recipients import MAX_RECIPIENTS, find_address

MAX_JSON = 200_000
_SUBTYPES = {
    "General": "",
    "NoEmail": "no such user",
    "Suppressed": "address is on the suppression list",
    "OnAccountSuppressionList": "address is on the suppression list",
    "MailboxFull": "mailbox full",
    "MessageTooLarge": "message too large",
    "ContentRejected": "content rejected",
    "AttachmentRejected": "attachment rejected",
}


def read_json_notice(text: str) -> Report | None:
    """The report in a JSON object at the beginning of the text, or None."""
    start = text[:2_000].find("{")
    if start < 0 or '"notificationType"' not in text[:MAX_JSON].replace("eventType", "notificationType"):
        return None
    try:
        notice, _ = json.JSONDecoder().raw_decode(text[start:MAX_JSON].replace("\n ", "").replace("\n", ""))
    except (ValueError, RecursionError):
        return None
    return _read_notice(notice) if isinstance(notice, dict) else None


def _read_notice(notice: dict[str, Any]) -> Report | None:
    kind = str(notice.get("notificationType") or notice.get("eventType") or "")
    mail = _dict(notice.get("mail"))
    report = _read_kind(kind, notice)
    return report and replace(
        report,
        original_message_id=_text(_dict(mail.get("commonHeaders")).get("messageId")),
        original_envelope_from=find_address(_text(mail.get("source"))),
        original_subject=_text(_dict(mail.get("commonHeaders")).get("subject")),
        arrived_at=_text(mail.get("timestamp"))[:100],
        source_ip=_text(mail.get("sourceIp"))[:45],
    )


def _read_kind(kind: str, notice: dict[str, Any]) -> Report | None:
    if kind == "Complaint":
        complaint = _dict(notice.get("complaint"))
        people = [complain(address) for address, _ in _list_people(complaint.get("complainedRecipients"))]
        feedback = _text(complaint.get("complaintFeedbackType"))[:40] or "abuse"
        return Report(ReportKind.COMPLAINT, tuple(people), feedback_type=feedback)
    if kind == "Bounce":
        bounce = _dict(notice.get("bounce"))
        mta = _text(bounce.get("reportingMTA")).partition(";")[2].strip()[:255]
        hint = _SUBTYPES.get(_text(bounce.get("bounceSubType")), "")
        people = [
            _judge(address, person, hint) for address, person in _list_people(bounce.get("bouncedRecipients"))
        ]
        return Report(ReportKind.BOUNCE, tuple(people), reporting_mta=mta)
    return Report(ReportKind.DELIVERED) if kind == "Delivery" else None


def _judge(address: str, person: dict[str, Any], hint: str) -> ReportedRecipient:
    diagnostic = _text(person.get("diagnosticCode")).removeprefix("smtp; ")
    status = StatusOfRecipient(
        address,
        _text(person.get("action"))[:20],
        _text(person.get("status"))[:12],
        hint,
        diagnostic,
        "smtp",
        "",
    )
    return judge_status(status, block="")


def _list_people(people: object) -> list[tuple[str, dict[str, Any]]]:
    listed = [_dict(person) for person in people[:MAX_RECIPIENTS]] if isinstance(people, list) else []
    found = [(find_address(_text(person.get("emailAddress"))), person) for person in listed]
    return [(address, person) for address, person in found if address]


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value[:2_000] if isinstance(value, str) else ""
