"""Destinations that we know, and what their replies teach."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynamail.senders.destinations import (
    BadDestinations,
    DestinationLimits,
    Lesson,
    find_destination,
    find_lesson,
    load_destinations,
    read_destinations,
    write_destination_table,
)

IP = "203.0.113.7"


@pytest.mark.parametrize(
    ("site", "name"),
    [
        ("google.com", "gmail"),
        ("yahoodns.net", "yahoo"),
        ("outlook.com", "microsoft"),
        ("mail.ru", "mailru"),
        ("yandex.ru", "yandex"),
        ("rambler.ru", "rambler"),
        ("icloud.com", "icloud"),
        ("web.de", "gmx"),
        ("protonmail.ch", "proton"),
        ("belpak.by", "belarus"),
        ("newly-founded.by", "belarus"),
        ("example.com", "other"),
        ("notgoogle.com", "other"),
        ("", "other"),
    ],
)
def test_a_destination_is_known_by_the_site_of_its_mail_hosts(site: str, name: str) -> None:
    assert find_destination(site).name == name


def test_every_destination_takes_something_and_ends_its_connections() -> None:
    for destination in load_destinations():
        limits = destination.limits
        assert limits.connections, destination.name
        assert limits.per_connection, destination.name
        assert destination.title


@pytest.mark.parametrize(
    ("site", "said", "lesson"),
    [
        ("google.com", f"421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address {IP}. To protect our users from spam, mail sent from your IP address has been temporarily rate limited.", Lesson.SLOWER),
        ("google.com", "421 4.7.0 Try again later, closing connection. (EHLO) 5-20020a17090a", Lesson.SLOWER),
        ("google.com", "450 4.2.1 The user you are trying to contact is receiving mail too quickly. Please resend your message at a later time.", Lesson.NOTHING),
        ("google.com", "452 4.2.2 The recipient's inbox is out of storage space.", None),
        ("google.com", f"550 5.7.1 [{IP}] Our system has detected an unusual rate of unsolicited mail originating from your IP address. To protect our users from spam, mail sent from your IP address has been blocked.", Lesson.BLOCKED),
        ("google.com", "550 5.1.1 The email account that you tried to reach does not exist.", None),
        ("google.com", "550 5.7.26 This message does not pass authentication checks (SPF and DKIM both do not pass).", None),
        ("yahoodns.net", f"421 4.7.0 [TSS04] Messages from {IP} temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes", Lesson.PAUSE),
        ("yahoodns.net", f"421 4.7.0 [TSS05] Messages from {IP} temporarily deferred due to unexpected volume", Lesson.PAUSE),
        ("yahoodns.net", f"421 4.7.1 [TS03] All messages from {IP} will be permanently deferred; Retrying will NOT succeed.", Lesson.BLOCKED),
        ("yahoodns.net", f"553 5.7.1 [BL21] Connections will not be accepted from {IP}, because the ip is in Spamhaus's list", Lesson.BLOCKED),
        ("yahoodns.net", f"421 4.7.1 [TSS09] All messages from {IP} will be deferred", Lesson.BLOCKED),
        ("yahoodns.net", "421 4.7.0 [TS02] Messages temporarily deferred due to unusual traffic", Lesson.SLOWER),
        ("yahoodns.net", "421 Max message per connection reached, closing transmission channel", Lesson.SLOWER),
        ("yahoodns.net", "554 delivery error: dd This user doesn't have a yahoo.com account", None),
        ("outlook.com", f"421 RP-001 (SNT004-MC4F29) Unfortunately, some messages from {IP} weren't sent. Please try again.", Lesson.SLOWER),
        ("outlook.com", f"451 4.7.650 The mail server [{IP}] has been temporarily rate limited due to IP reputation. [S777]", Lesson.SLOWER),
        ("outlook.com", "451 4.7.500 Server busy. Please try again later from [203.0.113.7]. (S77719)", Lesson.SLOWER),
        ("outlook.com", f"550 5.7.1 Unfortunately, messages from [{IP}] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140).", Lesson.BLOCKED),
        ("outlook.com", f"550 5.7.606 Access denied, banned sending IP [{IP}]. To request removal from this list please visit", Lesson.BLOCKED),
        ("outlook.com", "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).", None),
        ("outlook.com", "550 5.7.515 Access denied, sending domain example.com does not meet the required authentication level.", None),
        ("mail.ru", f"421 4.7.0 IP frequency limit exceeded for {IP}. Try again later", Lesson.SLOWER),
        ("mail.ru", "451 Ratelimit exceeded for mailbox. Try again later.", Lesson.SLOWER),
        ("mail.ru", f"550 Access from ip address {IP} blocked. Visit http://mail.ru/notspam/", Lesson.BLOCKED),
        ("mail.ru", "550 Message was not accepted -- invalid mailbox. Local mailbox user@mail.ru is unavailable: user not found", None),
        ("yandex.ru", "451 4.7.1 Sorry, the service is currently unavailable. Please come back later. 1636-x", Lesson.SLOWER),
        ("yandex.ru", "450 4.2.1 The recipient has exceeded their message rate limit. Try again later.", Lesson.SLOWER),
        ("yandex.ru", "550 5.7.1 No such user!", None),
        ("rambler.ru", "451 4.7.1 Too many messages from your IP, try again later", Lesson.SLOWER),
        ("icloud.com", f"421 4.7.1 [HCM1] Your mail from {IP} was deferred due to possible spam characteristics", Lesson.SLOWER),
        ("icloud.com", "550 5.7.0 [CS01] Message rejected due to local policy.", Lesson.BLOCKED),
        ("gmx.net", "421 gmx.net (mxgmx016) Nemesis ESMTP Service not available Too many connections", Lesson.SLOWER),
        ("web.de", f"554 web.de (mxweb010) Nemesis ESMTP Service not available No SMTP service IP address is block listed. For explanation visit https://postmaster.web.de/error-messages?ip={IP}", Lesson.BLOCKED),
        ("protonmail.ch", "421 4.7.0 too many connections from your host", Lesson.SLOWER),
        ("belpak.by", "421 4.7.0 mx.belpak.by Error: too many connections from 203.0.113.7", Lesson.SLOWER),
        ("example.com", "451 4.7.1 Greylisting in action, please come back in 00:05:00", Lesson.NOTHING),
        ("example.com", "450 4.2.0 <ann@example.com>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.com.html", Lesson.NOTHING),
        ("example.com", "451 Temporary failure, please try again later.", None),
        ("example.com", "450 4.7.1 Error: too much mail from 203.0.113.7", Lesson.SLOWER),
        ("example.com", "421 4.3.2 Connection rate limit exceeded", Lesson.SLOWER),
        ("example.com", "452 4.5.3 Error: too many recipients", Lesson.NOTHING),
        ("example.com", "452 4.2.2 Mailbox full", Lesson.NOTHING),
        ("example.com", f"554 5.7.1 Service unavailable; Client host [{IP}] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/{IP}", Lesson.BLOCKED),
        ("example.com", "550 5.7.1 Message rejected: contains a URL listed by SURBL", Lesson.NOTHING),
        ("example.com", "550 5.1.1 <ann@example.com>: Recipient address rejected: User unknown", None),
        ("example.com", "451 4.3.0 Error: queue file write error", None),
        ("", "454 4.7.0 Throttling failure: Maximum sending rate exceeded.", Lesson.SLOWER),
        ("", "454 4.7.0 Throttling failure: Daily message quota exceeded.", Lesson.PAUSE),
        ("", "550 5.4.5 Daily user sending limit exceeded. For more information on Gmail sending limits go to", Lesson.PAUSE),
        ("", "421 4.7.0 Try again later, closing connection.", Lesson.SLOWER),
        ("", "452 Too many emails sent on this connection", Lesson.SLOWER),
    ],
)  # fmt: skip
def test_a_reply_teaches_what_it_means(site: str, said: str, lesson: Lesson | None) -> None:
    rule = find_lesson(site, said)
    assert (rule and rule.lesson) == lesson


@given(st.text(max_size=3_000), st.sampled_from([d.sites[0] if d.sites else "" for d in load_destinations()]))
def test_no_reply_is_too_strange_to_be_read(text: str, site: str) -> None:
    find_lesson(site, f"421 4.7.0 {text}")


def test_no_rule_can_be_made_slow_by_a_reply() -> None:
    for destination in load_destinations():
        for rule in destination.replies:
            assert not re.search(r"(?<!\\)[*+]|\{\d*,\}", rule.pattern.pattern), "every repetition has an end"


def test_the_documentation_lists_what_is_built_in() -> None:
    page = Path(__file__).parents[2] / "docs/operations/throttling.md"
    assert write_destination_table() in page.read_text()


def test_an_accounts_value_stands_over_the_built_in_one() -> None:
    own = DestinationLimits(connections=2)
    assert own.over(DestinationLimits(connections=9, per_day=5)) == DestinationLimits(
        connections=2, per_day=5
    )


OTHER = '[[destination]]\nname = "other"\ntitle = "Others"\nsites = []\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("nonsense", "cannot be read"),
        ("", "cannot be read"),
        ('[[destination]]\nname = "a"\ntitle = "A"\nsites = ["a.com"]\n', "last destination"),
        ('[[destination]]\nname = "a"\ntitle = "A"\nsites = ["a.com", "a.com"]\n' + OTHER, "Named twice"),
        ('[[destination]]\nname = "a"\ntitle = "A"\nsites = []\nconnections = 0\n' + OTHER, "connections"),
        ('[[destination]]\nname = "a"\ntitle = "A"\nsites = []\nspeed = 1\n' + OTHER, "speed"),
        (OTHER + '[[destination.reply]]\nteaches = "slower"\nwords = "("\n', "other"),
        (OTHER + '[[destination.reply]]\nteaches = "faster"\nwords = "x"\n', "faster"),
    ],
)
def test_a_list_of_destinations_that_contradicts_itself_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(BadDestinations, match=re.escape(complaint)):
        read_destinations(text)
