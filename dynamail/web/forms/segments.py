"""The list of segments as its address says it, and the editor's form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from dynamail.conditions.catalog import Catalog
from dynamail.segments.models import Segment
from dynamail.web.forms.conditions import ConditionField, give_catalog

SORTS = ("name", "size", "changed")


@dataclass(frozen=True)
class SegmentQuery:
    """What the list shows. A word that means nothing is left out."""

    search: str = ""
    sort: str = "name"
    archived: bool = False
    page: int = 1

    def encode(self, **changes: Any) -> str:
        """The query string of this list, with changes; the first page and the usual order are not said."""
        values = {
            "q": self.search,
            "sort": self.sort if self.sort != "name" else "",
            "archived": "1" if self.archived else "",
            "page": str(self.page) if self.page > 1 else "",
            **changes,
        }
        return "?" + urlencode({key: value for key, value in values.items() if value})


def read_segment_query(query: QueryDict) -> SegmentQuery:
    sort, page = query.get("sort", ""), query.get("page", "")
    return SegmentQuery(
        search=query.get("q", "").replace("\x00", "").strip()[:150],
        sort=sort if sort in SORTS else "name",
        archived=query.get("archived") == "1",
        page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 5 else 1,
    )


class SegmentForm(forms.Form):
    """Name, note, conditions. `version` is what the author saw: who was faster is not overwritten unseen."""

    name = forms.CharField(
        label=_("Name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    description = forms.CharField(
        label=_("Description"),
        max_length=500,
        required=False,
        help_text=_("What it is for; colleagues read it in the list."),
    )
    definition = ConditionField()
    keeps_members = forms.BooleanField(
        label=_("Record who joins and leaves"),
        required=False,
        initial=True,
        help_text=_(
            "Its size over time is drawn, and scenarios and webhooks can start when somebody joins or leaves. "
            "Without it the segment is worked out whenever it is used, and remembers nobody."
        ),
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, catalog: Catalog, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        give_catalog(self, catalog)

    def values(self) -> dict[str, Any]:
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}


def make_initial(row: Segment) -> Mapping[str, Any]:
    return {
        name: getattr(row, name) for name in ("name", "description", "definition", "keeps_members", "version")
    }
