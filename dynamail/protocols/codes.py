"""Why a server refused: one of fifteen bounce classes, from code, enhanced code (RFC 3463, RFC 5248), words and stage.

Words come first, since servers agree about them more than about numbers: "5.1.1" is said to spammers and "5.7.1" about full
mailboxes. Addresses are cut out before the words are looked at. Then the enhanced code decides, then the plain code.
A class that leads to a suppression (`HARD_CLASSES`) needs clear evidence about the *recipient*: a reply to the connection or to
MAIL is about us, whatever its words.
"""

from __future__ import annotations

import re
from enum import StrEnum

from dynamail.protocols.smtp.envelopes import Stage
from dynamail.protocols.smtp.replies import SmtpReply


class BounceClass(StrEnum):
    INVALID_RECIPIENT = "invalid_recipient"
    BAD_DOMAIN = "bad_domain"
    INACTIVE_MAILBOX = "inactive_mailbox"
    QUOTA = "quota"
    SPAM_CONTENT = "spam_content"
    SPAM_BLOCK = "spam_block"
    POLICY = "policy"
    AUTHENTICATION = "authentication"
    RELAYING = "relaying"
    ROUTING = "routing"
    PROTOCOL = "protocol"
    CONTENT = "content"
    TRANSIENT = "transient"
    TOO_MANY_RECIPIENTS = "too_many_recipients"
    UNCATEGORIZED = "uncategorized"


DESCRIPTIONS = {
    BounceClass.INVALID_RECIPIENT: "The mailbox does not exist.",
    BounceClass.BAD_DOMAIN: "The domain does not exist or does not accept mail.",
    BounceClass.INACTIVE_MAILBOX: "The mailbox existed but is closed, disabled or has moved.",
    BounceClass.QUOTA: "The mailbox is full.",
    BounceClass.SPAM_CONTENT: "The content looked like spam to the receiving server.",
    BounceClass.SPAM_BLOCK: "The sending IP address or domain is blocked or has a poor reputation.",
    BounceClass.POLICY: "A rule of the receiving server refused the message.",
    BounceClass.AUTHENTICATION: "SPF, DKIM, DMARC, reverse DNS, TLS or sign-in did not satisfy the receiving server.",
    BounceClass.RELAYING: "The server does not handle mail for this recipient.",
    BounceClass.ROUTING: "The message found no way to the recipient's server.",
    BounceClass.PROTOCOL: "The two servers did not understand each other.",
    BounceClass.CONTENT: "The message is too large, malformed, infected or has a forbidden attachment.",
    BounceClass.TRANSIENT: "The server cannot take the message now; a later attempt may succeed.",
    BounceClass.TOO_MANY_RECIPIENTS: "Too many recipients at once; a later attempt may succeed, even after a 5xx code.",
    BounceClass.UNCATEGORIZED: "The reply does not say why.",
}

HARD_CLASSES = frozenset(
    (BounceClass.INVALID_RECIPIENT, BounceClass.BAD_DOMAIN, BounceClass.INACTIVE_MAILBOX)
)
ALWAYS_TRANSIENT = frozenset((BounceClass.TRANSIENT, BounceClass.TOO_MANY_RECIPIENTS))

_ADDRESS = re.compile(r"<?[^\s<>()\"';:,]+@[^\s<>()\"';:,]+>?")
_WHO = r"(?:user|recipient|mailbox|e?-?mail ?box|account|address(?:ee)?|login|member|customer|alias|person)"

