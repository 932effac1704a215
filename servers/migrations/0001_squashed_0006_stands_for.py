"""The tables as they are, for a new database; one that went the old way stays on it."""

from __future__ import annotations

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('servers', '0001_initial'), ('servers', '0002_demo'), ('servers', '0003_orders'), ('servers', '0004_replaced_keys'), ('servers', '0005_canary'), ('servers', '0006_stands_for')]

    initial = True

    dependencies = [
        ('accounts', '0001_squashed_0007_roles_by_groups'),
    ]

    operations = [
        migrations.CreateModel(
            name='Server',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('number', models.PositiveIntegerField(help_text='Short number within the team, for display only.')),
                ('name', models.CharField(max_length=120)),
                ('hostname', models.CharField(max_length=255)),
                ('fingerprint', models.CharField(editable=False, max_length=128)),
                ('environment', models.CharField(default='production', max_length=40)),
                ('role', models.CharField(blank=True, max_length=60)),
                ('site', models.CharField(blank=True, max_length=60)),
                ('os', models.CharField(blank=True, help_text='As people say it, such as Debian 12.', max_length=80)),
                ('family', models.CharField(blank=True, help_text='linux, windows or darwin.', max_length=20)),
                ('tags', models.JSONField(blank=True, default=list)),
                ('interval', models.PositiveIntegerField(default=10)),
                ('paused', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('changed_at', models.DateTimeField(auto_now=True, db_index=True)),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team')),
                ('demo', models.BooleanField(default=False, editable=False, help_text='Simulated: part of a demo fleet.')),
                ('agent', models.CharField(blank=True, editable=False, help_text='Version its agent last told.', max_length=40)),
                ('offered', models.CharField(blank=True, editable=False, help_text="Another machine's fingerprint that asked for this name.", max_length=128)),
                ('internal', models.BooleanField(default=False, editable=False, help_text="Not a machine: a row of the product's own.")),
                ('stands_for', models.CharField(blank=True, editable=False, help_text='Of a row that is no machine: what it carries series of.', max_length=10)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('team', 'name'), name='one_server_of_a_name'), models.UniqueConstraint(fields=('team', 'number'), name='one_server_of_a_number')],
            },
        ),
        migrations.CreateModel(
            name='Enrolment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('key', models.CharField(max_length=24, unique=True)),
                ('digest', models.CharField(editable=False, max_length=64)),
                ('reusable', models.BooleanField(default=False)),
                ('expires_at', models.DateTimeField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('used_at', models.DateTimeField(blank=True, null=True)),
                ('used_by', models.CharField(blank=True, editable=False, help_text='Fingerprint of its machine.', max_length=128)),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team')),
                ('demo', models.BooleanField(default=False, editable=False, help_text='What enrols by it is simulated.')),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='FactSheet',
            fields=[
                ('server', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='facts', serialize=False, to='servers.server')),
                ('digest', models.CharField(max_length=64)),
                ('document', models.JSONField(default=dict)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('kind', models.CharField(max_length=60)),
                ('text', models.CharField(max_length=500)),
                ('fields', models.JSONField(default=dict)),
                ('server', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='servers.server')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('server', 'at', 'kind', 'text'), name='an_event_once')],
            },
        ),
        migrations.CreateModel(
            name='Change',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('section', models.CharField(max_length=80)),
                ('key', models.CharField(max_length=200)),
                ('before', models.JSONField(null=True)),
                ('after', models.JSONField(null=True)),
                ('server', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='servers.server')),
            ],
            options={
                'indexes': [models.Index(fields=['server', 'at'], name='servers_cha_server__e98ac7_idx')],
            },
        ),
        migrations.CreateModel(
            name='AgentKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=24, unique=True)),
                ('digest', models.CharField(editable=False, max_length=64)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('changed_at', models.DateTimeField(auto_now=True, db_index=True)),
                ('server', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='keys', to='servers.server')),
                ('replaced_at', models.DateTimeField(blank=True, editable=False, help_text="When another was handed out; it ends at that one's first use.", null=True)),
                ('used_at', models.DateTimeField(blank=True, editable=False, help_text='First use; kept for new keys.', null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Order',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('kind', models.CharField(max_length=40)),
                ('args', models.JSONField(default=dict, help_text='Never a secret: whoever acts asks for it with its key.')),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('done', 'done'), ('failed', 'failed'), ('lapsed', 'lapsed')], default='waiting', max_length=10)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('until', models.DateTimeField()),
                ('handed_at', models.DateTimeField(help_text='First time it went out.', null=True)),
                ('done_at', models.DateTimeField(null=True)),
                ('text', models.CharField(blank=True, help_text='What the machine said of it.', max_length=500)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('server', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='servers.server')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'waiting')), fields=['server'], name='standing_orders')],
            },
        ),
    ]
