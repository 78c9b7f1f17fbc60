from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0003_numbers_aliases_and_sources"),
    ]

    operations = [
        migrations.AddField(
            model_name="contactimport",
            name="import_source",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="contacts.importsource",
            ),
        ),
        migrations.CreateModel(
            name="MailDomain",
            fields=[
                ("name", models.CharField(max_length=253, primary_key=True, serialize=False)),
                ("takes_mail", models.BooleanField()),
                ("checked_at", models.DateTimeField()),
            ],
            options={
                "db_table": "mail_domain",
                "indexes": [models.Index(fields=["checked_at"], name="mail_domain_age")],
            },
        ),
    ]