# The first rule whose words occur decides; the order is part of the table.
_WORDS: tuple[tuple[BounceClass, re.Pattern[str]], ...] = tuple(
    (bounce_class, re.compile(pattern))
    for bounce_class, pattern in (
        (
            BounceClass.TOO_MANY_RECIPIENTS,
            r"too many (?:recipients|rcpt)|recipients? limit|maximum recipients",
        ),
        (BounceClass.SPAM_CONTENT, r"(?:due to|as) spam|spam classification|\bube\b"),
        (
            BounceClass.TRANSIENT,
            r"gr[ea]y-?list|receiving mail (?:too quickly|at a rate)|rate[- ]limit|throttl|too many "
            r"(?:connections|concurrent|messages|sessions|errors)|too (?:fast|quickly|frequent)|"
            r"(?:system|server) (?:is )?(?:too )?(?:busy|overload)|insufficient system (?:storage|resource)|"
            r"exceeded the (?:maximum )?(?:sending|hourly|daily)|(?:daily|hourly|sending) (?:limit|quota)",
        ),
        (
            BounceClass.QUOTA,
            rf"(?:mailbox|mail ?box|inbox|folder|account|storage|disk|maildir)[^.;]{{0,40}}\bfull\b|over ?quota|over (?:the |its |their )?"
            rf"(?:disk )?quota|quota[^.;]{{0,30}}(?:exceed|exhaust|full|violat|reached|over)|exceed[^.;]{{0,30}}"
            rf"(?:quota|storage|allocation|mailbox size)|out of (?:storage|disk|space)|(?:not enough|insufficient|no) "
            rf"(?:disk |storage |mailbox )?(?:space|storage)|{_WHO}[^.;]{{0,30}}over (?:size|limit)|mailbox size limit",
        ),
        (
            BounceClass.AUTHENTICATION,
            r"\b(?:spf|dkim|dmarc|arc)\b|unauthenticated|not authenticated|authenticat\w*[- ](?:is )?(?:required|check|fail|"
            r"information|credential|results)|must authenticate|reverse (?:dns|lookup|address|mapping)|\bptr\b|\brdns\b|"
            r"fcrdns|cannot find your (?:reverse )?hostname|(?:tls|starttls|encryption) (?:is )?(?:required|needed)|"
            r"must issue a starttls|helo (?:command )?rejected|invalid helo|bad helo",
        ),
        (
            BounceClass.RELAYING,
            r"relay(?:ing)?,? (?:access )?(?:is )?(?:denied|not (?:permitted|allowed)|prohibited|refused|blocked)|unable to relay|"
            r"(?:not|n[o']t|cannot) relay|relaying|not permitted to relay|rcpthosts|user not local",
        ),
        (
            BounceClass.SPAM_BLOCK,
            r"block ?-?list|black ?-?list|\blisted (?:by|in|at|on)\b|dnsbl|\b[a-z]*rbls?\b|spamhaus|spamcop|barracuda|sorbs|"
            r"reputation|senderscore|unsolicited mail originating|banned sending ip|"
            r"\b(?:ip|host|server|network|client|connection|sender|domain)\b[^.;]{0,60}\b(?:blocked|banned|blocklisted)|"
            r"blocked (?:using|by|due|for|from)|\bbanned\b(?! (?:file|attach|name))|mail from [^ ]+ (?:refused|rejected|blocked)|"
            r"(?:your|client|connecting) (?:ip|host)[^.;]{0,40}(?:reject|denied|refused)|refused to talk|bad reputation",
        ),
        (
            BounceClass.SPAM_CONTENT,
            r"\bspam\b|spam(?:my|assassin|-like| score)|unsolicited|\bjunk\b|phishing|bulk mail|considered (?:bulk|uce)|\buce\b",
        ),
        (
            BounceClass.CONTENT,
            r"virus|malware|infected|trojan|(?:message|mail|data|header|attachment)s?[^.;]{0,40}(?:too (?:large|big|long)|exceed)|"
            r"exceed[^.;]{0,40}(?:message|mail) size|(?:message|maximum) size|size (?:limit|exceed)|too (?:large|big)|"
            r"attachment|banned (?:file|name)|executable|bare (?:lf|cr)|line too long|malformed|"
            r"(?:content|header)[^.;]{0,30}(?:reject|missing|invalid|not (?:allowed|accept|compliant)|duplicate)|"
            r"rfc ?[25][83]22|not rfc",
        ),
        (
            BounceClass.POLICY,
            r"sender[^.;]{0,40}(?:reject|denied|not (?:found|allowed|exist|verif|valid)|refused|invalid)|(?:bad|invalid|unknown) sender|"
            r"(?:verify|verification)[^.;]{0,20}sender|sender (?:address )?verif|your (?:domain|address)[^.;]{0,30}not",
        ),
        (
            BounceClass.INACTIVE_MAILBOX,
            rf"{_WHO}[^.;]{{0,40}}(?:is |been |was )?(?:disabled|inactive|deactivated|closed|cancell?ed|terminated|"
            rf"discontinued|moved|frozen|not active|no longer (?:active|valid|in use|used|available|exist|accept|work))|"
            rf"(?:disabled|inactive|deactivated|closed) {_WHO}|no longer (?:employed|works? |with (?:us|the company))|"
            rf"recipient account is blocked|has moved|mailbox currently unavailable - deactivated|inactive for",
        ),
        (
            BounceClass.BAD_DOMAIN,
            r"(?:domain|host)(?: name)?(?: is| was| does| has)? ?(?:not|n[o']t|no) (?:found|exist|resolv|known|accept|mx|such)|"
            r"(?:domain|host)[^.;]{0,40}(?:does not|doesn't) (?:exist|resolve|accept)|(?:unknown|no such|nonexistent|invalid) "
            r"(?:domain|host)|host unknown|domain unknown|nxdomain|null ?mx|name or service not known|unrouteable mail domain|"
            r"all relevant mx records point to non-existent|no mx record|name server: [^ ]+ host not found|bad destination system",
        ),
        (
            BounceClass.INVALID_RECIPIENT,
            rf"(?:unknown|no such|nonexist\w*|non-exist\w*|invalid|illegal|bad|undeliverable|unrecogni[sz]ed|no valid) (?:local |virtual |"
            rf"destination |mail |e-?mail )?{_WHO}|{_WHO}s?(?: name| id)?[^.;]{{0,60}}(?:unknown|(?:is |was |does |could |can ?|has )?"
            rf"(?:not?|n[o']t|cannot be) (?:be )?(?:found|exist|known|valid|listed|recogni[sz]ed|defined|registered|have))|"
            rf"(?:does not|doesn['’]?t|don['’]?t|did not) (?:exist|have an? {_WHO}|have such)|nosuchuser|unknown-user|unrouteable address|"
            rf"not our customer|no mailbox|no {_WHO}(?: here)? by that name|not a (?:known|valid) {_WHO}|cannot find (?:the )?{_WHO}|"
            rf"user ?unknown|recipnotfound|resolver\.adr\.(?:ex)?recip|as\(201806281\)|not listed in|who does not exist|"
            rf"not known (?:here|at)|mailbox unavailable|no (?:one|body) (?:here )?by that name|isn['’]t (?:a )?(?:known|valid|"
            rf"found)|verification failed for|no person|not in (?:the |our )?(?:directory|list of users)",
        ),
        (
            BounceClass.ROUTING,
            r"\bloops?\b|hop count|too many hops|no route|unreachable|connection (?:refused|timed ?out|reset|dropped|lost)|"
            r"lost connection|not reachable|timed? ?out|network error|loops back|could not (?:connect|contact|resolve)|dns (?:error|fail)|"
            r"name service error|no answer from host",
        ),
        (
            BounceClass.PROTOCOL,
            r"syntax error|bad sequence|(?:un)?recogni[sz]ed command|unknown command|bad command|not implemented|protocol|"
            r"synchroni[sz]ation|nested mail|need (?:mail|rcpt)|pipelin|unexpected command",
        ),
        (
            BounceClass.TRANSIENT,
            r"try (?:again|it)? ?later|temporar|come back later|service (?:is )?(?:not|un)available",
        ),
    )
)

