from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.protocols.codes import (
    CLASSES,
    CONSEQUENCES,
    DESCRIPTIONS,
    HARD_CLASSES,
    BounceClass,
    Consequence,
    classify_reply,
    is_hard,
    is_worth_retrying,
)
from dynamail.protocols.diagnosing import find_reason
from dynamail.protocols.reason_words import simplify_words
from dynamail.protocols.reasons import HARD_REASONS, Evidence, Reason
from dynamail.protocols.smtp.envelopes import Stage
from dynamail.protocols.smtp.replies import SmtpReply, read_reply


def reply(text: str) -> SmtpReply:
    return read_reply((int(text[:3]), [text.encode()]))


@pytest.mark.parametrize(
    ("text", "expected", "hard"),
    [
        ("550 5.1.1 <ann@example.com>: Recipient address rejected: User unknown", "invalid_recipient", True),
        ("550 5.1.1 The email account that you tried to reach does not exist.", "invalid_recipient", True),
        ("550 5.4.1 Recipient address rejected: Access denied. [x.outlook.com]", "invalid_recipient", True),
        ("550 5.5.0 Requested action not taken: mailbox unavailable", "invalid_recipient", True),
        ("550 no mailbox by that name is currently available", "invalid_recipient", True),
        ("450 4.1.1 User unknown, try later", "invalid_recipient", False),
        ("550 5.1.2 Host unknown", "bad_domain", True),
        ("556 5.1.10 Domain has null MX", "bad_domain", True),
        ("550 5.1.6 Mailbox has moved", "moved", True),
        ("550 5.2.1 The email account that you tried to reach is disabled", "inactive_mailbox", False),
        ("552 5.2.2 Mailbox full", "quota", False),
        ("552-5.2.2 The recipient's inbox is out of storage space", "quota", False),
        ("550 5.1.1 mailbox over quota", "quota", False),
        ("554 5.7.1 Message rejected as spam", "spam_content", False),
        (
            "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
            "spam_block",
            False,
        ),
        ("550 5.7.606 Access denied, banned sending IP [192.0.2.1]", "spam_block", False),
        (
            "550 5.7.26 Unauthenticated email from example.com is not accepted (DMARC)",
            "authentication",
            False,
        ),
        ("550 5.7.515 Access denied", "authentication", False),
        ("550 5.7.25 The sending IP does not have a PTR record", "authentication", False),
        ("554 5.7.1 <a@b.example>: Relay access denied", "relaying", False),
        ("554 5.4.6 Too many hops", "routing", False),
        ("503 5.5.1 Bad sequence of commands", "protocol", False),
        ("552 5.3.4 Message size exceeds fixed maximum message size", "content", False),
        ("451 4.7.1 Greylisted, please try again", "transient", False),
        ("421 4.7.0 Try again later", "transient", False),
        ("452 4.5.3 Error: too many connections from your IP", "throttled", False),
        ("450 4.2.1 The user you are trying to contact is receiving mail too quickly", "throttled", False),
        ("421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred", "spam_block", False),
        ("550 5.2.1 Mailbox disabled, not accepting messages", "inactive_mailbox", False),
        ("554 5.7.1 Your message was rejected by the recipient", "filtered", False),
        ("530 5.7.0 Must issue a STARTTLS command first", "authentication", False),
        ("451 4.3.5 Server configuration error", "transient", False),
        ("452 4.5.3 Too many recipients", "too_many_recipients", False),
        ("552 Too many recipients", "too_many_recipients", False),
        ("550 5.7.1 Refused by local policy", "policy", False),
        ("550 no", "uncategorized", False),
        # A mailbox whose name says something else decides nothing.
        ("550 5.1.1 <spam-virus-relay@example.com> User unknown", "invalid_recipient", True),
    ],
)
def test_real_words_get_their_class(text: str, expected: str, hard: bool) -> None:
    parsed = reply(text)
    found = classify_reply(parsed, Stage.RCPT)
    assert (found, is_hard(found, parsed)) == (expected, hard)


@pytest.mark.parametrize(
    ("stage", "expected"), [(Stage.CONNECT, BounceClass.SPAM_BLOCK), (Stage.MAIL, BounceClass.POLICY)]
)
def test_what_is_said_about_the_sender_never_condemns_the_recipient(
    stage: Stage, expected: BounceClass
) -> None:
    assert classify_reply(reply("550 5.1.1 User unknown"), stage) is expected


