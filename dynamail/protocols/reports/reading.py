"""One call for everything that comes to a return-path, a mailbox for bounces or a complaint address."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html import unescape

from dynamail.protocols.codes import BounceClass
from dynamail.protocols.reason_words import find_words, simplify_words
from dynamail.protocols.reasons import Reason
from dynamail.protocols.reports.arf import complain, read_feedback
from dynamail.protocols.reports.auto_replies import is_auto_reply, is_from_robot, is_notice, read_auto_reply
from dynamail.protocols.reports.dsn import (
    DeliveryStatus,
    StatusOfRecipient,
    cut_delivery_status,
    read_address,
    read_delivery_status,
)
from dynamail.protocols.reports.json_notices import read_json_notice
from dynamail.protocols.reports.originals import Original, read_original, split_notice
from dynamail.protocols.reports.parts import MAX_TEXT, Headers, Part, read_parts
from dynamail.protocols.reports.records import Report, ReportedRecipient, ReportKind
from dynamail.protocols.reports.refusals import judge_block, judge_status
from dynamail.protocols.reports.text_recipients import (
    MAX_RECIPIENTS,
    find_address,
    find_block_of,
    find_blocks,
)

_STATUS_KINDS = ("message/delivery-status", "message/global-delivery-status")
_ORIGINAL_KINDS = (
    "message/rfc822",
    "message/global",
    "message/global-headers",
    "text/rfc822-headers",
    "message/partial",
)
_TAG = re.compile(r"<[^<>]{1,2000}>")
_HIDDEN = ("style", "script", "head")
MAX_HTML = 64_000  # characters
_ARRIVED = frozenset(("delivered", "relayed", "expanded"))
_DELAYED = re.compile(
    r"delay|warning|could not send (?:message|mail) for past|still being retried|not yet been delivered|temporary failure report|"
    r"will (?:keep|continue) trying|задерж",
    re.IGNORECASE,
)
_QUOTE = re.compile(r"^>[> ]{0,8}", re.MULTILINE)
_QUOTED_STATUS = re.compile(r"^> ?final-recipient:", re.IGNORECASE | re.MULTILINE)
# What comes in the same format and is no complaint of a person (RFC 5965 §7.3, RFC 6591).
_NO_COMPLAINTS = ("auth-failure", "not-spam", "dmarc", "delivery-failure")
_COMPLAINT = re.compile(r"\s*complaint about message from\b", re.IGNORECASE)
_LEAVING = re.compile(r"\s*unsubscribe\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Material:
    """A message taken apart: what was said in words, in fields, about a complaint, and what was returned."""

    headers: Headers
    notice: str
    status: str
    feedback: str
    returned: str
    original: Original


def read_report(raw: bytes) -> Report:
    """What this message says about messages of ours. Never raises; time and memory are bounded whatever comes.

    Nothing in it is authenticated: who sent it, and whether the message was ours, is for the caller to establish.
    """
    return _read(raw, depth=0)


def _read(raw: bytes, *, depth: int) -> Report:
    material = _take_apart(raw)
    report = (
        _read_complaint(material)
        or read_json_notice(material.notice)
        or _read_bounce(material)
        or _read_answer(material)
    )
    if report is not None and report.recipients:
        return _describe(report, material)
    if depth == 0 and _is_forwarded_notice(material):
        inner = _read(material.returned.lstrip().encode("utf-8", "replace"), depth=1)
        if inner.recipients:
            return inner
    return _describe(report or Report(ReportKind.OTHER), material)


def _take_apart(raw: bytes) -> _Material:
    headers, parts = read_parts(raw)
    status = "\n\n".join(part.text for part in parts if part.kind in _STATUS_KINDS)
    feedback = "\n".join(part.text for part in parts if part.kind == "message/feedback-report")
    returned = next((part.text for part in parts if part.kind in _ORIGINAL_KINDS), "")
    notice, rest = split_notice(_read_notice(parts))
    if not status:
        notice, status = cut_delivery_status(_unquote(notice))
    returned = returned or rest
    return _Material(headers, notice, status, feedback, returned, read_original(returned))


def _unquote(notice: str) -> str:
    """People forward notices with "> " before every line."""
    return _QUOTE.sub("", notice) if _QUOTED_STATUS.search(notice) else notice


def _read_notice(parts: list[Part]) -> str:
    """The words for people: plain text that stands before the returned message, else the text of HTML."""
    texts: list[str] = []
    for part in parts:
        if part.kind in _ORIGINAL_KINDS:
            break
        if part.kind == "text/plain" or (
            part.kind.startswith(("text/", "multipart/")) and part.kind != "text/html"
        ):
            texts.append(part.text)
    text = "\n".join(texts)
    if text.strip():
        return text[:MAX_TEXT]
    html = next((part.text for part in parts if part.kind == "text/html"), "")
    return _strip_html(html[:MAX_HTML])


def _strip_html(html: str) -> str:
    """Only the words. What cannot be seen goes first: style sheets are full of words such as "block"."""
    for name in _HIDDEN:
        pieces = re.split(rf"<{name}\b", html, flags=re.IGNORECASE)
        endings = [re.split(rf"</{name}>", piece, maxsplit=1, flags=re.IGNORECASE) for piece in pieces[1:]]
        html = pieces[0] + "\n".join(ending[1] for ending in endings if len(ending) == 2)
    return re.sub(r"[ \t]+", " ", unescape(_TAG.sub("\n", html))).replace("\xa0", " ")


def _read_complaint(material: _Material) -> Report | None:
    if material.feedback:
        return _read_feedback_report(material)
    subject = material.headers.get("subject", "")
    if "x-apple-unsubscribe" in material.headers and _LEAVING.match(subject):
        return _complain_as(find_address(material.headers.get("from", "")), "opt-out")
    if material.original.complainer or _COMPLAINT.match(subject):
        return _complain_as(material.original.complainer or material.original.to, "abuse")
    return None


def _complain_as(address: str, kind: str) -> Report | None:
    return Report(ReportKind.COMPLAINT, (complain(address),), feedback_type=kind) if address else None


def _read_feedback_report(material: _Material) -> Report:
    """Who complained is often blacked out (RFC 6590); then the returned message may still name its recipient."""
    feedback = read_feedback(material.feedback)
    people = feedback.recipients or [address for address in (material.original.to,) if address]
    return Report(
        ReportKind.OTHER if feedback.kind in _NO_COMPLAINTS else ReportKind.COMPLAINT,
        tuple(complain(address) for address in people),
        original_envelope_from=feedback.mail_from,
        original_envelope_id=feedback.envelope_id,
        feedback_type=feedback.kind or "abuse",
        reporting_mta=feedback.reporting_mta,
        arrived_at=feedback.arrived_at,
        source_ip=feedback.source_ip,
    )


def _read_bounce(material: _Material) -> Report | None:
    if material.status:
        status = read_delivery_status(material.status)
        recipients = _judge_statuses(status, material)
        if recipients:
            return Report(
                _name_kind(recipients),
                tuple(recipients),
                original_envelope_id=status.envelope_id,
                reporting_mta=status.reporting_mta,
                arrived_at=status.arrived_at,
            )
    if is_notice(material.headers) or (is_from_robot(material.headers) and _gives_reason(material)):
        return _read_words(material)
    return None


def _judge_statuses(status: DeliveryStatus, material: _Material) -> list[ReportedRecipient]:
    named = [_name_recipient(entry, material) for entry in status.recipients]
    named = [entry for entry in named if entry.address]
    addresses = [entry.address for entry in named]
    return [
        judge_status(
            entry,
            block=find_block_of(
                entry.address, material.notice, [other for other in addresses if other != entry.address]
            ),
            notice=material.notice if len(named) == 1 else "",
        )
        for entry in named
    ]


def _name_recipient(entry: StatusOfRecipient, material: _Material) -> StatusOfRecipient:
    """Pipes and local names are no addresses; the header or the returned message may have one."""
    if entry.address:
        return entry
    address = find_address(material.headers.get("x-failed-recipients", "")) or material.original.to
    return replace(entry, address=address)


def _read_words(material: _Material) -> Report | None:
    headers, notice = material.headers, material.notice
    is_delay = (
        _DELAYED.search(headers.get("subject", "")) is not None or _DELAYED.search(notice[:1_500]) is not None
    )
    action = "delayed" if is_delay and "fail" not in headers.get("subject", "").lower() else "failed"
    failed = [
        read_address(part) for part in headers.get("x-failed-recipients", "").split(",")[:MAX_RECIPIENTS]
    ]
    failed = [address for address in dict.fromkeys(failed) if address]
    if failed:
        blocks = [
            (address, find_block_of(address, notice, [other for other in failed if other != address]))
            for address in failed
        ]
    else:
        blocks = [
            (block.address, block.text) for block in find_blocks(notice, strangers=_list_strangers(material))
        ]
    if not blocks and material.original.to and not _is_forwarded_notice(material):
        blocks = [(material.original.to, notice)]
    # With several recipients only what is said before the first of them is about all.
    context = notice if len(blocks) == 1 else notice[: max(notice.find(blocks[0][0]), 0)] if blocks else ""
    subject = headers.get("subject", "")
    recipients = [
        judge_block(address, block, context=f"{context}\n{subject}", action=action)
        for address, block in blocks
    ]
    return (
        Report(ReportKind.DELAY if action == "delayed" else ReportKind.BOUNCE, tuple(recipients))
        if recipients
        else None
    )


def _list_strangers(material: _Material) -> frozenset[str]:
    """Whose addresses in a notice are surely not the recipient: the one it was sent to, and the one who wrote it."""
    names = [
        material.headers.get("to", ""),
        material.headers.get("from", ""),
        material.headers.get("delivered-to", ""),
    ]
    found = {find_address(name).lower() for name in names} | {
        material.original.sender.lower(),
        material.original.envelope_from.lower(),
    }
    return frozenset(found - {"", material.original.to.lower()})


def _note_arrival(recipient: ReportedRecipient) -> ReportedRecipient:
    """One of several recipients may have got the message after all."""
    if recipient.action not in _ARRIVED:
        return recipient
    return replace(recipient, reason=Reason.DELIVERED, bounce_class=BounceClass.UNCATEGORIZED, is_hard=False)


def _name_kind(recipients: list[ReportedRecipient]) -> ReportKind:
    actions = {recipient.action for recipient in recipients}
    if actions <= _ARRIVED:
        return ReportKind.DELIVERED
    return ReportKind.DELAY if "failed" not in actions and "delayed" in actions else ReportKind.BOUNCE


def _gives_reason(material: _Material) -> bool:
    """A program that is no mail system may refuse as well (mailing lists); then it says why."""
    return (
        find_words(simplify_words(f"{material.headers.get('subject', '')}\n{material.notice[:1_500]}"))
        is not None
    )


def _read_answer(material: _Material) -> Report | None:
    if not is_auto_reply(material.headers):
        return None
    answerer = read_auto_reply(material.headers)
    return Report(ReportKind.AUTO_REPLY, (answerer,) if answerer else ())


def _is_forwarded_notice(material: _Material) -> bool:
    """Was a delivery notice returned or passed on, instead of a message?"""
    headers, _ = read_parts(material.returned[:MAX_TEXT].lstrip().encode("utf-8", "replace"))
    return bool(headers.get("from")) and is_notice(headers)


def _describe(report: Report, material: _Material) -> Report:
    """Add what the returned message says about itself, and mark what arrived after all."""
    recipients = report.recipients
    if report.kind in (ReportKind.DELIVERED, ReportKind.BOUNCE):
        recipients = tuple(map(_note_arrival, recipients))
    if report.kind is ReportKind.OTHER:
        recipients = tuple(
            replace(recipient, bounce_class=BounceClass.UNCATEGORIZED) for recipient in recipients
        )
    original = material.original
    return replace(
        report,
        recipients=recipients,
        original_message_id=report.original_message_id or original.message_id,
        original_envelope_from=report.original_envelope_from or original.envelope_from,
        original_subject=report.original_subject or original.subject,
    )
