"""How mail systems lay out their notices: the sentences around a reply, written after their sources and manuals.

A layout is a template: `{each}` stands for the pieces about the recipients, `{original}` for the returned message. In a piece, `{a}` is
the address, `{local}` its local part, `{r}` the reply of the server, `{code}` and `{status}` its numbers and `{words}` the rest.
"""

from __future__ import annotations

import base64
import quopri
from dataclasses import dataclass

ORIGINAL = """Return-Path: <b+abc@bounce.example.com>
Received: from sender.example.com (sender.example.com [192.0.2.9]) by mx.example.org; Thu, 1 Jan 2026 10:00:00 +0000
Message-ID: <one@example.com>
From: News <news@example.com>
To: somebody@example.net
Subject: Hello

Good day.
"""


@dataclass(frozen=True)
class Layout:
    """`encoding` is what the body is transferred in; `charset` what it is written in. `has_id`: does the message come back?"""

    text: str
    each: str
    sender: str = "MAILER-DAEMON@mx.example.org (Mail Delivery System)"
    subject: str = "Undelivered Mail Returned to Sender"
    extra: str = ""
    kind: str = "text/plain"
    charset: str = "utf-8"
    encoding: str = ""
    has_id: bool = True
    joint: str = "\n"
    is_single: bool = False


@dataclass(frozen=True)
class Reply:
    code: str
    status: str
    words: str
    reason: str
    is_hard: bool

    @property
    def text(self) -> str:
        return f"{self.code} {self.status} {self.words}"


REPLIES = (
    Reply("550", "5.1.1", "User unknown", "userunknown", True),
    Reply("550", "5.1.2", "Host unknown", "hostunknown", True),
    Reply("552", "5.2.2", "Mailbox full", "mailboxfull", False),
    Reply("550", "5.2.1", "The account is disabled", "suspend", False),
    Reply("554", "5.7.1", "Message rejected as spam", "spamdetected", False),
    Reply("554", "5.7.1", "Client host [192.0.2.7] blocked using zen.spamhaus.org", "blocked", False),
    Reply(
        "550",
        "5.7.26",
        "Unauthenticated email is not accepted due to domain's DMARC policy",
        "authfailure",
        False,
    ),
    Reply("552", "5.3.4", "Message size exceeds fixed limit", "mesgtoobig", False),
)
NEKO = "ann@example.net", "bob@example.net"


def render(layout: Layout, pairs: list[tuple[str, Reply]]) -> bytes:
    pieces = [
        layout.each.format(
            a=address,
            local=address.split("@")[0],
            domain=address.split("@")[1],
            r=reply.text,
            code=reply.code,
            status=reply.status,
            words=reply.words,
        )
        for address, reply in pairs
    ]
    body = layout.text.replace("{each}", layout.joint.join(pieces)).replace("{original}", ORIGINAL)
    data = body.encode(layout.charset, "replace")
    if layout.encoding == "base64":
        data = base64.encodebytes(data)
    elif layout.encoding == "quoted-printable":
        data = quopri.encodestring(data)
    kind = layout.kind if "multipart" in layout.kind else f"{layout.kind}; charset={layout.charset}"
    head = f"From: {layout.sender}\nTo: b+abc@bounce.example.com\nSubject: {layout.subject}\nMIME-Version: 1.0\nContent-Type: {kind}\n{layout.extra}"
    head += f"Content-Transfer-Encoding: {layout.encoding}\n" if layout.encoding else ""
    return head.encode() + b"\n" + data


REPORT = 'multipart/report; report-type=delivery-status; boundary="b1"'
EXIM = """This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

{each}
"""
QMAIL = """Hi. This is the qmail-send program at mx.example.org.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

{each}

--- Below this line is a copy of the message.

{original}"""
FIELDS = """Final-Recipient: rfc822; {a}
Action: failed
Status: {status}
Remote-MTA: dns; mx.example.net
Diagnostic-Code: smtp; {r}
"""


