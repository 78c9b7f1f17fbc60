"""At which command a server refused, from the words that other mail systems put around its reply."""

from __future__ import annotations

import re

from dynamail.protocols.smtp.envelopes import Stage

_COMMANDS = (
    ("rcpt", Stage.RCPT),
    ("mail", Stage.MAIL),
    ("end of data", Stage.DOT),
    ("message body", Stage.DOT),
    ("final data", Stage.DOT),
    ("body", Stage.DOT),
    ("transfer of mail text", Stage.DOT),
    ("eom", Stage.DOT),
    (".", Stage.DOT),
    ("data", Stage.DATA),
    ("bdat", Stage.DOT),
)
_CONNECTING = re.compile(
    r"helo|ehlo|initial connection|greeting|starttls|connect|quit|initial server|handshake|auth",
    re.IGNORECASE,
)
_AROUND = (
    re.compile(r"\(in\s+reply\s+to\s+([\w\s]{3,20}?)\s+command\)"),  # Postfix
    re.compile(r"while\s+(?:sending|receiving\s+the)\s+([\w\s]{3,24})", re.IGNORECASE),  # Postfix
    re.compile(
        r"SMTP error from remote (?:mail )?server (?:after|in) (?:pipelined )?(?:sending )?([A-Za-z ]{3,24})"
    ),  # Exim, GMX
    re.compile(r"did not like our ([A-Za-z ]{3,16}):"),  # DragonFly
    re.compile(r"\[(RCPT_TO|MAIL_FROM|DATA|BODY|EOM|HELO|EHLO|CONNECT|MAIL|RCPT|QUIT)\]"),  # Yahoo
    re.compile(
        r"(?:error|rejected|refused|failed|response)[\w ]{0,30} (?:during|following|after|to|on|in) (?:the )?(RCPT|MAIL|DATA|HELO|EHLO)\b"
    ),
    re.compile(r"SMTP:(RCPT|MAIL|DATA) host"),  # GroupWise, IMail
    re.compile(r"nach dem (RCPT|MAIL|DATA|HELO|EHLO)-Befehl"),  # GMX, in German
    re.compile(r"rejected\s+(MAIL|RCPT)\s+(?:FROM|TO)\s+address"),
)
_SESSION = re.compile(
    r"(?:>>> ?(?P<command>[^\n]{0,400})\n[^\S\n]{0,8})(?:(?:<<< [23]|250)[^\n]{0,400}\n[^\S\n]{0,8})?<<< ?[45]\d\d"
)
# Other transcripts: the command, and on the next line its refusal.
_DIALOG = re.compile(
    r"(?:>>>|<<<|-->|<--|\bsent:|\b[CS]:)[^\S\n]{0,4}(RCPT TO|MAIL FROM|DATA|EHLO|HELO|BDAT)\b[^\n]{0,300}\n[^\n]{0,60}?(?:>>>|<<<|-->|<--|:)[^\S\n]{0,4}[45]\d\d\b",
    re.IGNORECASE,
)
_GREETING = re.compile(r"while talking to [^\n]{1,200}:\n\s{0,8}<<< (?:421|554)")
_QMAIL = (
    (
        Stage.RCPT,
        re.compile(
            r"does not like recipient|recipient was rejected|n'aime pas le destinataire|RCPT TO generated following response"
        ),
    ),
    (Stage.DOT, re.compile(r"failed after I sent the message")),
    (Stage.DATA, re.compile(r"failed on DATA command")),
    (Stage.MAIL, re.compile(r"sender was rejected|does not like sender")),
    (Stage.CONNECT, re.compile(r"greeting failed|my name was rejected|refused to\s+talk to me")),
)
_GMAIL_STATE = re.compile(r"\(state (\d{1,2})\)")
_GMAIL_STATES = {
    8: Stage.MAIL,
    9: Stage.MAIL,
    12: Stage.MAIL,
    13: Stage.RCPT,
    14: Stage.RCPT,
    15: Stage.RCPT,
    17: Stage.DOT,
    18: Stage.DOT,
}


def find_stage(text: str) -> Stage | None:
    """The stage of the refusal that a bounded text describes, or None."""
    for pattern in _AROUND:
        if found := pattern.search(text):
            return _name_stage(found[found.lastindex or 0])
    for stage, pattern in _QMAIL:
        if pattern.search(text):
            return stage
    if _GREETING.search(text):
        return Stage.CONNECT
    for found in _SESSION.finditer(text):
        if not found["command"].startswith("QUIT"):
            return _name_stage(found["command"][:24])
    found = _DIALOG.search(text)
    return _name_stage(found[1]) if found else _find_gmail_state(text)


def _find_gmail_state(text: str) -> Stage | None:
    found = _GMAIL_STATE.search(text)
    return _GMAIL_STATES.get(int(found[1])) if found else None


def _name_stage(command: str) -> Stage | None:
    command = " ".join(command.replace("_", " ").lower().split())
    if _CONNECTING.match(command):
        return Stage.CONNECT
    return next((stage for word, stage in _COMMANDS if command.startswith(word)), None)
