from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from dynamail.segments.usage import Use


class SegmentError(ValueError):
    """The change is not possible; the text says why and what to do. `code` is stable.

    Codes: name_missing, name_taken, too_many, changed_meanwhile, cycle, too_deep, in_use, archived.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class SegmentChanged(SegmentError):
    """Somebody was faster; `saved_version` is theirs."""

    def __init__(self, *, saved_version: int, by: str) -> None:
        text = _("%(who)s changed this segment in the meantime. Look at what is saved now, then save again.")
        super().__init__("changed_meanwhile", text % {"who": by or _("Somebody else")})
        self.saved_version = saved_version


class SegmentInUse(SegmentError):
    """Others ask for it; `uses` says who."""

    def __init__(self, uses: Sequence[Use]) -> None:
        names = ", ".join(f"“{use.name}”" for use in uses)
        text = _("This segment is used by %(names)s. Take it out there first.")
        super().__init__("in_use", text % {"names": names})
        self.uses = list(uses)
