"""What servers of the world say, and what it means. Every line is a reply to RCPT unless it says otherwise."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.protocols.diagnosing import find_reason
from dynamail.protocols.reason_words import find_words, simplify_words
from dynamail.protocols.reasons import Evidence
from dynamail.protocols.smtp.envelopes import Stage

REPLIES = """
userunknown 550 5.1.1 <a@b.example>: Recipient address rejected: User unknown in virtual mailbox table
userunknown 550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking
userunknown 550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup
userunknown 550 5.4.1 Recipient address rejected: Access denied. AS(201806281)
userunknown 550 Requested action not taken: mailbox unavailable
userunknown 550 Message was not accepted -- invalid mailbox. Local mailbox a@b.example is unavailable: user not found
userunknown 550 5.7.1 No such user!
userunknown 550 No such person at this address.
userunknown 550 sorry, no mailbox here by that name (#5.1.1 - chkusr)
userunknown 553 5.3.0 <a@b.example>... Addressee unknown
userunknown 550 Unknown or illegal user
userunknown 550 <a@b.example> is not a valid mailbox
userunknown 550 Mailbox not found
userunknown 554 5.1.1 unknown or illegal alias: a@b.example
userunknown 550 5.1.1 User doesn't exist: a@b.example
userunknown 550 #5.1.0 Address rejected.
userunknown 511 5.1.1 unknown address or alias: a@b.example
userunknown 550 Invalid recipient <a@b.example> (#5.1.1)
userunknown 550 5.1.1 sorry, this recipient is not in my validrcptto list
userunknown 550 5.1.1 Destinataire inconnu OFR_416 [416]
userunknown 550 Recipient not found
userunknown 550 Account not available or does not exist
hostunknown 550 5.1.2 <a@b.example>: Recipient address rejected: Domain not found
hostunknown 550 Host unknown
hostunknown 550 Unrouteable mail domain "b.example"
hostunknown 550 5.4.310 DNS domain b.example does not exist [Message=InfoDomainNonexistent]
notaccept 556 5.1.10 Recipient address has null MX
notaccept 550 Host does not accept mail
hasmoved 551 User has moved; please try other@b.example
hasmoved 550 5.1.6 recipient no longer on server: a@b.example
mailboxfull 552 5.2.2 The email account that you tried to reach is over quota
mailboxfull 452 4.2.2 The recipient's inbox is out of storage space.
mailboxfull 550 5.2.2 STOREDRV.Deliver; mailbox full
mailboxfull 552 Requested mail action aborted: exceeded storage allocation
mailboxfull 422 4.2.2 User mailbox quota exceeded
mailboxfull 554 5.2.2 mailbox for a@b.example exceeds allowed size
mailboxfull 452 4.1.1 requested action aborted: user exceeded quota
mailboxfull 550 5.7.1 Mailbox of the user is over its size limit
suspend 550 5.2.1 The email account that you tried to reach is inactive
suspend 550 Mailbox is frozen.
suspend 554 delivery error: dd Sorry your message cannot be delivered. This account has been disabled or discontinued [#102].
suspend 550 5.5.0 Le compte du destinataire est bloque. The recipient account is blocked. LPN007_426
suspend 525 5.7.13 Disabled recipient address
blocked 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org
blocked 550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using Spamhaus. S3140
blocked 550 5.7.606 Access denied, banned sending IP [192.0.2.1]
blocked 554 5.7.1 Connection refused. IP address blacklisted by recipient
blocked 550 5.7.1 Mail from IP 192.0.2.1 was rejected due to listing in Spamhaus SBL
blocked 554 Denied (Mode: normal): your IP is on a blocklist
blocked 550 JunkMail rejected - (mail.example) [192.0.2.1] is in an RBL, see http://rbl.example
blocked 554 5.7.1 The server sending your mail [192.0.2.1] does not have a good reputation: blocked using senderbase
badreputation 421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints
badreputation 550-5.7.1 [192.0.2.1] likely suspicious due to the very low reputation of the sending IP address
spamdetected 554 5.7.1 Message rejected as spam by Content Filtering.
spamdetected 550 5.7.1 Message content rejected, UBE, id=1
spamdetected 552 5.2.0 spam message discarded. Please visit http://mail.example/notspam/
spamdetected 550 This message scored 14.2 spam points.
spamdetected 554 5.7.1 [2] Message rejected under suspicion of SPAM
virusdetected 554 5.7.1 virus Eicar-Test found
virusdetected 550 Message contains malware (Heuristics.Phishing)
policyviolation 550 5.7.1 Message rejected due to local policy.
policyviolation 554 5.7.9 Message not accepted for policy reasons.
authfailure 550 5.7.26 This mail is unauthenticated, which poses a security risk; SPF and DKIM did not pass
authfailure 550 5.7.1 Unauthenticated email from b.example is not accepted due to domain's DMARC policy
authfailure 550 5.7.23 The message was rejected because of Sender Policy Framework violation -> 550 5.7.23 SPF validation failed
authfailure 550 5.7.515 Access denied, sending domain does not meet the required authentication level
requireptr 550 5.7.25 The IP address sending this message does not have a PTR record setup
requireptr 554 5.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]
requireptr 450 4.7.1 Client host rejected: cannot find your hostname, [192.0.2.1]
failedstarttls 530 5.7.0 Must issue a STARTTLS command first
failedstarttls 554 5.7.10 STARTTLS is required to send mail
norelaying 554 5.7.1 <a@b.example>: Relay access denied
norelaying 550 5.7.64 TenantAttribution; Relay Access Denied
norelaying 553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)
norelaying 550 relay not permitted
speeding 450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages
speeding 421 4.7.28 Our system has detected an unusual rate of unsolicited mail originating from your IP address
speeding 451 4.7.650 The mail server has been temporarily rate limited
speeding 550 5.1.1 192.0.2.1 has sent to too many recipients this hour. IB607
toomanyconn 421 4.7.0 Error: too many connections from 192.0.2.1
toomanyconn 421 Too many concurrent SMTP connections; please try again later.
toomanyconn 452 4.3.2 Connection rate limit exceeded.
mesgtoobig 552 5.3.4 Message size exceeds fixed limit
mesgtoobig 552 5.3.4 Your message exceeded Google's message size limits.
exceedlimit 550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient
contenterror 550 5.6.0 improper use of 8-bit data in message header
notcompliantrfc 550-5.7.1 Messages missing a valid Message-ID header are not accepted. See RFC 5322
blocked 550 5.7.1 <a@b.example>: Recipient address rejected: IP blocked
blocked 550 5.7.1 <a@b.example>: Recipient address rejected: Blocked
systemfull 452 4.3.1 <a@b.example>: Recipient address rejected: Mail system full
systemerror 421 4.3.2 mail server has reached limit for processing requests
requireptr 550 Sender IP reverse lookup rejected
rejected 553 5.1.8 <x@y.example>... Domain of sender address x@y.example does not exist
rejected 550 5.1.8 Sender address rejected: Domain not found
rejected 501 5.1.7 Bad sender address syntax
rejected 550 Sender verify failed
rejected 550 5.1.0 <x@y.example> sender rejected
filtered 550 5.7.1 Message rejected due to user rules
systemerror 451 4.7.1 Greylisting in action, please come back later
systemerror 451 4.3.0 Temporary lookup failure
systemerror 421 4.3.2 Service shutting down
systemerror 554 5.3.5 Local configuration error
systemfull 452 4.3.1 Insufficient system storage
networkerror 554 5.4.6 Too many hops
networkerror 554 5.4.14 Hop count exceeded - possible mail loop
syntaxerror 503 5.5.1 Bad sequence of commands
syntaxerror 500 5.5.2 unrecognized command
expired 550 4.4.7 QUEUE.Expired; message expired
securityerror 530 5.7.0 Authentication required
""".strip().splitlines()

# What mail systems write in their notices without a reply of another server.
NOTICES = """
hostunknown all relevant MX records point to non-existent hosts
hostunknown Host or domain name not found. Name service error for name=b.example type=AAAA: Host not found
networkerror Host or domain name not found. Name service error for name=b.example type=MX: Host not found, try again
networkerror Too many "Received" headers - suspected mail loop
networkerror connect to mx.example.net[192.0.2.1]:25: No route to host
systemerror lowest numbered MX record points to local host
systemerror mail for b.example loops back to myself
mailererror local delivery failed
mailererror Child process of address_pipe transport returned 127 from command: /usr/bin/x
mailboxfull can't create user output file. Command output: procmail: Quota exceeded while writing
mailboxfull maildir delivery failed: error writing message: Disk quota exceeded
expired delivery temporarily suspended: connect to mx.example.net[192.0.2.1]:25: Connection refused
expired conversation with mx.example.net[192.0.2.1] timed out while sending end of data
expired The message was not delivered within 5 days
notaccept Domain b.example does not accept mail (nullMX)
userunknown unknown user: "ann"
userunknown The email address you entered couldn't be found. Please check the recipient's email address
mesgtoobig Your message wasn't delivered because it is too large for the recipient
rejected Your message was rejected because you are not allowed to send to this group
policyviolation Your message can't be delivered because of a mail flow rule
""".strip().splitlines()


@pytest.mark.parametrize("line", NOTICES)
def test_a_notice_means_what_people_take_it_for(line: str) -> None:
    reason, words = line.split(" ", 1)
    assert find_reason(Evidence(words)) == reason


@pytest.mark.parametrize("line", REPLIES)
def test_a_reply_means_what_people_take_it_for(line: str) -> None:
    reason, reply = line.split(" ", 1)
    enhanced = re.match(r"\d{3}[ -]([245]\.\d+\.\d+)", reply)
    evidence = Evidence(reply, enhanced[1] if enhanced else "", int(reply[:3]), Stage.RCPT)
    assert find_reason(evidence) == reason


@given(st.text(max_size=3_000), st.text(max_size=50), st.integers(0, 700), st.sampled_from([None, *Stage]))
def test_anything_has_a_reason(words: str, context: str, code: int, stage: Stage | None) -> None:
    assert find_reason(Evidence(words, "", code, stage, context))


@given(
    st.lists(
        st.sampled_from(
            [
                "user",
                "mailbox",
                "not",
                "found",
                "full",
                "spam",
                "<a@b.example>",
                "exceed",
                "the",
                "quota",
                "blocked",
            ]
        ),
        max_size=40,
    )
)
def test_simplifying_twice_changes_nothing(words: list[str]) -> None:
    once = simplify_words(" ".join(words))
    assert simplify_words(once) == once
    assert find_words(once) == find_words(simplify_words(once))
