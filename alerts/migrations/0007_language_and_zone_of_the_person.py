"""A person's language and zone are theirs everywhere, not of their alerts alone."""

from django.db import migrations

KNOWN = {"en", "pt-br", "da"}


def to_the_person(apps, schema_editor):
    preferences = apps.get_model("alerts", "Preference")
    for row in preferences.objects.select_related("user").iterator():
        user, code = row.user, row.language.replace("_", "-").lower()
        if not user.language and code in KNOWN:
            user.language = code
        # UTC was what nobody chose: left empty, the browser's zone may speak.
        if not user.zone and row.zone != "UTC":
            user.zone = row.zone
        user.save(update_fields=["language", "zone"])


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_people"),
        ("alerts", "0006_longer_recipients"),
    ]

    operations = [
        migrations.RunPython(to_the_person, migrations.RunPython.noop),
        migrations.RemoveField(model_name="preference", name="language"),
        migrations.RemoveField(model_name="preference", name="zone"),
    ]
