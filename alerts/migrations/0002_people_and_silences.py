
import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_audit'),
        ('alerts', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Chain',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('name', models.CharField(max_length=80)),
                ('default', models.BooleanField(default=False, help_text='Followed by rules that name no target.')),
                ('steps', models.JSONField(default=list)),
            ],
        ),
        migrations.CreateModel(
            name='Override',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Preference',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('language', models.CharField(blank=True, max_length=10)),
                ('zone', models.CharField(default='UTC', max_length=64)),
                ('quiet_from', models.TimeField(blank=True, null=True)),
                ('quiet_until', models.TimeField(blank=True, null=True)),
                ('quiet_days', models.JSONField(blank=True, default=list, help_text='0 is Monday; empty: every day.')),
                ('critical_breaks_quiet', models.BooleanField(default=True)),
            ],
        ),
        migrations.CreateModel(
            name='Rotation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('place', models.PositiveIntegerField(default=0)),
                ('people', models.JSONField(default=list, help_text='UUIDs in the order of their turns.')),
                ('days', models.PositiveIntegerField(default=7, help_text='Of one turn.')),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField(blank=True, null=True)),
                ('hand_over', models.TimeField()),
                ('hours_from', models.TimeField(blank=True, help_text='On duty only from this time of day …', null=True)),
                ('hours_until', models.TimeField(blank=True, help_text='… until this one.', null=True)),
                ('weekdays', models.JSONField(blank=True, default=list, help_text='0 is Monday; empty: every day.')),
            ],
            options={
                'ordering': ['place', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='Schedule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('name', models.CharField(max_length=80)),
                ('zone', models.CharField(default='UTC', max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name='Silence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('selector', models.CharField(blank=True, max_length=2000)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField(blank=True, help_text='Of a recurring one: the end of all of it.', null=True)),
                ('rrule', models.CharField(blank=True, help_text='Such as FREQ=WEEKLY;BYDAY=SU; empty: once.', max_length=500)),
                ('duration', models.PositiveIntegerField(blank=True, help_text='Seconds of each, where it recurs.', null=True)),
                ('zone', models.CharField(default='UTC', max_length=64)),
                ('reason', models.CharField(max_length=500)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('ended_at', models.DateTimeField(blank=True, editable=False, help_text='When somebody ended it early.', null=True)),
                ('warned_at', models.DateTimeField(blank=True, editable=False, help_text='Its end was announced.', null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Step',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('chain', models.CharField(help_text='Its name at that time.', max_length=80)),
                ('round', models.PositiveIntegerField(default=0, help_text='A chain begins anew when it is un-acknowledged.')),
                ('place', models.PositiveIntegerField()),
                ('kind', models.CharField(max_length=20)),
                ('args', models.JSONField(default=dict)),
                ('due_at', models.DateTimeField()),
                ('done_at', models.DateTimeField(blank=True, null=True)),
                ('result', models.CharField(blank=True, max_length=300)),
            ],
        ),
        migrations.CreateModel(
            name='Way',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('place', models.PositiveIntegerField(default=0)),
                ('severity', models.CharField(choices=[('warn', 'Warning'), ('critical', 'Critical')], default='warn', help_text='From this one on.', max_length=10)),
                ('after', models.PositiveIntegerField(default=0, help_text='Seconds without an acknowledgement.')),
            ],
            options={
                'ordering': ['place', 'pk'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='rule',
            name='a_rule_has_a_limit',
        ),
        migrations.AddField(
            model_name='channel',
            name='failures',
            field=models.PositiveIntegerField(default=0, editable=False, help_text='In a row.'),
        ),
        migrations.AddField(
            model_name='channel',
            name='fallback',
            field=models.ForeignKey(blank=True, help_text='Told instead after a permanent error, or two minutes of failures.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='alerts.channel'),
        ),
        migrations.AddField(
            model_name='channel',
            name='fault',
            field=models.CharField(blank=True, editable=False, help_text='Why nothing goes out over it.', max_length=500),
        ),
        migrations.AddField(
            model_name='channel',
            name='language',
            field=models.CharField(blank=True, help_text='Empty: the language of the product.', max_length=10),
        ),
        migrations.AddField(
            model_name='channel',
            name='owner',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='channel',
            name='resting_until',
            field=models.DateTimeField(blank=True, editable=False, help_text='Its breaker is open.', null=True),
        ),
        migrations.AddField(
            model_name='channel',
            name='storm_cap',
            field=models.PositiveIntegerField(blank=True, help_text='Messages in ten minutes before the rest becomes one digest; 0: no cap.', null=True),
        ),
        migrations.AddField(
            model_name='delivery',
            name='answer',
            field=models.CharField(blank=True, help_text='What the provider answered.', max_length=500),
        ),
        migrations.AddField(
            model_name='delivery',
            name='instead_of',
            field=models.ForeignKey(blank=True, help_text='What failed before it.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='alerts.delivery'),
        ),
        migrations.AddField(
            model_name='delivery',
            name='person',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='delivery',
            name='reference',
            field=models.CharField(blank=True, help_text="The provider's name of it, to go on from.", max_length=200),
        ),
        migrations.AddField(
            model_name='incident',
            name='acknowledged_how',
            field=models.CharField(blank=True, help_text='sticky: to the end. Empty: until it gets worse.', max_length=10),
        ),
        migrations.AddField(
            model_name='incident',
            name='acknowledged_over',
            field=models.CharField(blank=True, help_text='web, mail, slack, push, sms or api.', max_length=20),
        ),
        migrations.AddField(
            model_name='incident',
            name='acknowledged_reason',
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.AddField(
            model_name='incident',
            name='acknowledged_until',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='incident',
            name='next_at',
            field=models.DateTimeField(blank=True, help_text='When there may be something to tell or do.', null=True),
        ),
        migrations.AddField(
            model_name='incident',
            name='parent',
            field=models.ForeignKey(blank=True, help_text='The trouble that explains it, such as its server being down: nobody is told of it meanwhile.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='children', to='alerts.incident'),
        ),
        migrations.AddField(
            model_name='incident',
            name='reminded_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='incident',
            name='repeats',
            field=models.PositiveIntegerField(default=0, help_text='How often it was said again since the last news.'),
        ),
        migrations.AddField(
            model_name='incident',
            name='rule',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='alerts.rule'),
        ),
        migrations.AddField(
            model_name='incident',
            name='told_at',
            field=models.DateTimeField(blank=True, help_text='When the group was told last.', null=True),
        ),
        migrations.AddField(
            model_name='notice',
            name='held',
            field=models.CharField(blank=True, help_text='Why it is not told yet, or was not told at all.', max_length=200),
        ),
        migrations.AddField(
            model_name='notice',
            name='told_at',
            field=models.DateTimeField(blank=True, help_text='Empty: not told yet.', null=True),
        ),
        migrations.AddField(
            model_name='notice',
            name='told_in',
            field=models.ForeignKey(blank=True, help_text='The message of its group.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='tells', to='alerts.notice'),
        ),
        migrations.AddField(
            model_name='rule',
            name='fault',
            field=models.CharField(blank=True, editable=False, help_text='Why it cannot be judged.', max_length=500),
        ),
        migrations.AddField(
            model_name='rule',
            name='fault_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='rule',
            name='group_by',
            field=models.JSONField(blank=True, default=list, help_text='Empty: all servers of the rule together.'),
        ),
        migrations.AddField(
            model_name='rule',
            name='group_interval',
            field=models.PositiveIntegerField(blank=True, help_text='Empty: a minute.', null=True),
        ),
        migrations.AddField(
            model_name='rule',
            name='made_by',
            field=models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='rule',
            name='params',
            field=models.JSONField(blank=True, default=dict, help_text='What only its kind knows, such as a window.'),
        ),
        migrations.AddField(
            model_name='rule',
            name='repeat_intervals',
            field=models.JSONField(blank=True, default=list, help_text='Seconds; empty: 4 h, a day, a week.'),
        ),
        migrations.AddField(
            model_name='rule',
            name='runbook',
            field=models.CharField(blank=True, help_text='What to do, or where it stands.', max_length=500),
        ),
        migrations.AlterField(
            model_name='channel',
            name='team',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team'),
        ),
        migrations.AlterField(
            model_name='notice',
            name='kind',
            field=models.CharField(choices=[('firing', 'firing'), ('resolved', 'resolved'), ('acknowledged', 'acknowledged'), ('unacknowledged', 'unacknowledged'), ('repeat', 'repeat'), ('reminder', 'reminder'), ('digest', 'digest'), ('escalated', 'escalated'), ('note', 'note'), ('test', 'test')], max_length=14),
        ),
        migrations.AlterField(
            model_name='rule',
            name='kind',
            field=models.CharField(choices=[('threshold', 'threshold'), ('change', 'change'), ('past', 'past'), ('no_data', 'no_data'), ('anomaly', 'anomaly'), ('forecast', 'forecast'), ('composite', 'composite')], default='threshold', max_length=20),
        ),
        migrations.AlterField(
            model_name='rule',
            name='metric',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddIndex(
            model_name='incident',
            index=models.Index(condition=models.Q(('next_at__isnull', False)), fields=['next_at'], name='incidents_due'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(fields=['incident', 'at'], name='alerts_noti_inciden_3c1033_idx'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(condition=models.Q(('told_at', None)), fields=['at'], name='notices_untold'),
        ),
        migrations.AddConstraint(
            model_name='channel',
            constraint=models.UniqueConstraint(fields=('owner', 'name'), name='one_own_channel_of_a_name'),
        ),
        migrations.AddConstraint(
            model_name='channel',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('owner__isnull', True), ('team__isnull', False)), models.Q(('owner__isnull', False), ('team__isnull', True)), _connector='OR'), name='a_channel_is_of_a_team_or_of_a_person'),
        ),
        migrations.AddField(
            model_name='chain',
            name='team',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team'),
        ),
        migrations.AddField(
            model_name='override',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='preference',
            name='user',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='schedule',
            name='fallback',
            field=models.ForeignKey(blank=True, help_text='Told where nobody is on call.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='schedule',
            name='team',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team'),
        ),
        migrations.AddField(
            model_name='rotation',
            name='schedule',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rotations', to='alerts.schedule'),
        ),
        migrations.AddField(
            model_name='override',
            name='schedule',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='overrides', to='alerts.schedule'),
        ),
        migrations.AddField(
            model_name='silence',
            name='owner',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='silence',
            name='rule',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='alerts.rule'),
        ),
        migrations.AddField(
            model_name='silence',
            name='team',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team'),
        ),
        migrations.AddField(
            model_name='step',
            name='incident',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='alerts.incident'),
        ),
        migrations.AddField(
            model_name='way',
            name='channel',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='alerts.channel'),
        ),
        migrations.AddField(
            model_name='way',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='chain',
            constraint=models.UniqueConstraint(fields=('team', 'name'), name='one_chain_of_a_name'),
        ),
        migrations.AddConstraint(
            model_name='chain',
            constraint=models.UniqueConstraint(condition=models.Q(('default', True)), fields=('team',), name='one_default_chain'),
        ),
        migrations.AddConstraint(
            model_name='schedule',
            constraint=models.UniqueConstraint(fields=('team', 'name'), name='one_schedule_of_a_name'),
        ),
        migrations.AddConstraint(
            model_name='override',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='an_override_ends_after_its_start'),
        ),
        migrations.AddIndex(
            model_name='silence',
            index=models.Index(fields=['team', 'ends_at'], name='alerts_sile_team_id_d70d79_idx'),
        ),
        migrations.AddIndex(
            model_name='step',
            index=models.Index(condition=models.Q(('done_at', None)), fields=['due_at'], name='steps_due'),
        ),
        migrations.AddConstraint(
            model_name='step',
            constraint=models.UniqueConstraint(fields=('incident', 'chain', 'round', 'place'), name='one_step_of_a_place'),
        ),
        migrations.AddConstraint(
            model_name='way',
            constraint=models.UniqueConstraint(fields=('user', 'channel', 'severity'), name='one_way_of_a_channel'),
        ),
    ]
