"""The tables as they are, for a new database; one that went the old way stays on it."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('core', '0001_initial'), ('core', '0002_cursor_lost')]

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Cursor',
            fields=[
                ('name', models.CharField(max_length=100, primary_key=True, serialize=False)),
                ('place', models.BigIntegerField(default=0)),
                ('may_lose', models.BooleanField(db_default=False, default=False, help_text='Whether it may go on without rows that wait too long.')),
                ('lost', models.BigIntegerField(db_default=0, default=0, help_text='Rows that it went on without, as it read no more.')),
                ('lost_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Lease',
            fields=[
                ('name', models.CharField(max_length=100, primary_key=True, serialize=False)),
                ('owner', models.CharField(max_length=64)),
                ('until', models.DateTimeField()),
            ],
        ),
    ]
