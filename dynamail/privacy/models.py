from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

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


@annotated(
    operational("id", "kind", "language", "version", "title", "body", "sha256", "published_at", "created_at")
)
class PolicyDocument(models.Model):
    """One version of a policy in one language. Once published, a trigger refuses every change (P9.1)."""

    class Kind(models.TextChoices):
        PRIVACY = "privacy", _("Privacy policy")
        COOKIES = "cookies", _("Cookie policy")

    kind = models.CharField(max_length=10, choices=Kind.choices)
    language = models.CharField(max_length=8)
    version = models.IntegerField()
    title = models.CharField(max_length=200)
    body = models.TextField()  # Markdown-free plain text: paragraphs and numbered headings
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "policy_document"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "language", "version"], name="policy_document_version_once"
            )
        ]


@annotated(
    operational("id", "document_id", "at", "method", purpose=Purpose.LAW, retention=Retention.PROOF),
    personal(
        "user_id",
        "language",
        category=Category.CONSENT,
        subject=Subject.USER,
        purpose=Purpose.LAW,
        retention=Retention.PROOF,
        erase=Erase.KEEP_PROOF,
    ),
)
class PolicyAcceptance(models.Model):
    """Who accepted which version, when, in which language (P1.3)."""

    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="policy_acceptances")
    document = models.ForeignKey(PolicyDocument, on_delete=models.PROTECT, related_name="acceptances")
    language = models.CharField(max_length=8)
    method = models.CharField(max_length=20, default="page")
    at = models.DateTimeField()

    class Meta:
        db_table = "policy_acceptance"
        constraints = [models.UniqueConstraint(fields=["user", "document"], name="policy_acceptance_once")]
