from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.tenancy import DataPlaneModel, PublicIdModel, TenantModel
from dynamail.lib.ids import to_public_id
from dynamail.lib.personal_data import Category, Purpose, Retention, Subject, annotated, operational, personal


@annotated(
    operational(
        "id", "account_id", "uid", "created_at", "number", "key", "label", "type", "choices", "position"
    ),
    operational("archived_at"),
)
class Attribute(TenantModel, PublicIdModel):
    """A typed field of the account's contacts. `key` is what templates say: `{{ contact.city }}`."""

    class Type(models.TextChoices):
        TEXT = "text", _("Text")
        NUMBER = "number", _("Number")
        BOOLEAN = "boolean", _("Yes or no")
        DATE = "date", _("Date")
        TIME = "time", _("Date and time")
        CHOICE = "choice", _("One of a list")
        LIST = "list", _("Several values")

    open_to_workers = True
    public_prefix = "att"

    number = models.IntegerField()  # 1, 2, … in the account: its key in contact.attributes, the same for good
    key = models.SlugField(_("Key"), max_length=60)
    label = models.CharField(_("Label"), max_length=100)
    type = models.CharField(_("Type"), max_length=10, choices=Type.choices, default=Type.TEXT)
    choices = models.JSONField(_("Choices"), default=list, blank=True)
    position = models.IntegerField(default=0)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        db_table = "attribute"
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="attribute_key_once"),
            models.UniqueConstraint(fields=["account", "number"], name="attribute_number_once"),
        ]

    def __str__(self) -> str:
        return self.label


@annotated(operational("id", "account_id", "uid", "created_at", "name", "color"))
class Tag(TenantModel, PublicIdModel):
    """A bare label."""

    open_to_workers = True
    public_prefix = "tag"

    name = models.CharField(_("Name"), max_length=60)
    color = models.CharField(max_length=12, default="", blank=True)

    class Meta(TenantModel.Meta):
        db_table = "tag"
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="tag_name_once")]

    def __str__(self) -> str:
        return self.name


class ContactState(models.TextChoices):
    ACTIVE = "active", _("Active")
    SUPPRESSED = "suppressed", _("Suppressed")  # a copy for lists and counts; `suppression` decides
    RESTRICTED = "restricted", _("Restricted")  # kept, but nothing is done with it (P8.3)


