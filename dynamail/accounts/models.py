from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from dynamail.accounts.roles import Permission, Role, may
from dynamail.accounts.tenancy import DataPlaneModel, PublicIdModel, TenantModel
from dynamail.lib.clock import utc_now
from dynamail.lib.ids import to_public_id
from dynamail.lib.personal_data import (
    Category,
    Erase,
    Purpose,
    Retention,
    Subject,
    annotated,
    operational,
    personal,
)

LANGUAGES = [("en", "English"), ("ru", "Русский"), ("be", "Беларуская")]


class UserManager(BaseUserManager["User"]):
    """Users are found by their address in any case."""

    def create_user(self, email: str, password: str | None = None, **values: Any) -> User:
        user = self.model(email=email.strip(), **values)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **values: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **values)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username or "")


@annotated(
    operational(
        "id", "is_active", "is_staff", "is_superuser", "language", "theme", "created_at", "last_account_id"
    ),
    operational("last_login", purpose=Purpose.SECURITY),
    personal(
        "email", "name", "phone", category=Category.IDENTIFIER, subject=Subject.USER, purpose=Purpose.ACCESS
    ),
    personal(
        "password", category=Category.CREDENTIAL, subject=Subject.USER, purpose=Purpose.ACCESS, export=False
    ),
)
class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in. Only the email is mandatory (promise P2.2)."""

    class Theme(models.TextChoices):
        SYSTEM = "system", _("As the device")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    email = models.EmailField(_("Email"), unique=True, max_length=254)
    name = models.CharField(_("Name"), max_length=150, blank=True, default="")
    phone = models.CharField(_("Phone"), max_length=40, blank=True, default="")
    language = models.CharField(_("Language"), max_length=8, choices=LANGUAGES, default="en")
    theme = models.CharField(_("Theme"), max_length=8, choices=Theme.choices, default=Theme.SYSTEM)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(
        default=False
    )  # operates this installation; no standing access to content (P5.3)
    created_at = models.DateTimeField(default=utc_now, editable=False)
    last_account_id = models.BigIntegerField(null=True, blank=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        db_table = "app_user"
        constraints = [models.UniqueConstraint(Lower("email"), name="app_user_email_any_case")]

    def __str__(self) -> str:
        return self.name or self.email


@annotated(
    operational(
        "id", "uid", "name", "postal_address", "website", "timezone", "language", "state", "created_at"
    ),
    operational("tracking", "from_name", "messages_per_hour", "messages_per_day", "records_deliveries"),
)
class Account(PublicIdModel):
    """The tenant."""

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        SUSPENDED = "suspended", _("Suspended")
        CLOSED = "closed", _("Closed")

    class Tracking(models.TextChoices):
        """How opens and clicks are recorded; NONE is the default (GDPR Art. 25)."""

        NONE = "none", _("Nothing is recorded")
        AGGREGATE = "aggregate", _("Totals per campaign, no person")
        INDIVIDUAL = "individual", _("Per person")

    public_prefix = "acc"

    name = models.CharField(_("Company"), max_length=150)
    postal_address = models.CharField(_("Postal address"), max_length=300, blank=True, default="")
    website = models.URLField(_("Website"), blank=True, default="")
    timezone = models.CharField(_("Time zone"), max_length=64, default="UTC")
    language = models.CharField(_("Language"), max_length=8, choices=LANGUAGES, default="en")
    state = models.CharField(max_length=12, choices=State.choices, default=State.ACTIVE)
    tracking = models.CharField(_("Tracking"), max_length=12, choices=Tracking.choices, default=Tracking.NONE)
    from_name = models.CharField(_("Sender name"), max_length=100, blank=True, default="")
    messages_per_hour = models.IntegerField(
        null=True, blank=True
    )  # over all transports; the operator's limit
    messages_per_day = models.IntegerField(null=True, blank=True)
    # Somebody wants to hear of each delivered message of a campaign; otherwise only single messages are worth an event.
    records_deliveries = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "account"

    def __str__(self) -> str:
        return self.name


@annotated(
    operational("id", "account_id", "uid", "role", "created_at"),
    personal("user_id", category=Category.IDENTIFIER, subject=Subject.USER, purpose=Purpose.ACCESS),
)
class Member(TenantModel, PublicIdModel):
    """A user's role in one account."""

    public_prefix = "mem"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("Role"), max_length=12, choices=Role.choices)

    class Meta(TenantModel.Meta):
        db_table = "member"
        constraints = [models.UniqueConstraint(fields=["account", "user"], name="member_once_per_account")]
        indexes = [models.Index(fields=["user"], name="member_user")]

    def __str__(self) -> str:
        return str(self.user)

    def may(self, permission: Permission) -> bool:
        return may(self.role, permission)


