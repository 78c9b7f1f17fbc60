from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from dynamail.accounts.audit import Actor, record_audit
from dynamail.accounts.models import Account
from dynamail.consent.models import Topic

DEFAULT_TOPIC = "Newsletter"


class TopicRefused(ValueError):
    """The change cannot be made; the text says why and what to do. `code`: name_missing, name_taken."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def find_topics(account: Account | int, *, with_archived: bool = False) -> list[Topic]:
    """An account's topics in their order."""
    topics = Topic.objects.for_account(account).order_by("position", "id")
    return list(topics if with_archived else topics.filter(archived_at__isnull=True))


@transaction.atomic
def create_topic(
    account: Account,
    *,
    name: str,
    by: Actor,
    now: datetime,
    description: str = "",
    is_public: bool = True,
    tracking: str | None = None,
) -> Topic:
    """A new topic at the end of the list. Tracking: the account's mode unless given. Raises TopicRefused."""
    last = Topic.objects.for_account(account).aggregate(last=Max("position"))["last"]
    topic = _save_topic(
        Topic(
            account=account,
            name=_clean_name(name),
            description=description.strip()[:300],
            is_public=is_public,
            tracking=tracking or account.tracking,
            position=0 if last is None else last + 1,
            created_at=now,
        )
    )
    record_audit(account.pk, by=by, action="topic.created", subject=topic, name=topic.name)
    return topic


@transaction.atomic
def ensure_default_topic(account: Account, *, now: datetime) -> Topic:
    """The first open topic of an account; where none is open, "Newsletter" is made or taken out of the archive."""
    if topics := find_topics(account):
        return topics[0]
    try:
        return create_topic(account, name=DEFAULT_TOPIC, by=None, now=now)
    except TopicRefused:  # archived, or another request was first
        topic = Topic.objects.for_account(account).get(name=DEFAULT_TOPIC)
        restore_topic(topic, by=None)
        return topic


@transaction.atomic
def change_topic(
    topic: Topic, *, name: str, description: str, is_public: bool, tracking: str, by: Actor
) -> Topic:
    """Rename or describe a topic anew, or change its tracking. Raises TopicRefused. Consent stays with the topic."""
    before = topic.tracking
    topic.name, topic.description = _clean_name(name), description.strip()[:300]
    topic.is_public, topic.tracking = is_public, Topic.Tracking(tracking)
    _save_topic(topic)
    record_audit(
        topic.account_id,
        by=by,
        action="topic.changed",
        subject=topic,
        name=topic.name,
        tracking=[before, topic.tracking],
    )
    return topic


@transaction.atomic
def archive_topic(topic: Topic, *, by: Actor, now: datetime) -> None:
    """Put a topic away: nothing more is sent to it, its consent records stay. Twice is once."""
    changed = (
        Topic.objects.for_account(topic.account_id)
        .filter(pk=topic.pk, archived_at__isnull=True)
        .update(archived_at=now)
    )
    if changed:
        topic.archived_at = now
        record_audit(topic.account_id, by=by, action="topic.archived", subject=topic, name=topic.name)


@transaction.atomic
def restore_topic(topic: Topic, *, by: Actor) -> None:
    """Take a topic out of the archive."""
    changed = (
        Topic.objects.for_account(topic.account_id)
        .filter(pk=topic.pk, archived_at__isnull=False)
        .update(archived_at=None)
    )
    if changed:
        topic.archived_at = None
        record_audit(topic.account_id, by=by, action="topic.restored", subject=topic, name=topic.name)


def _clean_name(name: str) -> str:
    cleaned = " ".join(name.split())[:100]
    if not cleaned:
        raise TopicRefused("name_missing", _("Give the topic a name, for example “Product news”."))
    return cleaned


def _save_topic(topic: Topic) -> Topic:
    try:
        with transaction.atomic():
            topic.save()
    except IntegrityError:
        raise TopicRefused(
            "name_taken",
            _("There is a topic called “%(name)s” already. Choose another name.") % {"name": topic.name},
        ) from None
    return topic