@annotated(
    operational(
        "account_id", "state", "created_at", "updated_at", "lane", "sample", "source_kind", "source_id"
    ),
    operational("findings"),
    personal(
        "id",
        "email",
        "email_key",
        "name",
        category=Category.IDENTIFIER,
        subject=Subject.CONTACT,
        purpose=Purpose.CAMPAIGNS,
    ),
    personal(
        "attributes",
        "tags",
        "source_label",
        "language",
        "timezone",
        category=Category.PROFILE,
        subject=Subject.CONTACT,
        purpose=Purpose.SEGMENTATION,
    ),
)
class Contact(DataPlaneModel):
    """A person known to an account by email and attributes."""

    pk = models.CompositePrimaryKey("account_id", "id")
    id = models.UUIDField()
    email = models.CharField(_("Email"), max_length=254)  # as written
    email_key = models.CharField(max_length=254)  # folded: what makes two spellings one person
    name = models.CharField(_("Name"), max_length=200, default="", blank=True)
    attributes = models.JSONField(default=dict)  # {"<attribute number>": value}
    tags = ArrayField(models.BigIntegerField(), default=list)  # tag ids, sorted
    state = models.CharField(max_length=12, choices=ContactState.choices, default=ContactState.ACTIVE)
    language = models.CharField(max_length=8, default="", blank=True)
    timezone = models.CharField(max_length=64, default="", blank=True)
    lane = models.SmallIntegerField(default=0)  # mailbox provider, see lib/mailbox_providers.py
    sample = models.SmallIntegerField(default=0)  # 0…999, from the id: stable random share
    findings = models.SmallIntegerField(
        default=0, db_default=0
    )  # what the check of the address noticed, as bits
    source_kind = models.CharField(max_length=20, default="form")  # form, import, api, integration, demo
    source_id = models.CharField(max_length=64, default="", blank=True)
    source_label = models.CharField(max_length=200, default="", blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta(DataPlaneModel.Meta):
        db_table = "contact"
        constraints = [models.UniqueConstraint(fields=["account_id", "email_key"], name="contact_email_once")]
        indexes = [
            models.Index(fields=["account_id", "state", "lane"], name="contact_state_lane"),
            models.Index(fields=["account_id", "-created_at", "-id"], name="contact_newest"),
            models.Index(fields=["account_id", "sample"], name="contact_sample"),  # estimates look at a share
        ]

    @property
    def public_id(self) -> str:
        return to_public_id("con", self.id)

    def __str__(self) -> str:
        return self.name or self.email


@annotated(
    operational(
        "id",
        "account_id",
        "uid",
        "created_at",
        "file_sha256",
        "file_bytes",
        "format",
        "encoding",
        "separator",
        "mapping",
        "options",
        "state",
        "row_count",
        "counts",
        "work_id",
        "import_source_id",
        "created_by_id",
        "finished_at",
        "position",
        "problem",
        "subject",
    ),
    personal(
        "file_name",
        "file_path",
        "columns",
        "samples",
        category=Category.PROFILE,
        subject=Subject.CONTACT,
        purpose=Purpose.CAMPAIGNS,
        retention=Retention.CAMPAIGN_BODY,
        export=False,
    ),
)
class ContactImport(TenantModel, PublicIdModel):
    """One uploaded file on its way in: uploaded → mapped → checked (dry run) → running → finished."""

    class State(models.TextChoices):
        UPLOADED = "uploaded", _("Uploaded")
        CHECKING = "checking", _("Checking")
        CHECKED = "checked", _("Checked")
        RUNNING = "running", _("Running")
        FINISHED = "finished", _("Finished")
        CANCELED = "canceled", _("Canceled")
        FAILED = "failed", _("Failed")

    class Subject(models.TextChoices):
        CONTACTS = "contacts", _("Contacts")
        SUPPRESSIONS = "suppressions", _("Suppressions")
        EVENTS = "events", _("Events")

    open_to_workers = True
    public_prefix = "imp"

    subject = models.CharField(
        max_length=12, choices=Subject.choices, default=Subject.CONTACTS, db_default=Subject.CONTACTS
    )
    file_name = models.CharField(max_length=255)
    file_path = models.CharField(max_length=500)
    file_sha256 = models.CharField(max_length=64)
    file_bytes = models.BigIntegerField()
    format = models.CharField(max_length=8)  # csv, xlsx
    encoding = models.CharField(max_length=20, default="utf-8")
    separator = models.CharField(max_length=2, default=",")
    columns = models.JSONField(default=list)  # header texts
    samples = models.JSONField(default=list)  # the first rows, for the mapping page
    mapping = models.JSONField(
        default=list
    )  # one entry a column: "email", "name", "attribute:<id>", "tags", ""
    options = models.JSONField(default=dict)  # tags to add, the statement of consent, update policy
    state = models.CharField(max_length=12, choices=State.choices, default=State.UPLOADED)
    row_count = models.BigIntegerField(null=True)
    counts = models.JSONField(default=dict)  # new, updated, unchanged, invalid, suppressed, duplicate
    position = models.BigIntegerField(default=0)  # rows that are committed: where a restart goes on
    problem = models.CharField(max_length=500, default="", blank=True)
    work = models.ForeignKey(
        "accounts.BackgroundWork", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    # The address elsewhere that the file was fetched from, if it was.
    import_source = models.ForeignKey(
        "contacts.ImportSource", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        db_table = "contact_import"
        indexes = [models.Index(fields=["account", "-created_at"], name="contact_import_account")]


@annotated(
    operational("account_id", "import_id", "row", "code", retention=Retention.CAMPAIGN_BODY),
    personal(
        "cells",
        "reason",
        category=Category.PROFILE,
        subject=Subject.CONTACT,
        purpose=Purpose.CAMPAIGNS,
        retention=Retention.CAMPAIGN_BODY,
        export=False,
    ),
)
class ImportReject(DataPlaneModel):
    """A row of a file that was not taken, with the reason; nothing of it is lost."""

    pk = models.CompositePrimaryKey("account_id", "import_id", "row")
    import_id = models.BigIntegerField()
    row = models.BigIntegerField()  # as a spreadsheet counts: the header is row 1
    code = models.CharField(max_length=30)
    reason = models.CharField(max_length=300)
    cells = models.JSONField(default=list)

    class Meta(DataPlaneModel.Meta):
        db_table = "import_reject"


@annotated(
    operational("account_id", "created_by_id", "merged_at", "rule"),
    personal(
        "id",
        "contact_id",
        "email",
        "email_key",
        category=Category.IDENTIFIER,
        subject=Subject.CONTACT,
        purpose=Purpose.CAMPAIGNS,
    ),
    personal("snapshot", category=Category.PROFILE, subject=Subject.CONTACT, purpose=Purpose.CAMPAIGNS),
)
class ContactAlias(DataPlaneModel):
    """A contact that was merged into another one: links already mailed to it, and its address, lead to who is left."""

    pk = models.CompositePrimaryKey("account_id", "id")
    id = models.UUIDField()  # of the contact that is gone
    contact_id = models.UUIDField()  # of the one that is left
    email = models.CharField(max_length=254)
    email_key = models.CharField(max_length=254)
    snapshot = models.JSONField(default=dict)  # the row as it was
    rule = models.CharField(max_length=40, default="hand")  # hand, or what was found equal
    merged_at = models.DateTimeField()
    created_by_id = models.BigIntegerField(null=True)

    class Meta(DataPlaneModel.Meta):
        db_table = "contact_alias"
        indexes = [
            models.Index(fields=["account_id", "contact_id"], name="contact_alias_kept"),
            models.Index(fields=["account_id", "email_key"], name="contact_alias_email"),
        ]


@annotated(
    operational("account_id", "created_at"),
    personal(
        "external_id",
        "contact_id",
        category=Category.IDENTIFIER,
        subject=Subject.CONTACT,
        purpose=Purpose.CAMPAIGNS,
    ),
)
class ContactExternalId(DataPlaneModel):
    """What a system of the account's own calls a contact. Several may name one contact; each names one."""

    pk = models.CompositePrimaryKey("account_id", "external_id")
    external_id = models.CharField(max_length=255)
    contact_id = models.UUIDField()
    created_at = models.DateTimeField()

    class Meta(DataPlaneModel.Meta):
        db_table = "contact_external_id"
        indexes = [models.Index(fields=["account_id", "contact_id"], name="contact_external_id_of")]


@annotated(
    operational("account_id", "rule", "found_at", "state"),
    personal(
        "kept_id",
        "gone_id",
        category=Category.IDENTIFIER,
        subject=Subject.CONTACT,
        purpose=Purpose.CAMPAIGNS,
    ),
    personal("value", category=Category.PROFILE, subject=Subject.CONTACT, purpose=Purpose.CAMPAIGNS),
)
class DuplicatePair(DataPlaneModel):
    """Two contacts that a search took for one person, and which of them would stay."""

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        DIFFERENT = "different", _("Two persons")  # said by a member: not offered again

    pk = models.CompositePrimaryKey("account_id", "rule", "gone_id", "kept_id")
    rule = models.CharField(max_length=80)  # see finding_duplicates.Rule.code
    kept_id = models.UUIDField()
    gone_id = models.UUIDField()
    value = models.CharField(max_length=200)  # what is equal
    found_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)

    class Meta(DataPlaneModel.Meta):
        db_table = "duplicate_pair"
        indexes = [
            models.Index(fields=["account_id", "gone_id"], name="duplicate_pair_gone"),
            models.Index(fields=["account_id", "kept_id"], name="duplicate_pair_kept"),
        ]


@annotated(
    operational("account_id", "attribute_id", "at"),
    personal("contact_id", category=Category.IDENTIFIER, subject=Subject.CONTACT, purpose=Purpose.CAMPAIGNS),
    personal("value", category=Category.PROFILE, subject=Subject.CONTACT, purpose=Purpose.SEGMENTATION),
)
class ValueAside(DataPlaneModel):
    """A value that did not fit when its attribute got another type: taken off the contact, kept for the member to fetch."""

    pk = models.CompositePrimaryKey("account_id", "attribute_id", "contact_id")
    attribute_id = models.BigIntegerField()
    contact_id = models.UUIDField()
    value = models.JSONField()
    at = models.DateTimeField()

    class Meta(DataPlaneModel.Meta):
        db_table = "value_aside"
        indexes = [models.Index(fields=["account_id", "contact_id"], name="value_aside_contact")]


@annotated(
    operational(
        "id",
        "account_id",
        "uid",
        "created_at",
        "name",
        "kind",
        "address",
        "path",
        "username",
        "host_key",
        "shown_key",
        "subject",
        "every_hours",
        "is_enabled",
        "next_run_at",
        "last_run_at",
        "last_import_id",
        "seen",
        "failures",
        "problem",
        "mapping",
        "options",
        "created_by_id",
    ),
    personal(
        "secret_sealed",
        category=Category.CREDENTIAL,
        subject=Subject.USER,
        purpose=Purpose.ACCESS,
        export=False,
    ),
)
class ImportSource(TenantModel, PublicIdModel):
    """A file elsewhere that is fetched on a schedule and imported: at a URL, or the files of an SFTP folder."""

    class Kind(models.TextChoices):
        URL = "url", _("Web address")
        SFTP = "sftp", _("SFTP folder")

    open_to_workers = True
    public_prefix = "ims"

    name = models.CharField(_("Name"), max_length=100)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    subject = models.CharField(max_length=12, default="contacts")  # contacts, suppressions, events
    address = models.CharField(max_length=1000)  # the URL without credentials, or host[:port]
    path = models.CharField(max_length=500, default="", blank=True)  # folder and pattern for SFTP
    username = models.CharField(max_length=100, default="", blank=True)
    secret_sealed = models.BinaryField(default=bytes)  # JSON: password, private key or header
    host_key = models.CharField(max_length=4000, default="", blank=True)  # that a member confirmed
    shown_key = models.CharField(max_length=4000, default="", blank=True)  # by the server, not confirmed yet
    every_hours = models.SmallIntegerField(default=24)
    mapping = models.JSONField(default=dict)  # {"columns": [header texts], "targets": [mapping entries]}
    options = models.JSONField(default=dict)
    seen = models.JSONField(default=dict)  # what was imported: ETag or file names with sizes and times
    is_enabled = models.BooleanField(default=True)
    next_run_at = models.DateTimeField(null=True, blank=True)
    last_run_at = models.DateTimeField(null=True, blank=True)
    last_import = models.ForeignKey(ContactImport, null=True, on_delete=models.SET_NULL, related_name="+")
    failures = models.SmallIntegerField(default=0)
    problem = models.CharField(max_length=500, default="", blank=True)
    created_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta(TenantModel.Meta):
        db_table = "import_source"
        indexes = [
            models.Index(
                fields=["next_run_at"], condition=models.Q(is_enabled=True), name="import_source_due"
            )
        ]


@annotated(operational("name", "takes_mail", "checked_at"))
class MailDomain(models.Model):
    """What the DNS said about a domain of addresses, for all accounts: it is public, and asked once for all."""

    name = models.CharField(primary_key=True, max_length=253)  # lower-case ASCII
    takes_mail = models.BooleanField()
    checked_at = models.DateTimeField()

    class Meta:
        db_table = "mail_domain"
        indexes = [models.Index(fields=["checked_at"], name="mail_domain_age")]

    def __str__(self) -> str:
        return self.name
