"""DNS records and what was found for them, in words."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dynamail.senders.domain_checks import Finding, RecordState
from dynamail.senders.domain_records import DnsRecord, RecordPurpose
from dynamail.senders.models import DkimKey, SendingDomain

Words = str | Promise
STRING_OCTETS = 255  # of one string in a TXT record (RFC 1035 §3.3.14)

TITLES: dict[RecordPurpose, Words] = {
    RecordPurpose.OWNERSHIP: _("Proof that the domain is yours"),
    RecordPurpose.DKIM: _("DKIM signature"),
    RecordPurpose.RETURN_PATH: _("Address for bounces (return-path)"),
    RecordPurpose.TRACKING: _("Links under your own name"),
    RecordPurpose.SPF: _("SPF"),
    RecordPurpose.DMARC: _("DMARC"),
}
REASONS: dict[RecordPurpose, Words] = {
    RecordPurpose.OWNERSHIP: _(
        "Only who controls the domain can publish it. Leave it in place: we look at it again every day."
    ),
    RecordPurpose.DKIM: _(
        "Receivers check with this key that a message comes from you and was not changed. Gmail, Yahoo and Microsoft require it."
    ),
    RecordPurpose.RETURN_PATH: _(
        "Messages that cannot be delivered come back under this name, so that dead addresses are no longer mailed. Receivers "
        "check SPF for it, and this server's own record answers: the check passes and fits the domain in From."
    ),
    RecordPurpose.TRACKING: _(
        "Links in your messages then show your domain instead of this server's. Filters trust links that fit the sender."
    ),
    RecordPurpose.SPF: _(
        "SPF is checked for the return-path above, so mail passes without this record. Some filters look at the domain in From "
        "as well: it is for them."
    ),
    RecordPurpose.DMARC: _(
        "Says what receivers do with forged mail in your name. Large providers require one; p=none only asks for reports. "
        "Put an address there that you read."
    ),
}
REASON_FOR_ED25519 = _(
    "A second, shorter signature for receivers that know it. Mail stays signed should one of the two keys ever be lost."
)
EXPLANATIONS: dict[str, Words] = {
    "other_token": _(
        "There is a token of another DynaMail account. Add this one as a second TXT record under the same name."
    ),
    "doubled_name": _(
        "We found it at %(about)s: your DNS provider adds the domain by itself. Write the name without the domain there."
    ),
    "unreadable": _("Receivers cannot read what is published. %(about)s"),
    "several": _(
        "There are several records under this name, and receivers may take any of them. Keep this one alone."
    ),
    "other_key": _("Another key is published under this name. Replace it with the value below."),
    "testing": _("The record says t=y, so receivers treat your mail as unsigned. Take t=y out."),
    "mx_without_spf": _(
        "Bounces arrive. For SPF, add a TXT record under the same name as well, or use the CNAME record instead."
    ),
    "no_https": _(
        "The name points here, but no certificate answers for it yet over https. Ask who operates this server to add one; links "
        "keep its own name until then."
    ),
    "spf_several": _(
        "There are several SPF records, and receivers then ignore all of them. Join them into one."
    ),
    "spf_without_us": _(
        "Your record does not include this server. Change it to the value below; keep a single SPF record."
    ),
    "spf_syntax": _("Receivers cannot read “%(about)s” in the record and ignore all of it."),
    "spf_loop": _("The record includes %(about)s in a circle, and receivers ignore all of it."),
    "spf_broken_include": _(
        "The record includes %(about)s, which has no SPF record. Receivers then ignore all of it."
    ),
    "spf_too_many_lookups": _(
        "The record needs more than ten DNS look-ups, and receivers then ignore it. Take out what you no longer use."
    ),
    "dmarc_several": _("There are several DMARC records, and receivers then ignore all of them. Keep one."),
    "dmarc_unreadable": _(
        "Receivers cannot read the policy in this record and ignore it. Replace it with the value below."
    ),
    "dmarc_good": _("Your policy is p=%(about)s. Mail from here passes it, signed with the keys above."),
    "dmarc_without_reports": _(
        "Your policy is p=%(about)s. Mail from here passes it. Add rua=mailto:… to learn who sends in your name."
    ),
    "dmarc_strict_dkim": _(
        "Your policy is p=%(about)s with adkim=s: mail passes when From is at exactly this domain. For addresses below it, add "
        "them as sending domains of their own."
    ),
    "dmarc_strict_spf": _(
        "Your policy is p=%(about)s with aspf=s: mail from here passes it by its signature alone."
    ),
    "dmarc_above": _("The policy of %(about)s holds for this domain too, and mail from here passes it."),
    "dmarc_strict_above": _(
        "The policy of %(about)s holds for this domain too. It is strict (adkim=s): use From addresses at exactly this domain."
    ),
}


@dataclass(frozen=True)
class RecordLook:
    """A record as the page shows it; `value` is what to publish, `pieces` the same cut for a zone file when it is long."""

    key: str
    title: Words
    reason: Words
    kind: str
    name: str
    relative_name: str
    value: str
    is_required: bool
    state: str
    label: Words
    tone: str
    explanation: str
    found: tuple[str, ...]
    pieces: tuple[str, ...]
    is_new_key: bool
    is_settled: bool  # somebody else's value does as well: nothing to publish

    @property
    def is_right(self) -> bool:
        return self.state == RecordState.RIGHT


def describe_record(
    record: DnsRecord,
    finding: Finding,
    *,
    domain: SendingDomain,
    algorithm: str = "",
    is_new_key: bool = False,
) -> RecordLook:
    title = f"{TITLES[record.purpose]}, {algorithm}" if algorithm else TITLES[record.purpose]
    value = finding.advice or record.value
    is_right = finding.is_right
    return RecordLook(
        key=record.key.replace(":", "-"),
        title=title,
        reason=REASON_FOR_ED25519
        if algorithm == DkimKey.Algorithm.ED25519.label
        else REASONS[record.purpose],
        kind=record.kind,
        name=record.name,
        relative_name=record.name.removesuffix(domain.name).rstrip(".") or "@",
        value=value,
        is_required=record.is_required,
        state=finding.state,
        label=_label(finding),
        tone=_tone(record, finding),
        explanation=_explain(finding),
        found=finding.found,
        pieces=cut_value(value) if record.kind == "TXT" and len(value) > STRING_OCTETS else (),
        is_new_key=is_new_key,
        is_settled=is_right and record.purpose in (RecordPurpose.SPF, RecordPurpose.DMARC),
    )


def cut_value(value: str) -> tuple[str, ...]:
    """Strings of at most 255 octets, as a zone file wants them."""
    return tuple(value[start : start + STRING_OCTETS] for start in range(0, len(value), STRING_OCTETS))


def describe_state(domain: SendingDomain) -> tuple[Words, str]:
    """The word and the tone of a domain's state."""
    states = SendingDomain.State
    if domain.state == states.VERIFIED and domain.failing_since:
        return _("Records missing"), "warning"
    return {
        states.PENDING: (_("Waiting for DNS"), "warning"),
        states.VERIFIED: (_("Verified"), "success"),
        states.LOST: (_("No longer verified"), "error"),
    }[states(domain.state)]


def _label(finding: Finding) -> Words:
    return {
        RecordState.RIGHT: _("Right"),
        RecordState.MISSING: _("Not found"),
        RecordState.DIFFERENT: _("Look here") if finding.code == "no_https" else _("Different"),
        RecordState.UNKNOWN: _("DNS does not answer") if finding.is_stale else _("Not looked up yet"),
    }[finding.state]


def _tone(record: DnsRecord, finding: Finding) -> str:
    if finding.is_right:
        return "success"
    if finding.state is RecordState.UNKNOWN or (
        finding.state is RecordState.MISSING and not record.is_required
    ):
        return "neutral"
    return "warning"


def _explain(finding: Finding) -> str:
    sentence = EXPLANATIONS.get(finding.code)
    return str(sentence) % {"about": finding.about} if sentence else ""
