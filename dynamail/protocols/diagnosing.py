"""From the evidence about one refusal to its reason."""

from __future__ import annotations

from functools import lru_cache

from dynamail.protocols.reason_codes import find_code, find_decisive, find_enhanced, find_mark
from dynamail.protocols.reason_evidence import find_other_subject, is_plain_refusal, is_uncertain
from dynamail.protocols.reason_grammar import find_meaning
from dynamail.protocols.reason_words import MAX_WORDS, find_vague_words, find_words, simplify_words
from dynamail.protocols.reasons import HARD_REASONS, Evidence, Reason
from dynamail.protocols.smtp.envelopes import Stage

_NO_MAIL = (521, 556)  # RFC 7504
_SOFTER_CODES = {"2.1": Reason.SUSPEND, "2.2": Reason.MAILBOX_FULL, "7.1": Reason.FILTERED}
# Reasons about a mailbox: nobody can know them before the recipient was named.
_PERSONAL = frozenset(
    (
        Reason.USER_UNKNOWN,
        Reason.HOST_UNKNOWN,
        Reason.HAS_MOVED,
        Reason.NOT_ACCEPT,
        Reason.MAILBOX_FULL,
        Reason.SUSPEND,
        Reason.FILTERED,
        Reason.ON_HOLD,
        Reason.UNDEFINED,
    )
)
# What a server cannot have meant before it saw more than the connection.
_TOO_EARLY = frozenset((Reason.SPAM_DETECTED, Reason.REJECTED, Reason.NO_RELAYING))
_SYSTEM_FULL = ("3.1", "4.5")
_SAYS_NOTHING = ("", "0.0")
# RFC 3463: larger than this one recipient allows; something in the content is too large.
_TOO_BIG = {"2.3": Reason.EXCEED_LIMIT, "6.0": Reason.CONTENT_ERROR}


def find_reason(evidence: Evidence) -> Reason:
    """Codes that mean one thing, words of the server, its specific codes, the words around it, the vague codes."""
    found = (
        find_decisive(evidence.enhanced)
        or _find_in_text(evidence.words[:MAX_WORDS])
        or _find_specific(evidence)
        or _find_in_text(evidence.context[:MAX_WORDS])
        or (Reason.BLOCKED if evidence.stage is Stage.CONNECT and evidence.code >= 500 else None)
        or _soften(find_enhanced(evidence.enhanced, vague=True), evidence)
        or (Reason.EXPIRED if evidence.has_delay else None)
        or find_code(evidence.code, evidence.stage)
    )
    if found is Reason.UNDEFINED and (evidence.words.strip() or evidence.context.strip()):
        found = Reason.ON_HOLD
    return _restrain(found, evidence)


@lru_cache(maxsize=256)  # servers repeat themselves, and reports repeat the same words for each recipient
def _find_in_text(text: str) -> Reason | None:
    return (find_mark(text) or find_words(simplify_words(text))) if text else None


def _find_specific(evidence: Evidence) -> Reason | None:
    """A specific code says more than vague words, unless only the code would condemn the recipient."""
    specific = find_enhanced(evidence.enhanced, vague=False)
    if specific is not None and specific not in HARD_REASONS:
        return specific
    words = simplify_words(evidence.words)
    meaning = _find_vague(words, evidence) or _find_meaning(words, evidence)
    return _soften(specific, evidence) if specific and meaning in (None, Reason.FILTERED) else meaning


def _soften(found: Reason | None, evidence: Evidence) -> Reason | None:
    """A number alone does not condemn the recipient when the words refuse something else."""
    if found not in HARD_REASONS or evidence.code in _NO_MAIL:
        return found
    return Reason.FILTERED if is_plain_refusal(simplify_words(evidence.words)) else found


def _find_vague(words: str, evidence: Evidence) -> Reason | None:
    found = find_vague_words(words)
    if found is Reason.SECURITY_ERROR and evidence.stage is Stage.CONNECT:
        return Reason.BLOCKED
    contradicts = evidence.enhanced[2:] not in _SAYS_NOTHING and evidence.enhanced[2:4] != "1."
    return Reason.FILTERED if found in HARD_REASONS and contradicts else found


def _find_meaning(words: str, evidence: Evidence) -> Reason | None:
    """What was said in other words than the known ones condemns only with a code that does not contradict."""
    found = find_meaning(words)
    is_final = evidence.code >= 500 or evidence.enhanced[:4] == "5.1."
    return None if found in HARD_REASONS and not is_final else found


def _restrain(found: Reason, evidence: Evidence) -> Reason:
    """Take back what this server could not know, or did not confirm."""
    if evidence.stage is Stage.CONNECT and evidence.code:
        return Reason.BLOCKED if found in _TOO_EARLY or found in _PERSONAL else found
    if evidence.stage is Stage.MAIL and found in _PERSONAL:
        return Reason.SYSTEM_FULL if found is Reason.MAILBOX_FULL else Reason.REJECTED
    if found in (Reason.USER_UNKNOWN, Reason.HOST_UNKNOWN) and (other := find_other_subject(evidence)):
        return other
    return _confirm(evidence) if found is Reason.USER_UNKNOWN else _specify(found, evidence)


def _specify(found: Reason, evidence: Evidence) -> Reason:
    """What the code adds to words that mean several things."""
    if found is Reason.MAILBOX_FULL and evidence.enhanced[2:] in _SYSTEM_FULL:
        return Reason.SYSTEM_FULL
    if found is Reason.SYSTEM_ERROR and evidence.code in _NO_MAIL:
        return Reason.NOT_ACCEPT
    return _TOO_BIG.get(evidence.enhanced[2:], found) if found is Reason.MESSAGE_TOO_BIG else found


def _confirm(evidence: Evidence) -> Reason:
    """Filters and gateways say "user unknown" too; a mark, RCPT or an enhanced code about the address tells the difference."""
    if evidence.enhanced[2:] == "1.6":
        return Reason.HAS_MOVED
    softer = _find_in_text(evidence.context[:MAX_WORDS])
    if softer in (Reason.SUSPEND, Reason.MAILBOX_FULL):
        return softer
    if evidence.enhanced[2:] in _SOFTER_CODES and is_uncertain(evidence.words):
        return _SOFTER_CODES[evidence.enhanced[2:]]
    if evidence.stage is Stage.DOT:
        is_sure = evidence.enhanced[2:4] == "1."
    elif evidence.is_doubtful:
        is_sure = False
    elif evidence.stage is Stage.RCPT or not evidence.code or find_mark(evidence.words[:MAX_WORDS]):
        is_sure = True
    else:
        is_named = evidence.is_echoed and evidence.stage is None and evidence.enhanced[2:] in ("", "0.0")
        is_sure = is_named or evidence.enhanced[2:4] == "1." or evidence.enhanced[2:] == "5.0"
    return Reason.USER_UNKNOWN if is_sure else Reason.FILTERED
