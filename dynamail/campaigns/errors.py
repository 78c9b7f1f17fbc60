from __future__ import annotations

from dynamail.campaigns.readiness import Problem


class CampaignError(Exception):
    """Something a member asked for cannot be done; `code` is stable, the text is for the member."""

    code = "campaign_error"


class NotEditable(CampaignError):
    """This campaign was launched; duplicate it to change something."""

    code = "not_editable"

    def __init__(self) -> None:
        super().__init__(str(self.__doc__))


class ChangedMeanwhile(CampaignError):
    """Somebody else saved this campaign in the meantime. Your text is still here; compare and save again."""

    code = "changed_meanwhile"

    def __init__(self, *, saved_version: int) -> None:
        super().__init__(str(self.__doc__))
        self.saved_version = saved_version


class NotReady(CampaignError):
    """The campaign cannot be launched yet; `problems` says what is missing, card by card."""

    code = "not_ready"

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(" ".join(str(problem.sentence) for problem in problems))
        self.problems = problems
