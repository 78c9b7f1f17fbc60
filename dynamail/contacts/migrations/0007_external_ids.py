from __future__ import annotations

import django.db.models.manager
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0006_keys_to_confirm"),
    ]

    operations = [
        migrations.CreateModel(
            name="ContactExternalId",
            fields=[
                ("account_id", models.BigIntegerField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "account_id",
                        "external_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("external_id", models.CharField(max_length=255)),
                ("contact_id", models.UUIDField()),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "contact_external_id",
                "abstract": False,
                "base_manager_name": "_unscoped",
                "default_manager_name": "_unscoped",
                "indexes": [
                    models.Index(fields=["account_id", "contact_id"], name="contact_external_id_of"),
                ],
            },
            managers=[
                ("_unscoped", django.db.models.manager.Manager()),
            ],
        ),
    ]
