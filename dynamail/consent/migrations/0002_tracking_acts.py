from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consent", "0001_initial")]
    operations = [
        migrations.AlterField(
            model_name="subscription",
            name="tracking_allowed",
            field=models.BooleanField(default=None, null=True),
        ),
        migrations.AlterField(
            model_name="consentrecord",
            name="act",
            field=models.CharField(
                choices=[
                    ("given", "Given"),
                    ("requested", "Confirmation asked for"),
                    ("confirmed", "Confirmed"),
                    ("withdrawn", "Withdrawn"),
                    ("imported", "Stated by the account at import"),
                    ("tracking_on", "Tracking allowed"),
                    ("tracking_off", "Tracking refused"),
                ],
                max_length=12,
            ),
        ),
    ]