# Words so general that an enhanced code says more, unless it would condemn the recipient.
_DENIAL = re.compile(
    r"policy|not (?:allowed|authori[sz]ed|permitted|accepted)|prohibited|denied|restrict|administrat|disallowed|"
    r"suspended|forbidden"
)
_REJECTION = re.compile(r"refused|reject")
_GONE = re.compile(r"moved|no longer|closed|terminated|cancell?ed|discontinued|left")
_MAY_RETURN = re.compile(r"disabled|suspend|frozen|locked|blocked|inactive|deactivated")

_ENHANCED = {
    "1.1": BounceClass.INVALID_RECIPIENT,
    "1.2": BounceClass.BAD_DOMAIN,
    "1.3": BounceClass.INVALID_RECIPIENT,
    "1.6": BounceClass.INACTIVE_MAILBOX,
    "1.7": BounceClass.POLICY,
    "1.8": BounceClass.POLICY,
    "1.10": BounceClass.BAD_DOMAIN,  # RFC 7505: null MX
    "2.1": BounceClass.INACTIVE_MAILBOX,
    "2.2": BounceClass.QUOTA,
    "2.3": BounceClass.CONTENT,
    "2.4": BounceClass.ROUTING,
    "3.0": BounceClass.TRANSIENT,
    "3.1": BounceClass.TRANSIENT,
    "3.2": BounceClass.TRANSIENT,
    "3.3": BounceClass.PROTOCOL,
    "3.4": BounceClass.CONTENT,
    "3.5": BounceClass.ROUTING,
    "4.5": BounceClass.TRANSIENT,
    "4.7": BounceClass.TRANSIENT,
    "5.3": BounceClass.TOO_MANY_RECIPIENTS,
    "6.7": BounceClass.PROTOCOL,  # RFC 6531: SMTPUTF8 is not supported
    "7.8": BounceClass.AUTHENTICATION,
    "7.9": BounceClass.AUTHENTICATION,
    "7.10": BounceClass.AUTHENTICATION,
    "7.11": BounceClass.AUTHENTICATION,
    "7.13": BounceClass.INACTIVE_MAILBOX,
    "7.17": BounceClass.INACTIVE_MAILBOX,  # RFC 7293: the mailbox has another owner now
    "7.18": BounceClass.BAD_DOMAIN,
    **{f"7.{detail}": BounceClass.AUTHENTICATION for detail in range(20, 28)},  # RFC 7372
    "7.28": BounceClass.SPAM_BLOCK,
    "7.29": BounceClass.AUTHENTICATION,
    "7.30": BounceClass.AUTHENTICATION,
    "7.509": BounceClass.AUTHENTICATION,
    "7.515": BounceClass.AUTHENTICATION,
}
_ENHANCED_SUBJECTS = {
    "4": BounceClass.ROUTING,
    "5": BounceClass.PROTOCOL,
    "6": BounceClass.CONTENT,
    "7": BounceClass.POLICY,
}
_CODES = {
    521: BounceClass.BAD_DOMAIN,  # RFC 7504
    523: BounceClass.CONTENT,
    530: BounceClass.AUTHENTICATION,
    534: BounceClass.AUTHENTICATION,
    535: BounceClass.AUTHENTICATION,
    538: BounceClass.AUTHENTICATION,
    551: BounceClass.RELAYING,
    554: BounceClass.POLICY,
    556: BounceClass.BAD_DOMAIN,  # RFC 7504
}