@annotated(
    operational(
        "id", "account_id", "uid", "created_at", "role", "invited_by_id", "expires_at", "accepted_at"
    ),
    operational("revoked_at"),
    personal(
        "email",
        category=Category.IDENTIFIER,
        subject=Subject.USER,
        purpose=Purpose.ACCESS,
        retention=Retention.UNCONFIRMED,
    ),
)
class Invitation(TenantModel, PublicIdModel):
    """An offer of membership, sent to an address; its link is signed, not stored."""

    open_to_workers = True  # retention
    public_prefix = "inv"

    email = models.EmailField(_("Email"), max_length=254)
    role = models.CharField(_("Role"), max_length=12, choices=Role.choices)
    invited_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        db_table = "invitation"
        indexes = [models.Index(fields=["account", "created_at"], name="invitation_account")]


@annotated(
    operational(
        "id", "user_id", "created_at", "last_seen_at", "ended_at", "method", retention=Retention.TECHNICAL
    ),
    personal(
        "ip",
        "ip_truncated",
        "browser",
        "browser_version",
        "device",
        "os",
        category=Category.TECHNICAL,
        subject=Subject.USER,
        purpose=Purpose.SECURITY,
        retention=Retention.TECHNICAL,
    ),
    personal(
        "session_hash",
        category=Category.CREDENTIAL,
        subject=Subject.USER,
        purpose=Purpose.SECURITY,
        retention=Retention.TECHNICAL,
        export=False,
    ),
)
class SignIn(models.Model):
    """One signed-in browser. Technical data, for functioning and security alone (promise P2.1): parsed, never raw."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins")
    session_hash = models.CharField(max_length=64, unique=True)
    ip = models.GenericIPAddressField(null=True)
    ip_truncated = models.BooleanField(default=False)
    browser = models.CharField(max_length=60, blank=True, default="")
    browser_version = models.CharField(max_length=20, blank=True, default="")
    device = models.CharField(max_length=60, blank=True, default="")
    os = models.CharField(max_length=60, blank=True, default="")
    method = models.CharField(max_length=20, blank=True, default="password")
    created_at = models.DateTimeField(default=utc_now, editable=False)
    last_seen_at = models.DateTimeField(default=utc_now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "sign_in"
        indexes = [models.Index(fields=["user", "-created_at"], name="sign_in_user")]


@annotated(
    operational("id", "account_id", "uid", "created_at", "name", "scopes", "created_by_id", "expires_at"),
    operational("last_used_at", "revoked_at", "prefix", "is_test", "allowed_ips"),
    personal(
        "key_hash", category=Category.CREDENTIAL, subject=Subject.USER, purpose=Purpose.ACCESS, export=False
    ),
)
class ApiKey(TenantModel, PublicIdModel):
    """A key for the API and SMTP submission. The secret is shown once; its SHA-256 is what we keep."""

    public_prefix = "key"

    name = models.CharField(_("Name"), max_length=100)
    prefix = models.CharField(max_length=16)  # the first characters, to recognize a key in a list
    key_hash = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=40), default=list)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    is_test = models.BooleanField(default=False, db_default=False)  # its mail goes to the Mailbox only
    allowed_ips = ArrayField(
        models.CharField(max_length=43), default=list, db_default=[]
    )  # networks; none: all

    class Meta(TenantModel.Meta):
        db_table = "api_key"
        indexes = [models.Index(fields=["account", "-created_at"], name="api_key_account")]

    def __str__(self) -> str:
        """As history names it beside people."""
        return gettext("API key “%s”") % self.name


@annotated(
    operational(
        "id",
        "account_id",
        "at",
        "action",
        "actor_kind",
        "actor_id",
        "subject_kind",
        "subject_id",
        "data",
        purpose=Purpose.LAW,
        retention=Retention.AUDIT,
    ),
    personal(
        "actor_name",
        category=Category.IDENTIFIER,
        subject=Subject.USER,
        purpose=Purpose.LAW,
        retention=Retention.AUDIT,
        erase=Erase.KEEP_PROOF,
    ),
)
class AuditEntry(TenantModel):
    """Who did what in an account. Rows are only ever added."""

    open_to_workers = True

    at = models.DateTimeField()
    action = models.CharField(max_length=60)  # noun.past: "campaign.launched"
    actor_kind = models.CharField(max_length=12)  # user, api_key, system
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=254, blank=True, default="")
    subject_kind = models.CharField(max_length=40, blank=True, default="")
    subject_id = models.CharField(max_length=64, blank=True, default="")
    data = models.JSONField(default=dict)

    class Meta(TenantModel.Meta):
        db_table = "audit_entry"
        indexes = [models.Index(fields=["account", "-id"], name="audit_entry_account")]


@annotated(
    operational(
        "id",
        "account_id",
        "uid",
        "created_at",
        "kind",
        "title",
        "state",
        "done",
        "total",
        "message",
        "result",
        "created_by_id",
        "finished_at",
        "cancel_requested_at",
        "started_at",
        "subject_id",
    ),
)
class BackgroundWork(TenantModel, PublicIdModel):
    """Long work that a page watches: an import, an export, a bulk change. It goes on when the page is left."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Running")
        FINISHED = "finished", _("Finished")
        FAILED = "failed", _("Failed")
        CANCELED = "canceled", _("Canceled")

    open_to_workers = True
    public_prefix = "wrk"

    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True, blank=True)
    message = models.CharField(max_length=500, blank=True, default="")
    result = models.JSONField(default=dict)
    subject_id = models.CharField(max_length=64, blank=True, default="")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        db_table = "background_work"
        indexes = [models.Index(fields=["account", "-created_at"], name="background_work_account")]

    @property
    def is_over(self) -> bool:
        return self.state in (self.State.FINISHED, self.State.FAILED, self.State.CANCELED)