def make_report(
    notice: str, *, kind: str = "text/plain", third: str = "message/rfc822", preamble: str = ""
) -> str:
    return (
        f"{preamble}--b1\nContent-Type: {kind}; charset=utf-8\n\n{notice}\n--b1\nContent-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns; mx.example.org\nArrival-Date: Thu, 1 Jan 2026 10:00:00 +0000\n\n{each}\n"
        f"--b1\nContent-Type: {third}\n\n{{original}}\n--b1--\n"
    )


LAYOUTS = {
    "postfix": Layout(
        make_report(
            "This is the mail system at host mx.example.org.\n\nI'm sorry to have to inform you that your message could not\nbe delivered to one or "
            "more recipients. It's attached below.\n\nFor further assistance, please send mail to postmaster.\n\n                   The mail system"
        ),
        FIELDS,
        kind=REPORT,
    ),
    "postfix, said": Layout(
        make_report("The mail system\n\n<somebody>: see below", third="text/rfc822-headers"),
        "Final-Recipient: rfc822; {a}\nOriginal-Recipient: rfc822;{a}\nAction: failed\nStatus: {status}\nRemote-MTA: dns; mx.example.net\n"
        "Diagnostic-Code: smtp; {r}\n    (in reply to RCPT TO command)\n",
        kind=REPORT,
    ),
    "postfix, text only": Layout(
        "This is the Postfix program at host mx.example.org.\n\nI'm sorry to have to inform you that your message could not be\ndelivered to one or "
        "more recipients. It's attached below.\n\n\t\t\tThe Postfix program\n\n{each}\n\n{original}",
        "<{a}>: host mx.example.net[192.0.2.5] said: {r}\n    (in reply to RCPT TO command)\n",
    ),
    "exim": Layout(
        EXIM + "------ This is a copy of the message, including all the headers. ------\n\n{original}",
        "  {a}\n    host mx.example.net [192.0.2.5]\n    SMTP error from remote mail server after RCPT TO:<{a}>:\n    {r}\n",
        subject="Mail delivery failed: returning message to sender",
    ),
    "exim, old": Layout(
        EXIM + "------ This is a copy of the message's headers. ------\n\n{original}",
        "  {a}\n    SMTP error from remote mailer after RCPT TO:<{a}>:\n    host mx.example.net [192.0.2.5]: {r}\n",
        subject="Mail delivery failed: returning message to sender",
    ),
    "exim, with fields": Layout(
        make_report(
            "A message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error."
        ),
        "Action: failed\nFinal-Recipient: rfc822;{a}\nStatus: 5.0.0\nRemote-MTA: dns; mx.example.net\nDiagnostic-Code: smtp; {r}\n",
        kind=REPORT,
        subject="Mail delivery failed: returning message to sender",
    ),
    "exim, forwarded": Layout(
        EXIM + "------ This is a copy of the message, including all the headers. ------\n\n{original}",
        "  elsewhere@example.org\n    (generated from {a})\n    host mx.example.net [192.0.2.5]\n    SMTP error from remote mail server after RCPT TO:<elsewhere@example.org>:\n    {r}\n",
        subject="Mail delivery failed: returning message to sender",
        extra="X-Failed-Recipients: ann@example.net\n",
        is_single=True,
    ),
    "sendmail": Layout(
        "   ----- The following addresses had permanent fatal errors -----\n{each}\n   ----- Transcript of session follows -----\n... while talking to "
        "mx.example.net.:\n>>> DATA\n\n   ----- Original message follows -----\n\n{original}",
        "<{a}>\n    (reason: {r})",
        subject="Returned mail: see transcript for details",
    ),
    "sendmail, transcript": Layout(
        "The original message was received at Thu, 1 Jan 2026 10:00:00 GMT\nfrom localhost [127.0.0.1]\n\n   ----- Transcript of session follows -----\n"
        "... while talking to mx.example.net.:\n{each}\n\n   ----- Original message follows -----\n\n{original}",
        ">>> RCPT To:<{a}>\n<<< {r}\n{code} {status} <{a}>... {words}",
        subject="Returned mail: see transcript for details",
    ),
    "sendmail, with fields": Layout(
        make_report(
            "The original message was received at Thu, 1 Jan 2026 10:00:00 GMT\n\n   ----- The following addresses had permanent fatal errors -----\n\n"
            "   ----- Transcript of session follows -----\n... while talking to mx.example.net.:",
            third="text/rfc822-headers",
        ),
        "Final-Recipient: RFC822; {a}\nAction: failed\nStatus: {status}\nRemote-MTA: DNS; mx.example.net\nDiagnostic-Code: SMTP; {r}\nLast-Attempt-Date: Thu, 1 Jan 2026 10:00:01 GMT\n",
        kind=REPORT,
    ),
    "qmail": Layout(
        QMAIL,
        "<{a}>:\n192.0.2.5 does not like recipient.\nRemote host said: {r}\nGiving up on 192.0.2.5.\n",
        subject="failure notice",
    ),
    "qmail, connected": Layout(
        QMAIL,
        "<{a}>:\nConnected to 192.0.2.5 but recipient was rejected.\nRemote host said: {r}\n",
        subject="failure notice",
    ),
    "qmail, french": Layout(
        "Bonjour. Je suis le programme qmail-send sur mx.example.org.\nJe suis au regret de ne pas avoir pu livrer votre message aux adresses suivantes.\n"
        "C'est une erreur définitive.\n\n{each}\n\n--- Below this line is a copy of the message.\n\n{original}",
        "<{a}>:\n192.0.2.5 n'aime pas le destinataire.\nRemote host said: {r}\n",
        subject="failure notice",
        charset="iso-8859-1",
    ),
    "courier": Layout(
        "This is a delivery status notification from mx.example.org,\nrunning the Courier mail server, version 1.0.\n\nThe original message was received on "
        "Thu, 1 Jan 2026\n\n---------------------------------------------------------------------------\n\n                           UNDELIVERABLE MAIL\n\n"
        "Your message to the following recipients cannot be delivered:\n\n{each}\n---------------------------------------------------------------------------\n\n"
        "If your message was also sent to additional recipients, their delivery\nstatus is not included in this report.\n\n{original}",
        "<{a}>:\n    mx.example.net [192.0.2.5]:\n>>> RCPT TO:<{a}>\n<<< {r}\n",
        subject="NOTICE: mail delivery status.",
    ),
    "opensmtpd": Layout(
        "    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this email.\n\n    An error has occurred while attempting to deliver a message for\n"
        "    the following list of recipients:\n\n{each}\n\n    Below is a copy of the original message:\n\n{original}",
        "{a}: {r}",
        subject="Delivery status notification: error",
        sender="Mailer Daemon <MAILER-DAEMON@mx.example.org>",
    ),
    "dragonfly": Layout(
        "This is the DragonFly Mail Agent v0.13 at mx.example.org.\n\nThere was an error delivering your mail to <ann@example.net>.\n\n{each}\n\nOriginal message follows.\n\n{original}",
        "mx.example.net [192.0.2.5] did not like our RCPT TO:\n{r}",
        subject="Mail delivery failed",
        is_single=True,
    ),
    "nullmailer": Layout(
        make_report(
            "Hi.  This is the nullmailer-queue program.\nI'm afraid I wasn't able to deliver your message.\nThis is a permanent error; I've given up."
        ),
        "Final-Recipient: rfc822; {a}\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp; {r}\n",
        kind=REPORT,
    ),
    "gmail, plain": Layout(
        "Delivery to the following recipient failed permanently:\n\n{each}\n\n----- Original message -----\n\n{original}",
        "     {a}\n\nTechnical details of permanent failure: \nGoogle tried to deliver your message, but it was rejected by the server for the recipient "
        "domain {domain} by mx.example.net. [192.0.2.5].\n\nThe error that the other server returned was:\n{r}\n",
        sender="Mail Delivery Subsystem <mailer-daemon@googlemail.example>",
        subject="Delivery Status Notification (Failure)",
        is_single=True,
    ),
    "gmail, report": Layout(
        make_report(
            "\n** Address not found **\n\nYour message wasn't delivered. See the technical details below.\n\nThe response was:\n",
            third="message/rfc822",
        ),
        "Final-Recipient: rfc822; {a}\nAction: failed\nStatus: {status}\nRemote-MTA: dns; mx.example.net. (192.0.2.5, the server for the domain {domain}.)\n"
        "Diagnostic-Code: smtp; {code}-{status} {words}\n {code} {status} - gsmtp\nLast-Attempt-Date: Thu, 01 Jan 2026 02:00:00 -0800 (PST)\n",
        kind=REPORT,
        subject="Delivery Status Notification (Failure)",
        sender="Mail Delivery Subsystem <mailer-daemon@googlemail.example>",
    ),
    "exchange 2003": Layout(
        "Your message did not reach some or all of the intended recipients.\n\n      Subject:\tHello\n      Sent:\t1/1/2026 10:00 AM\n\nThe following recipient(s) "
        "could not be reached:\n\n{each}\n\n{original}",
        "      {a} on 1/1/2026 10:00 AM\n            {words}\n            <mx.example.org #{status} smtp;{r}>\n",
        sender="System Administrator <postmaster@mx.example.org>",
        subject="Undeliverable: Hello",
    ),
    "exchange 2010": Layout(
        make_report(
            "Delivery has failed to these recipients or groups:\n\nA problem occurred during the delivery of this message.\n\nDiagnostic information for administrators:\n\nGenerating server: mx.example.org",
        ),
        "Final-recipient: RFC822;{a}\nAction: failed\nStatus: {status}\nDiagnostic-code: smtp;{r}\nX-Display-Name: {local}\n",
        kind=REPORT,
        subject="Undeliverable: Hello",
        sender="postmaster@mx.example.org",
    ),
    "exchange, text only": Layout(
        "Delivery has failed to these recipients or groups:\n\n{each}\n\nOriginal message headers:\n\n{original}",
        "{a}<mailto:{a}>\nThe message couldn't be delivered.\n\nDiagnostic information for administrators:\n\nGenerating server: mx.example.org\n\n{a}\n"
        "mx.example.net #<mx.example.net #{status} smtp;{r}> #SMTP#\n",
        subject="Undeliverable: Hello",
        sender="Microsoft Outlook <postmaster@mx.example.org>",
        is_single=True,
    ),
    "exchange, html": Layout(
        "<html><head><style>.b {{display: block}}</style></head><body><p><b>Delivery has failed to these recipients or groups:</b></p>{each}<p>Original message headers:</p><pre>{original}</pre></body></html>",
        "<p><a href=\"mailto:{a}\">{a}</a><br>Your message could not be delivered.</p><p>Remote Server returned '{r}'</p>",
        kind="text/html",
        subject="Undeliverable: Hello",
        sender="postmaster@mx.example.org",
        has_id=False,
    ),
    "exchange, german": Layout(
        "Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Verteilerlisten:\n\n{each}\n\n{original}",
        "{a}\nDiagnoseinformationen für Administratoren:\nGenerierender Server: mx.example.org\n{a}\n#{status} smtp;{r}\n",
        subject="Unzustellbar: Hallo",
        sender="postmaster@mx.example.org",
        charset="iso-8859-1",
        encoding="quoted-printable",
    ),
    "exchange, spanish": Layout(
        "No se pudo entregar el mensaje a los siguientes destinatarios o listas de distribución:\n\n{each}\n\n{original}",
        "{a}\nInformación de diagnóstico para los administradores:\nServidor de generación: mx.example.org\n{a}\n#<#{status} smtp;{r}> #SMTP#\n",
        subject="No se puede entregar: Hola",
        sender="postmaster@mx.example.org",
        encoding="base64",
    ),
    "office 365": Layout(
        make_report(
            "<html><body><p>Your message to somebody couldn't be delivered.</p><p>It was rejected by the recipient's email system.</p></body></html>",
            kind="text/html",
        ),
        "Final-Recipient: rfc822;{a}\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp;{r} [AM5EUR02FT001.eop-EUR02.prod.protection.outlook.example]\n",
        kind=REPORT,
        subject="Undeliverable: Hello",
    ),
    "domino": Layout(
        "Your message\n\n  Subject: Hello\n\nwas not delivered to:\n\n{each}\n\n{original}",
        "  {a}\n\nbecause:\n\n  {r}\n",
        subject="DELIVERY FAILURE",
        sender="postmaster@mx.example.org",
        is_single=True,
    ),
    "notes, german": Layout(
        "------- Failure Reasons  --------\n\n{each}\n\n------- Returned Message --------\n\n{original}",
        "{r}\n{a}\n",
        subject="NONDELIVERY OF: Hello",
        sender="postmaster@mx.example.org",
        is_single=True,
    ),
    "groupwise": Layout(
        "The message that you sent was undeliverable to the following:\n{each}\n\nPossibly truncated original message follows:\n\n{original}",
        "\t{a} ({r})",
        subject="Message status - undeliverable",
        sender="Mailer-Daemon@mx.example.org",
    ),
    "imail": Layout(
        "{each}\n\nOriginal message follows.\n\n{original}",
        "undeliverable to {a}\n{r}\n",
        subject="Undeliverable Mail",
        sender="Postmaster <postmaster@mx.example.org>",
        is_single=True,
    ),
    "mailenable": Layout(
        "MailEnable: Message Delivery Failure.\n\nThe following recipient(s) could not be reached:\n\n{each}\n\nMessage headers follow:\n\n{original}",
        "\tRecipient: [SMTP:{a}]\n\tReason: Remote SMTP Server Returned: {r}\n",
        subject="Message Delivery Failure",
        sender="Postmaster <postmaster@mx.example.org>",
    ),
    "mdaemon": Layout(
        "The following data may contain sections which represent BASE64 encoded\nfile attachments.\n\nMDaemon could not deliver:\n\n{each}\n\n: Message contains [1] file attachments\n\n{original}",
        "  Failed address: {a}\n\n--- Session Transcript ---\n Thu 2026-01-01 10:00:00: --> RCPT To:<{a}>\n Thu 2026-01-01 10:00:00: <-- {r}\n--- End Transcript ---\n",
        subject="Permanent Delivery Failure",
        sender="MDaemon@mx.example.org",
        is_single=True,
    ),
    "hmailserver": Layout(
        "Your message did not reach some or all of the intended recipients.\n\n   Sent: 01.01.2026 10:00:00\n   Subject: Hello\n\nThe following recipient(s) could not be reached:\n\n{each}\n\nhMailServer\n\n{original}",
        "{a}\n   Error Type: SMTP\n   Remote server (192.0.2.5) issued an error.\n   hMailServer sent: RCPT TO:<{a}>\n   Remote server replied: {r}\n",
        subject="Message undeliverable: Hello",
        sender="mailer-daemon@mx.example.org",
    ),
    "kerio": Layout(
        make_report("Your message was not delivered to the following recipient(s):"),
        "Final-Recipient: rfc822; {a}\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp;{r}\n",
        kind=REPORT,
        subject="Delivery Status Notification (Failure)",
    ),
    "communigate": Layout(
        make_report(
            "Failed to deliver to 'ann@example.net'\nSMTP module(domain example.net) reports:\n the recipient was refused"
        ),
        "Original-Recipient: rfc822;<{a}>\nFinal-Recipient: system;<{a}>\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp;{r}\n",
        kind=REPORT,
        subject="Undeliverable mail: Hello",
    ),
    "communigate, text": Layout(
        "{each}\n\n{original}",
        "Failed to deliver to '{a}'\nSMTP module(domain {domain}) reports:\n host mx.example.net says:\n {r}\n",
        subject="Undeliverable mail: Hello",
    ),
    "messaging server": Layout(
        make_report(
            "This report relates to a message you sent with the following header fields:\n\n  Subject: Hello\n\nYour message cannot be delivered to the following recipients:\n"
        ),
        "Original-recipient: rfc822;{a}\nFinal-recipient: rfc822;{a}\nAction: failed\nStatus: {status} (Remote SMTP server has rejected address)\nRemote-MTA: dns;mx.example.net\nDiagnostic-code: smtp;{r}\n",
        kind=REPORT,
        subject="Delivery Notification: Delivery has failed",
    ),
    "james": Layout(
        "Hi. This is the James mail server at mx.example.org.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.  Below\nI include the list of recipients and the reason why I was unable to deliver\nyour message.\n\nFailed recipient(s):\n{each}\n\nError message:\n{original}",
        "{a}\n\nError message:\n{r}\n",
        subject="Re: Hello",
        sender="postmaster@mx.example.org",
        is_single=True,
        extra="Return-Path: <>\n",
    ),
    "powermta": Layout(
        make_report(
            "Hello, this is the mail server on mx.example.org.\n\nI am sending you this message to inform you on the delivery status of a\nmessage you previously sent."
        ),
        "Original-Recipient: rfc822;{a}\nFinal-Recipient: rfc822;{a}\nAction: failed\nStatus: {status} (reason in words)\nRemote-MTA: dns;mx.example.net (192.0.2.5)\nDiagnostic-Code: smtp;{r}\nX-PowerMTA-BounceCategory: other\n",
        kind=REPORT,
        subject="Delivery report",
    ),
    "amazon": Layout(
        make_report(
            "An error occurred while trying to deliver the mail to the following recipients:\nsomebody"
        ),
        "Final-Recipient: rfc822; {a}\nDiagnostic-Code: smtp; {r}\nStatus: {status}\nAction: failed\n",
        kind=REPORT,
        subject="Delivery Status Notification (Failure)",
        sender="MAILER-DAEMON@amazonses.example",
    ),
    "zimbra": Layout(
        make_report(
            "This is the mail system at host zimbra.example.org.\n\nYour message could not be delivered.",
            preamble="This is a MIME-encapsulated message.\n\n",
        ),
        FIELDS,
        kind=REPORT,
    ),
    "yahoo": Layout(
        "Sorry, we were unable to deliver your message to the following address.\n\n{each}\n\n--- Below this line is a copy of the message.\n\n{original}",
        "<{a}>:\nRemote host said: {r} [RCPT_TO]\n",
        sender="MAILER-DAEMON@yahoo.example",
        subject="Failure Notice",
    ),
    "gmx": Layout(
        "This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of\nits recipients. This is a permanent error. The following address\nfailed:\n\n{each}\n\n--- The header of the original message is following. ---\n\n{original}",
        '"{a}":\nSMTP error from remote server after RCPT command:\nhost: mx.example.net\n{r}\n',
        subject="Mail delivery failed: returning message to sender",
        is_single=True,
    ),
    "gmx, german": Layout(
        "Diese Nachricht wurde automatisch von der Mail-Software erstellt.\n\nDie folgende E-Mail konnte nicht zugestellt werden. Die folgende Adresse ist nicht erreichbar:\n\n{each}\n\n--- Der Header der ursprünglichen Nachricht folgt. ---\n\n{original}",
        '"{a}":\nSMTP-Fehler des entfernten Servers nach dem RCPT-Befehl:\n{r}\n',
        subject="Mail delivery failed: returning message to sender",
        charset="iso-8859-1",
        is_single=True,
        has_id=False,
    ),
    "mail.ru": Layout(
        "Это письмо создано автоматически сервером Mail.Ru, отвечать на него не нужно.\n\nК сожалению, Ваше письмо не может быть доставлено одному или нескольким получателям:\n\n{each}\n\nРекомендуем Вам проверить корректность указания адресов получателей.\n\n**********************\n\nThis message was created automatically by mail delivery software.\n\n------ This is a copy of the message, including all the headers. ------\n\n{original}",
        "  {a}\n    SMTP error from remote mail server after RCPT TO:<{a}>:\n    host mx.example.net [192.0.2.5]: {r}\n",
        sender="mailer-daemon@corp.mail.example",
        subject="Mail failure.",
        charset="koi8-r",
        encoding="base64",
        is_single=True,
    ),
    "yandex": Layout(
        make_report(
            "Это письмо отправлено почтовым сервером.\n\nК сожалению, мы вынуждены сообщить Вам о том, что Ваше письмо не может\nбыть отправлено одному или нескольким адресатам.\n"
        ),
        FIELDS,
        kind=REPORT,
        subject="Недоставленное сообщение",
    ),
    "japanese": Layout(
        "あなたのメールは次の宛先に届きませんでした。\n\n{each}\n\n----- Original message follows -----\n\n{original}",
        "<{a}>\n    host mx.example.net said: {r} (in reply to RCPT TO command)\n",
        subject="=?iso-2022-jp?B?GyRCQXc/LiUoJWkhPBsoQg==?=",
        charset="iso-2022-jp",
    ),
    "chinese": Layout(
        "抱歉，您的邮件被退回来了……\n\n原邮件信息：\n收件人：\n{each}\n\n---- 原始邮件 ----\n{original}",
        "{a}\n退信原因：\nhost mx.example.net said: {r} (in reply to RCPT TO command)\n",
        subject="系统退信",
        sender="postmaster@qq.example",
        charset="gb18030",
        encoding="base64",
        is_single=True,
        has_id=False,
    ),
    "zoho": Layout(
        "This message was created automatically by mail delivery software.\nA message that you sent could not be delivered to one or more of its recipients. This is a permanent error. \n\n{each}\n\nReceived:from mail.zoho.example by mx.zoho.example\n\tMessage-ID: <one@example.com>\n",
        "{a} {words}, ERROR_CODE :{code}, ERROR_CODE :{status} {words}\n",
        subject="Undelivered Mail Returned to Sender",
        sender="mailer-daemon@mail.zoho.example",
        has_id=False,
        is_single=True,
    ),
    "sendgrid": Layout(
        make_report(
            "Hello, this is the mail server on mx.example.org.\n\nYour message could not be delivered."
        ),
        "Final-recipient: rfc822; {a}\nAction: failed\nStatus: {status}\nRemote-MTA: dns; mx.example.net\nDiagnostic-Code: {r}\n",
        kind=REPORT,
        subject="Undelivered Mail Returned to Sender",
        sender="MAILER-DAEMON@sendgrid.example",
    ),
    "mail marshal": Layout(
        "Your message:\n   From:    news@example.com\n   Subject: Hello\n\nCould not be delivered because of\n\n{each}\n\nAdditional Information\n======================\n\nOriginal Sender:    <b+abc@bounce.example.com>\n\n{original}",
        "{r}\n\nThe following recipients were affected:\n   {a}\n",
        subject='Undeliverable Mail: "Hello"',
        sender="Postmaster@mx.example.org",
        is_single=True,
    ),
    "interscan": Layout(
        "{each}\n\nUnable to deliver message to the recipient.\n\n{original}",
        "Sent <<< RCPT TO:<{a}>\nReceived >>> {r}\n\nUnable to deliver message to <{a}>.\n",
        subject="Mail could not be delivered",
        sender='"InterScan MSS" <imss@mx.example.org>',
        is_single=True,
    ),
    "mcafee": Layout(
        "--- The following addresses had delivery problems ---\n\n{each}\n\n{original}",
        "<{a}>   ({r})",
        subject="Delivery Status",
        sender='"WebShield SMTP" <postmaster@mx.example.org>',
        is_single=True,
    ),
    "mimecast": Layout(
        make_report(
            "The email message could not be delivered to the user's email address.  The intended recipient's mail server rejected it."
        ),
        "Final-Recipient: rfc822; {a}\nRemote-MTA: dns; mx.example.net\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp; {r}\n",
        kind=REPORT,
        subject="[Postmaster] Email Delivery Failure",
    ),
    "ironport": Layout(
        "The following message to <ann@example.net> was undeliverable.\nThe reason for the problem:\n{each}\n\n{original}",
        "{status} - Unknown error {code}-'{status} {words}'",
        subject="Delivery Status Notification (Failure)",
        is_single=True,
    ),
    "barracuda": Layout(
        "This message has been generated by the spam firewall.\n\nYour message to: {each}\n\n{original}",
        "{a}\nwas blocked by the recipient's server. The reply was:\n{r}\n",
        subject="**Message you sent blocked by our bulk email filter**",
        sender="postmaster@barracuda.example.org",
        is_single=True,
    ),
    "smartermail": Layout(
        "Could not deliver message to the following recipient(s):\n\n{each}\n\n\t-- The header and top 20 lines of the message follows --\n\n{original}",
        "Failed Recipient: {a}\nReason: Remote host said: {r}\n",
        subject="Delivery Failure",
        sender="System Administrator <mailer@mx.example.org>",
    ),
    "icewarp": Layout(
        "The attached message had PERMANENT fatal delivery errors!\n\nAfter one or more unsuccessful delivery attempts the attached message has\nbeen removed from the mail queue on this server.\n\n{each}\n\n{original}",
        "Recipient: <{a}>\nReason:    {r}\n",
        subject="Mail Delivery Problem",
        sender="MAILER-DAEMON@mx.example.org",
        is_single=True,
    ),
    "xmail": Layout(
        "[<00>] XMail bounce: Rcpt=[ann@example.net];Error=[{each}]\n\n[<01>] Error sending message [1] from [mx.example.org].\n\nID:        <S1>\nMail From: <b+abc@bounce.example.com>\nRcpt To:   <ann@example.net>\n\n[<02>] The reason of the delivery failure was:\n\n{each}\n\n[<05>] Here is listed the initial part of the message:\n\n{original}",
        "{r}",
        subject="Error sending message [1] from [mx.example.org]",
        sender="postmaster@mx.example.org",
        is_single=True,
    ),
    "mercury": Layout(
        "The attached message has failed delivery and has been referred\nto you as postmaster. The following error report or reports\nwere given to explain the problem:\n\n{each}\n\n{original}",
        "   *** {a}\n   {r}\n",
        subject="Postmaster notify: delivery failure.",
        sender="Electronic Postmaster <postmaster@mx.example.org>",
    ),
    "haraka": Layout(
        "I'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\nIntended Recipients: <ann@example.net>\nFailure Reason: {each}\n\n{original}",
        "{r}",
        subject="failure notice",
        is_single=True,
    ),
    "stalwart": Layout(
        make_report("Your message could not be delivered to the following recipients:\n"),
        "Final-Recipient: rfc822;{a}\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp;{r}\nRemote-MTA: dns;mx.example.net\n",
        kind=REPORT,
        subject="Failed to deliver message",
        sender='"Mail Delivery Subsystem" <mailer-daemon@mx.example.org>',
    ),
    "forwarded with quotes": Layout(
        "Hi, this came back to us. What shall we do?\n\n> This is the mail system at host mx.example.org.\n>\n> Reporting-MTA: dns; mx.example.org\n>\n{each}\n",
        "> Final-Recipient: rfc822; {a}\n> Action: failed\n> Status: {status}\n> Diagnostic-Code: smtp; {r}\n>",
        sender="postmaster@example.org",
        subject="Fwd: Undelivered Mail Returned to Sender",
        has_id=False,
    ),
    "html in base64": Layout(
        "<html><body><h2>Message not delivered</h2><table><tr><td>Recipient</td><td>Reason</td></tr>{each}</table></body></html>",
        "<tr><td>&lt;{a}&gt;</td><td>{r}</td></tr>",
        kind="text/html",
        encoding="base64",
        subject="Mail delivery failure",
        has_id=False,
    ),
}