def classify_reply(reply: SmtpReply, stage: Stage) -> BounceClass:
    """The class of a 4xx or 5xx reply. Also fit for the diagnostic code of a DSN, with the stage RCPT."""
    words = _ADDRESS.sub(" ", reply.text).lower()
    if reply.enhanced == "5.4.1" and "recipient address rejected: access denied" in words:
        return (
            BounceClass.INVALID_RECIPIENT
        )  # Exchange Online's words for a mailbox that is not in its directory
    found = _classify_words(words) or _classify_codes(reply, words, stage)
    if found in HARD_CLASSES and not _is_about_recipient(reply, stage):
        return BounceClass.POLICY
    return found


def is_hard(bounce_class: BounceClass, reply: SmtpReply) -> bool:
    """Whether the address should not be written to again. Full, blocked, refused or spam is never hard, whatever 5xx says.

    A mailbox that is only disabled or suspended may come back; one that has moved or is closed does not.
    """
    if bounce_class is BounceClass.INACTIVE_MAILBOX and not _is_gone_for_good(reply):
        return False
    return bounce_class in HARD_CLASSES and reply.is_permanent


def is_worth_retrying(bounce_class: BounceClass, reply: SmtpReply) -> bool:
    """4xx, and the 5xx that servers say although they mean "later"."""
    return not reply.is_permanent or bounce_class in ALWAYS_TRANSIENT


def _is_about_recipient(reply: SmtpReply, stage: Stage) -> bool:
    """After DATA, "user unknown" is also what filters say; there the enhanced code must confirm it."""
    if stage in (Stage.DATA, Stage.DOT):
        return reply.enhanced[2:4] in ("1.", "2.")
    return stage not in (Stage.CONNECT, Stage.MAIL)


def _is_gone_for_good(reply: SmtpReply) -> bool:
    words = reply.text.lower()
    if reply.enhanced[2:] in ("1.6", "7.17"):
        return True
    return _GONE.search(words) is not None and _MAY_RETURN.search(words) is None


def _classify_words(words: str) -> BounceClass | None:
    for bounce_class, pattern in _WORDS:
        if pattern.search(words):
            return bounce_class
    return None


def _classify_codes(reply: SmtpReply, words: str, stage: Stage) -> BounceClass:
    found = _classify_enhanced(reply)
    if found in HARD_CLASSES and _DENIAL.search(words):
        return BounceClass.POLICY
    if found is None and (_DENIAL.search(words) or _REJECTION.search(words)):
        return BounceClass.POLICY
    return found or _classify_code(reply.code, stage)


def _classify_enhanced(reply: SmtpReply) -> BounceClass | None:
    if not reply.enhanced:
        return None
    kind, subject, detail = reply.enhanced.split(".")
    found = _ENHANCED.get(f"{subject}.{detail}")
    if found is None and detail != "0":
        found = _ENHANCED_SUBJECTS.get(subject)
    if subject == "7" and len(detail) == 3 and detail[0] == "6":
        return BounceClass.SPAM_BLOCK  # Microsoft's 5.7.606–649: banned sending IP
    if kind == "4" and found in (None, BounceClass.POLICY):
        return BounceClass.TRANSIENT
    return found


def _classify_code(code: int, stage: Stage) -> BounceClass:
    if code < 500:
        return BounceClass.TRANSIENT
    if code < 510:
        return BounceClass.PROTOCOL
    if code == 552:
        return BounceClass.QUOTA if stage is Stage.RCPT else BounceClass.CONTENT
    return _CODES.get(code, BounceClass.UNCATEGORIZED)
