from __future__ import annotations

import re
from pathlib import Path

from dynamail.campaigns.models import CampaignState
from dynamail.consent.models import ConsentRecord
from dynamail.contacts.models import ContactImport
from dynamail.messages.models import MessageState
from dynamail.web.audit_words import SENTENCES
from dynamail.web.states import STATES
from dynamail.web.timeline import _TELLERS

PACKAGE = Path(__file__).resolve().parents[2] / "dynamail"
ACTION = re.compile(r"action\s*=\s*\"([a-z_]+\.[a-z_]+)\"|_record\([^)]*?\"([a-z_]+\.[a-z_]+)\"", re.S)


def test_every_audited_action_is_told_in_words() -> None:
    used = set()
    for path in PACKAGE.rglob("*.py"):
        if path.is_relative_to(PACKAGE / "cli"):
            continue
        used |= {first or second for first, second in ACTION.findall(path.read_text())}
    assert len(used) > 30
    assert used <= SENTENCES.keys(), used - SENTENCES.keys()


def test_every_act_of_consent_is_told_on_the_timeline() -> None:
    assert {f"consent.{act}" for act in ConsentRecord.Act.values} <= _TELLERS.keys()


def test_every_state_of_an_import_and_a_campaign_has_a_look() -> None:
    for state in (*ContactImport.State.values, *CampaignState.values, *MessageState.values):
        assert state in STATES, state
