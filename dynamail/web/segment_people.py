"""The people of a segment: ten of them, others at each look, and the list that shows them all."""

from __future__ import annotations

import json
import secrets
from decimal import Decimal
from urllib.parse import urlencode

from django.urls import reverse

from dynamail.conditions.tree import Condition, Group, RandomTest
from dynamail.contacts.models import Contact
from dynamail.lib.clock import utc_now
from dynamail.segments.previewing import TEN, pick_ten

SHARE = Decimal(50)  # percent of those who fit, drawn anew each time


def pick_some(account_id: int, condition: Condition, *, salt: str = "") -> list[Contact]:
    """Of few people, all; of many, not the same ten twice. Raises counting.TooCostly."""
    drawn = Group(members=(condition, RandomTest(SHARE, secrets.token_hex(4))))
    people = pick_ten(account_id, drawn, now=utc_now(), salt=salt)
    return people if len(people) == TEN else pick_ten(account_id, condition, now=utc_now(), salt=salt)


def make_contacts_url(public_id: str) -> str:
    """The list of contacts, narrowed to a segment."""
    condition = {"all": [{"kind": "segment", "segment": public_id}]}
    return f"{reverse('contacts')}?{urlencode({'condition': json.dumps(condition, separators=(',', ':'))})}"
