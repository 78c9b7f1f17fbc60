"""Tags: bare labels on contacts, stored on the contact as sorted ids."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, connections, transaction
from django.utils.translation import gettext as _

from dynamail.accounts.audit import Actor, record_audit
from dynamail.contacts.models import Tag

MAX_TAGS = 2_000  # per account
MAX_NAME_LENGTH = 60


class TagError(ValueError):
    """The change is not possible; the text says why and what to do."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def clean_tag_name(name: str) -> str:
    """One line, single spaces, at most 60 characters."""
    return " ".join(name.replace("\x00", "").split())[:MAX_NAME_LENGTH].strip()


def list_tags(account_id: int) -> list[Tag]:
    return list(Tag.objects.for_account(account_id).order_by("name"))


def get_or_create_tags(account_id: int, names: Iterable[str]) -> dict[str, Tag]:
    """Tags by cleaned name in small letters; what is missing is made. Names differ by more than case. Raises TagError."""
    wanted = {name.casefold(): name for name in map(clean_tag_name, names) if name}
    if not wanted:
        return {}
    found = {tag.name.casefold(): tag for tag in list_tags(account_id)}
    missing = [name for folded, name in wanted.items() if folded not in found]
    if missing and len(found) + len(missing) > MAX_TAGS:
        raise TagError("too_many", _("An account has up to %(limit)s tags.") % {"limit": MAX_TAGS})
    if missing:
        # In one order: two who make the same tags wait for each other, never crosswise.
        rows = [Tag(account_id=account_id, name=name) for name in sorted(missing)]
        Tag.objects.for_account(account_id).bulk_create(rows, ignore_conflicts=True)
        found = {tag.name.casefold(): tag for tag in list_tags(account_id)}
    return {folded: found[folded] for folded in wanted}


@transaction.atomic
def create_tag(account_id: int, name: str, *, by: Actor, now: datetime) -> Tag:
    """Raises TagError when the name is empty or taken."""
    name = _check_free(account_id, name)
    tag = Tag.objects.add(account_id, name=name)
    record_audit(account_id, by=by, action="tag.created", subject=tag, name=name)
    return tag


@transaction.atomic
def rename_tag(tag: Tag, name: str, *, by: Actor, now: datetime) -> None:
    """No contact is touched. Raises TagError when the name is empty or another tag has it: merge them instead."""
    name = _check_free(tag.account_id, name, besides=tag)
    before, tag.name = tag.name, name
    try:
        with transaction.atomic():
            tag.save(update_fields=["name"])
    except IntegrityError:
        raise TagError("taken", _("There is a tag with this name already.")) from None
    record_audit(tag.account_id, by=by, action="tag.renamed", subject=tag, before=before, after=name)


@transaction.atomic
def merge_tags(tag: Tag, *, into: Tag, by: Actor, now: datetime) -> int:
    """Give every contact of `tag` the other one, then drop `tag`. Returns the number of contacts."""
    if tag.account_id != into.account_id or tag.pk == into.pk:
        raise TagError("same", _("Choose another tag to merge into."))
    moved = _replace_on_contacts(tag, into.pk, now)
    record_audit(
        tag.account_id, by=by, action="tag.merged", subject=tag, name=tag.name, into=into.name, contacts=moved
    )
    tag.delete()
    return moved


@transaction.atomic
def delete_tag(tag: Tag, *, by: Actor, now: datetime) -> int:
    """Take the tag off every contact and drop it. Returns the number of contacts."""
    touched = _replace_on_contacts(tag, None, now)
    record_audit(tag.account_id, by=by, action="tag.deleted", subject=tag, name=tag.name, contacts=touched)
    tag.delete()
    return touched


def count_tagged(account_id: int) -> dict[int, int]:
    """Contacts by tag id."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT tag, count(*) FROM contact, unnest(tags) AS tag WHERE account_id = %s GROUP BY tag",
            [account_id],
        )
        return dict(cursor.fetchall())


def _check_free(account_id: int, name: str, *, besides: Tag | None = None) -> str:
    name = clean_tag_name(name)
    if not name:
        raise TagError("no_name", _("Give the tag a name."))
    rows = Tag.objects.for_account(account_id).filter(name__iexact=name)
    if besides is not None:
        rows = rows.exclude(pk=besides.pk)
    if rows.exists():
        raise TagError("taken", _("There is a tag with this name already."))
    return name


def _replace_on_contacts(tag: Tag, other_id: int | None, now: datetime) -> int:
    # Whoever gives it to contacts holds it: their transaction ends before the contacts are looked at.
    Tag.objects.for_account(tag.account_id).select_for_update().filter(pk=tag.pk).first()
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "UPDATE contact SET updated_at = %(now)s, tags = ARRAY("
            "SELECT DISTINCT t FROM unnest(array_remove(tags, %(old)s) || %(new)s::bigint[]) AS t ORDER BY t) "
            "WHERE account_id = %(account)s AND tags @> ARRAY[%(old)s::bigint]",
            {"now": now, "old": tag.pk, "new": [other_id] if other_id else [], "account": tag.account_id},
        )
        return cursor.rowcount
