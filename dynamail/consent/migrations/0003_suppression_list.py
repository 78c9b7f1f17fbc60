from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consent", "0002_tracking_acts")]
    operations = [
        migrations.AlterField(
            "suppression",
            "scope",
            models.CharField(
                max_length=12, default="all", choices=[("all", "All mail"), ("marketing", "Campaigns only")]
            ),
        ),
        migrations.AddIndex(
            "suppression",
            models.Index(fields=["account_id", "at", "address_hash", "scope"], name="suppression_newest"),
        ),
        migrations.AddIndex(
            "suppression", models.Index(fields=["account_id", "email"], name="suppression_email")
        ),
        migrations.AddIndex(
            "suppression",
            models.Index(
                fields=["expires_at"],
                name="suppression_expiring",
                condition=models.Q(("expires_at__isnull", False)),
            ),
        ),
    ]
