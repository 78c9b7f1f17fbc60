from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from dynamail.contacts.importing.people import Person
from dynamail.contacts.importing.problems import RowProblem
from dynamail.contacts.models import Tag
from dynamail.contacts.tags import MAX_TAGS, clean_tag_name, list_tags


class TagBook:
    """Ids of tag names that stand in cells.

    A name that is new gets a number below zero, without asking the database: rows are read ahead in a thread. A dry run leaves it
    at that; a run calls `settle` in the transaction of the block, which makes the tags and puts their ids in place.
    """

    def __init__(self, account_id: int) -> None:
        self._account_id = account_id
        self._ids = {tag.name.casefold(): tag.pk for tag in list_tags(account_id)}
        self._names: dict[int, str] = {}  # of the numbers below zero
        self._made: dict[int, int] = {}

    def find(self, text: str) -> int:
        """Raises RowProblem when the account has no room for another tag."""
        name = clean_tag_name(text)
        found = self._ids.get(name.casefold())
        return found if found is not None else self._number(name)

    def settle(self, people: Iterable[Person]) -> None:
        """Make the new tags of these people, and name them by their ids."""
        for person in people:
            if person.tags and min(person.tags) < 0:
                person.tags = frozenset(self._made.get(tag) or self._make(tag) for tag in person.tags)

    def _number(self, name: str) -> int:
        if len(self._ids) >= MAX_TAGS:
            raise RowProblem(
                "too_many_tags",
                _("The tag “%(name)s” is one more than the %(limit)s that an account can have.")
                % {"name": name, "limit": MAX_TAGS},
            )
        number = -len(self._ids) - 1
        self._names[number] = name
        self._ids[name.casefold()] = number
        return number

    def _make(self, number: int) -> int:
        if number > 0:
            return number
        tag, _created = Tag.objects.for_account(self._account_id).get_or_create(
            name=self._names[number], defaults={"account_id": self._account_id}
        )
        self._made[number] = tag.pk
        return tag.pk
