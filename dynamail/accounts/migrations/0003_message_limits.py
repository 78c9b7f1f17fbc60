from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_member_uid")]
    operations = [
        migrations.AddField("account", "messages_per_hour", models.IntegerField(null=True, blank=True)),
        migrations.AddField("account", "messages_per_day", models.IntegerField(null=True, blank=True)),
    ]
