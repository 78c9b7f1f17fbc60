from __future__ import annotations

from collections.abc import Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dynamail.campaigns.readiness import Problem


class CampaignError(Exception):
    """Something a member asked for cannot be done; `code` is stable, the text is for the member."""

    code = "campaign_error"
    sentence: str | Promise = ""

    def __init__(self, sentence: str | Promise = "") -> None:
        super().__init__(str(sentence or self.sentence))


class NotEditable(CampaignError):
    """Only drafts are changed."""

    code = "not_editable"
    sentence = _(
        "This campaign is not a draft any more. Unschedule it, or duplicate it, to change something."
    )


class ChangedMeanwhile(CampaignError):
    """Somebody was faster; `saved_version` is theirs."""

    code = "changed_meanwhile"
    sentence = _(
        "Somebody else saved this campaign in the meantime. Your text is still here; compare and save again."
    )

    def __init__(self, *, saved_version: int) -> None:
        super().__init__()
        self.saved_version = saved_version


class NotReady(CampaignError):
    """It cannot be launched yet; `problems` says what is missing, card by card."""

    code = "not_ready"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(" ".join(str(problem.sentence) for problem in problems))
        self.problems = list(problems)


class WrongMoment(CampaignError):
    """The state has changed since the member looked."""

    code = "wrong_moment"
    sentence = _("The campaign's state changed in the meantime; look at it again.")


class InThePast(CampaignError):
    """The chosen time has passed."""

    code = "in_the_past"
    sentence = _("That time has passed. Choose a later one, or send now.")


class TooFarAhead(CampaignError):
    """The chosen time is beyond what may be scheduled."""

    code = "too_far_ahead"
    sentence = _("A campaign can be scheduled up to a year ahead.")


class TestRefused(CampaignError):
    """A test message cannot be sent; the text says to whom and why."""

    __test__ = False  # not a test class of pytest's
    code = "test_refused"
