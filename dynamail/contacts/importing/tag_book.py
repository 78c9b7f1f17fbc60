from __future__ import annotations

from django.utils.translation import gettext as _

from dynamail.contacts.importing.problems import RowProblem
from dynamail.contacts.models import Tag
from dynamail.contacts.tags import MAX_TAGS, clean_tag_name, list_tags


class TagBook:
    """Ids of tag names that stand in cells. New names are made when writing; a dry run numbers them below zero."""

    def __init__(self, account_id: int, *, dry: bool) -> None:
        self._account_id = account_id
        self._dry = dry
        self._ids = {tag.name.casefold(): tag.pk for tag in list_tags(account_id)}

    def find(self, text: str) -> int:
        """Raises RowProblem when the account has no room for another tag."""
        name = clean_tag_name(text)
        found = self._ids.get(name.casefold())
        if found is None:
            found = self._ids[name.casefold()] = self._make(name)
        return found

    def _make(self, name: str) -> int:
        if len(self._ids) >= MAX_TAGS:
            raise RowProblem(
                "too_many_tags",
                _("The tag “%(name)s” is one more than the %(limit)s that an account can have.")
                % {"name": name, "limit": MAX_TAGS},
            )
        if self._dry:
            return -len(self._ids) - 1
        tag, _created = Tag.objects.for_account(self._account_id).get_or_create(
            name=name, defaults={"account_id": self._account_id}
        )
        return tag.pk
