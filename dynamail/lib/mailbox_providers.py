"""Which mailbox provider serves a domain, as far as its name tells: the delivery lane of a contact.

Lanes group recipients so that one slow provider does not hold up the others. Lane numbers are stored; never renumber.
"""

from __future__ import annotations

OTHER = 0
LANE_NAMES = {
    0: "Other",
    1: "Gmail",
    2: "Yahoo",
    3: "Microsoft",
    4: "Mail.ru",
    5: "Yandex",
    6: "Rambler",
    7: "Apple",
    8: "Proton",
    9: "GMX",
}

_DOMAINS = {
    1: "gmail.com googlemail.com",
    2: "yahoo.com ymail.com rocketmail.com aol.com yahoo.co.uk yahoo.fr yahoo.de yahoo.co.jp myyahoo.com",
    3: "outlook.com hotmail.com live.com msn.com hotmail.co.uk hotmail.fr outlook.fr outlook.de live.ru",
    4: "mail.ru bk.ru inbox.ru list.ru internet.ru xmail.ru mail.by",
    5: "yandex.ru ya.ru yandex.by yandex.com yandex.kz yandex.ua narod.ru tut.by",
    6: "rambler.ru lenta.ru autorambler.ru myrambler.ru ro.ru",
    7: "icloud.com me.com mac.com",
    8: "proton.me protonmail.com pm.me",
    9: "gmx.de gmx.net gmx.at gmx.com web.de",
}
_LANE_BY_DOMAIN = {domain: lane for lane, domains in _DOMAINS.items() for domain in domains.split()}


def find_lane(domain: str) -> int:
    """The lane of a lower-case ASCII domain; OTHER when unknown."""
    return _LANE_BY_DOMAIN.get(domain, OTHER)
