from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contacts", "0001_initial")]
    operations = [
        migrations.AddField(
            "contactimport",
            "subject",
            models.CharField(
                max_length=12,
                choices=[("contacts", "Contacts"), ("suppressions", "Suppressions")],
                default="contacts",
                db_default="contacts",
            ),
        ),
    ]
