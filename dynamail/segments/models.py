from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.tenancy import DataPlaneModel, PublicIdModel, TenantModel
from dynamail.lib.personal_data import Category, Purpose, Subject, annotated, operational, personal


@annotated(
    operational(
        "id",
        "account_id",
        "uid",
        "created_at",
        "name",
        "description",
        "definition",
        "version",
        "keeps_members",
        "size",
        "counted_at",
        "count_ms",
        "problem",
        "members_version",
        "next_refresh_at",
        "refreshed_at",
        "archived_at",
        "updated_at",
        "created_by_id",
        purpose=Purpose.SEGMENTATION,
    )
)
class Segment(TenantModel, PublicIdModel):
    """A saved question about contacts, evaluated when it is used; and, when it keeps its members, who joined and left."""

    open_to_workers = True
    public_prefix = "seg"

    name = models.CharField(_("Name"), max_length=150)
    description = models.CharField(_("Description"), max_length=500, blank=True, default="")
    definition = models.JSONField(default=dict)  # the condition language
    version = models.IntegerField(default=1)  # raised by each save: two editors do not overwrite each other
    keeps_members = models.BooleanField(_("Record who joins and leaves"), default=True)
    size = models.BigIntegerField(null=True)  # at `counted_at`
    counted_at = models.DateTimeField(null=True)
    count_ms = models.IntegerField(null=True)  # what counting cost the database
    problem = models.CharField(max_length=500, blank=True, default="")  # why it cannot be counted
    members_version = models.IntegerField(
        default=0
    )  # the version that the kept members belong to; 0: none yet
    refreshed_at = models.DateTimeField(null=True)
    next_refresh_at = models.DateTimeField(null=True)  # when everybody is looked at again
    archived_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField()
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta(TenantModel.Meta):
        db_table = "segment"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "name"], condition=models.Q(archived_at=None), name="segment_name_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["next_refresh_at"],
                condition=models.Q(archived_at=None, keeps_members=True),
                name="segment_due",
            )
        ]

    def __str__(self) -> str:
        return self.name


@annotated(
    operational("account_id", "segment_id"),
    personal(
        "contact_id",
        "since",
        category=Category.PROFILE,
        subject=Subject.CONTACT,
        purpose=Purpose.SEGMENTATION,
    ),
)
class SegmentMember(DataPlaneModel):
    """Who was in a segment when it was last refreshed, and since when."""

    pk = models.CompositePrimaryKey("account_id", "segment_id", "contact_id")
    segment_id = models.BigIntegerField()
    contact_id = models.UUIDField()
    since = models.DateTimeField()

    class Meta(DataPlaneModel.Meta):
        db_table = "segment_member"
        indexes = [models.Index(fields=["account_id", "contact_id"], name="segment_member_contact")]


@annotated(operational("account_id", "segment_id", "day", "size", "joined", "departed"))
class SegmentDay(DataPlaneModel):
    """The size of a segment at the end of a day, and how many joined and left in it. Days are those of the account."""

    pk = models.CompositePrimaryKey("account_id", "segment_id", "day")
    segment_id = models.BigIntegerField()
    day = models.DateField()
    size = models.BigIntegerField()
    joined = models.IntegerField(default=0)
    departed = models.IntegerField(default=0)

    class Meta(DataPlaneModel.Meta):
        db_table = "segment_day"