@annotated(
    operational("account_id", "key", "created_at", "status", retention=Retention.ONE_DAY),
    operational("body_hash", retention=Retention.ONE_DAY),
    personal(
        "answer",
        category=Category.CONTENT,
        subject=Subject.CONTACT,
        purpose=Purpose.TRANSACTIONAL,
        retention=Retention.ONE_DAY,
    ),
)
class IdempotencyKey(DataPlaneModel):
    """An answer that a request got, given again for 24 hours to whoever asks with the same key and the same body."""

    pk = models.CompositePrimaryKey("account_id", "key")
    key = models.CharField(max_length=256)
    body_hash = models.BinaryField(max_length=32)  # SHA-256 of method, path and body
    status = models.SmallIntegerField()
    answer = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta(DataPlaneModel.Meta):
        db_table = "idempotency_key"
        indexes = [models.Index(fields=["created_at"], name="idempotency_key_age")]


@annotated(
    operational("account_id", "id", "at", "api_key_id", "door", "method", "path", "status", "code", "ms"),
    operational("subject_id"),
    personal(
        "detail",
        "body",
        category=Category.CONTENT,
        subject=Subject.CONTACT,
        purpose=Purpose.SUPPORT,
        retention=Retention.REQUEST_BODY,
        erase=Erase.CLEAR,
    ),
)
class ApiRequest(DataPlaneModel):
    """One request of a program: what it asked, what it was told. Values that may name a person are masked in `body`."""

    pk = models.CompositePrimaryKey("account_id", "id")
    id = models.UUIDField()
    at = models.DateTimeField()
    api_key_id = models.BigIntegerField(null=True)
    door = models.CharField(max_length=12, default="api", db_default="api")  # api, smtp, postmark, resend …
    method = models.CharField(max_length=10, default="", db_default="")
    path = models.CharField(max_length=300, default="", db_default="")  # without the query
    status = models.SmallIntegerField(default=0, db_default=0)
    code = models.CharField(max_length=60, default="", db_default="")  # of the error; none: it went well
    ms = models.IntegerField(default=0, db_default=0)
    subject_id = models.UUIDField(null=True)  # of the email that it made, if one
    detail = models.CharField(max_length=500, default="", db_default="")
    body = models.JSONField(null=True)

    class Meta(DataPlaneModel.Meta):
        db_table = "api_request"
        indexes = [
            models.Index(fields=["account_id", "status", "id"], name="api_request_status"),
            models.Index(fields=["at"], name="api_request_age"),
        ]

    @property
    def public_id(self) -> str:
        return to_public_id("req", self.id)
