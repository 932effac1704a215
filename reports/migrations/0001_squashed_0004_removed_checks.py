"""The tables as they are, for a new database; one that went the old way stays on it."""

from __future__ import annotations

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('reports', '0001_initial'), ('reports', '0002_names'), ('reports', '0003_reach'), ('reports', '0004_removed_checks')]

    initial = True

    dependencies = [
        ('accounts', '0001_squashed_0007_roles_by_groups'),
    ]

    operations = [
        migrations.CreateModel(
            name='Life',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(editable=False, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('words', models.JSONField(default=dict, help_text='What a selector sees of it.')),
                ('began_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField()),
                ('silent', models.JSONField(default=list, help_text='Spans in milliseconds, as far back as was kept.')),
                ('known_from', models.BigIntegerField(default=0, help_text='Milliseconds; of earlier nothing was kept.')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team')),
                ('blind', models.JSONField(default=list, help_text='Of a check: when nobody looked.')),
                ('machine', models.UUIDField(help_text='Of a check: whose it was; its own row where it stood alone.', null=True)),
                ('of', models.CharField(blank=True, help_text='Of a check: what that machine was called.', max_length=120)),
                ('stands_for', models.CharField(blank=True, help_text='Empty: a server. Else check.', max_length=10)),
            ],
            options={
                'verbose_name': 'removed server or check',
                'verbose_name_plural': 'removed servers and checks',
            },
        ),
        migrations.CreateModel(
            name='Schedule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('name', models.CharField(max_length=80)),
                ('kind', models.CharField(max_length=40)),
                ('selector', models.CharField(blank=True, max_length=2000)),
                ('target', models.FloatField(default=99.9, help_text='Promised availability in percent.')),
                ('rhythm', models.CharField(choices=[('week', 'week'), ('month', 'month')], max_length=10)),
                ('hour', models.PositiveIntegerField(default=7, help_text='Of Monday, or of the first day of the month.')),
                ('zone', models.CharField(default='UTC', max_length=64)),
                ('language', models.CharField(default='en', max_length=10)),
                ('formats', models.JSONField(default=list, help_text='Files in the mail: pdf, xlsx, csv.')),
                ('people', models.JSONField(default=list, help_text='UUIDs of members of the team.')),
                ('addresses', models.JSONField(default=list, help_text='Addresses of mail beside them.')),
                ('stopped', models.JSONField(default=list, help_text='Who asked for no more of it.')),
                ('enabled', models.BooleanField(default=True)),
                ('next_at', models.DateTimeField()),
                ('fault', models.CharField(blank=True, help_text='Why the last mail did not go out.', max_length=500)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('enabled', True)), fields=['next_at'], name='report_schedules_due')],
                'constraints': [models.UniqueConstraint(fields=('team', 'name'), name='one_report_schedule_of_a_name')],
                'verbose_name': 'report by mail',
                'verbose_name_plural': 'reports by mail',
            },
        ),
        migrations.CreateModel(
            name='Run',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('within', models.CharField(blank=True, help_text='What the token reached that asked for it.', max_length=500)),
                ('kind', models.CharField(max_length=40)),
                ('selector', models.CharField(blank=True, max_length=2000)),
                ('target', models.FloatField(default=99.9)),
                ('period', models.CharField(max_length=10)),
                ('start', models.DateTimeField()),
                ('end', models.DateTimeField()),
                ('zone', models.CharField(default='UTC', max_length=64)),
                ('language', models.CharField(default='en', max_length=10)),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('running', 'running'), ('done', 'done'), ('failed', 'failed'), ('cancelled', 'cancelled')], default='waiting', max_length=10)),
                ('progress', models.PositiveIntegerField(default=0)),
                ('said', models.CharField(blank=True, help_text='What it is at, or why it failed.', max_length=500)),
                ('servers', models.PositiveIntegerField(default=0)),
                ('bytes', models.BigIntegerField(default=0)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('moved_at', models.DateTimeField(auto_now_add=True, help_text='Its last sign of life.')),
                ('done_at', models.DateTimeField(blank=True, null=True)),
                ('owner', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team')),
                ('schedule', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='reports.schedule')),
                ('reach', models.TextField(blank=True, editable=False, help_text='What its owner reached when it was made.')),
            ],
            options={
                'indexes': [models.Index(fields=['owner', '-created_at'], name='reports_run_owner_i_d0d99b_idx'), models.Index(condition=models.Q(('state__in', ('waiting', 'running'))), fields=['state'], name='report_runs_open')],
                'constraints': [models.UniqueConstraint(fields=('schedule', 'start'), name='one_run_of_a_period'), models.CheckConstraint(condition=models.Q(('end__gt', models.F('start'))), name='a_report_ends_after_its_start')],
                'verbose_name': 'report',
            },
        ),
        migrations.CreateModel(
            name='Sending',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.CharField(max_length=320)),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('due_at', models.DateTimeField()),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('error', models.CharField(blank=True, max_length=500)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sendings', to='reports.run')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('sent_at', None)), fields=['due_at'], name='report_mails_due')],
                'constraints': [models.UniqueConstraint(fields=('run', 'address'), name='one_mail_of_a_report')],
                'verbose_name': 'mail of a report',
                'verbose_name_plural': 'mails of reports',
            },
        ),
    ]