def test_user_unknown_after_data_needs_an_enhanced_code() -> None:
    assert classify_reply(reply("550 User unknown"), Stage.DOT) is BounceClass.FILTERED
    assert classify_reply(reply("550 5.1.1 User unknown"), Stage.DOT) is BounceClass.INVALID_RECIPIENT


def test_too_many_recipients_is_retried_even_after_5xx() -> None:
    parsed = reply("552 5.5.3 too many recipients")
    assert is_worth_retrying(classify_reply(parsed, Stage.RCPT), parsed)
    parsed = reply("550 5.1.1 User unknown")
    assert not is_worth_retrying(classify_reply(parsed, Stage.RCPT), parsed)


def test_every_class_has_a_sentence_and_a_consequence_and_every_reason_a_class() -> None:
    assert set(DESCRIPTIONS) == set(CONSEQUENCES) == set(BounceClass)
    assert set(CLASSES) == set(Reason)


def test_only_what_is_hard_or_a_complaint_suppresses() -> None:
    suppressing = {name for name, consequence in CONSEQUENCES.items() if consequence is Consequence.SUPPRESS}
    assert suppressing == HARD_CLASSES | {BounceClass.COMPLAINT}
    assert {Reason(name) for name in ("userunknown", "hostunknown", "hasmoved", "notaccept")} == HARD_REASONS
    assert not any(name.is_about_us for name in suppressing)


# The associated texts of the IANA registry of enhanced status codes, and what they mean.
REGISTRY = {
    "Bad destination mailbox address": "userunknown",
    "Bad destination system address": "hostunknown",
    "Destination mailbox has moved, No forwarding address": "hasmoved",
    "Bad sender's system address": "rejected",
    "Recipient address has null MX": "notaccept",
    "Mailbox disabled, not accepting messages": "suspend",
    "Mailbox full": "mailboxfull",
    "Mail system full": "systemfull",
    "System not accepting network messages": "systemerror",
    "Message too big for system": "mesgtoobig",
    "No answer from host": "expired",
    "Bad connection": "networkerror",
    "Directory server failure": "systemerror",
    "Unable to route": "networkerror",
    "Mail system congestion": "systemerror",
    "Routing loop detected": "networkerror",
    "Delivery time expired": "expired",
    "Invalid command": "syntaxerror",
    "Syntax error": "syntaxerror",
    "Too many recipients": "toomanyconn",
    "Media not supported": "contenterror",
    "Conversion required but not supported": "contenterror",
    "Security features not supported": "securityerror",
    "Authentication credentials invalid": "securityerror",
    "Encryption required for requested authentication mechanism": "failedstarttls",
    "User Account Disabled": "suspend",
    "Mailbox owner has changed": "hasmoved",
    "No passing DKIM signature found": "authfailure",
    "SPF validation failed": "authfailure",
    "Reverse DNS validation failed": "requireptr",
    "Multiple authentication checks failed": "authfailure",
    "Mail flood detected": "speeding",
    "ARC validation failure": "authfailure",
}


@pytest.mark.parametrize(("text", "reason"), REGISTRY.items())
def test_the_words_of_the_registry_are_understood(text: str, reason: str) -> None:
    assert find_reason(Evidence(f"550 {text}", code=550, stage=Stage.RCPT)) == reason


def test_simplified_words_have_no_addresses_links_or_contractions() -> None:
    text = "User <Spam.Virus@example.com>  doesn\u2019t exist, see https://example.org/blocked?spam"
    assert simplify_words(text) == "user does not exist, see example.org"


@given(
    st.integers(400, 599),
    st.from_regex(r"([245]\.\d{1,3}\.\d{1,3})?", fullmatch=True),
    st.text(max_size=200),
    st.sampled_from(Stage),
)
def test_any_reply_has_a_class_and_4xx_is_never_hard(
    code: int, enhanced: str, text: str, stage: Stage
) -> None:
    parsed = SmtpReply(code, enhanced, text)
    found = classify_reply(parsed, stage)
    assert not (is_hard(found, parsed) and code < 500)
