from __future__ import annotations

import pytest

from dynamail.accounts.models import Account, User
from dynamail.campaigns.models import Campaign
from dynamail.messages.models import Message
from tests.support.campaigns import make_half_sent_campaign


@pytest.fixture
def campaign(account: Account, alice: User) -> Campaign:
    return make_half_sent_campaign(account, alice)


@pytest.fixture
def delivered(account: Account, campaign: Campaign) -> Message:
    """A message of a campaign that its server accepted an hour after the launch."""
    return Message.objects.for_account(account).get(state="delivered")
