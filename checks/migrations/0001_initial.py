import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0006_names'),
        ('servers', '0006_stands_for'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Check',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uuid', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('label', models.CharField(editable=False, help_text='Its name in series; it stays when renamed.', max_length=120)),
                ('kind', models.CharField(choices=[('http', 'http'), ('tcp', 'tcp'), ('ping', 'ping'), ('dns', 'dns'), ('heartbeat', 'heartbeat')], max_length=20)),
                ('target', models.CharField(blank=True, max_length=2000)),
                ('config', models.JSONField(blank=True, default=dict, help_text='What only its kind knows.')),
                ('secrets', models.TextField(blank=True, editable=False, help_text='Sealed: values of headers that prove who asks.')),
                ('by_agent', models.BooleanField(default=False, help_text='Run by the agent of its server, not by the hub.')),
                ('interval', models.PositiveIntegerField(default=60)),
                ('timeout', models.PositiveIntegerField(default=10)),
                ('retries', models.PositiveIntegerField(default=1, help_text='Failed tries in a row that are not yet down.')),
                ('window', models.PositiveIntegerField(default=600, help_text='Seconds over which its share of errors counts.')),
                ('paused', models.BooleanField(default=False)),
                ('ping_key', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('changed_at', models.DateTimeField(auto_now=True, db_index=True)),
                ('made_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('server', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='servers.server')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.team')),
            ],
        ),
        migrations.CreateModel(
            name='Run',
            fields=[
                ('check_ref', models.OneToOneField(db_column='check_id', on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='run', serialize=False, to='checks.check')),
                ('due_at', models.DateTimeField(db_index=True, help_text='Empty: paused.', null=True)),
                ('lease_owner', models.CharField(blank=True, max_length=32)),
                ('lease_until', models.DateTimeField(null=True)),
                ('state', models.CharField(default='new', max_length=10)),
                ('since', models.DateTimeField(null=True)),
                ('at', models.DateTimeField(help_text='The last try, or the last signal.', null=True)),
                ('failures', models.PositiveIntegerField(default=0)),
                ('said', models.CharField(blank=True, max_length=500)),
                ('seconds', models.FloatField(null=True)),
                ('parts', models.JSONField(default=dict)),
                ('certificate_ends', models.DateTimeField(null=True)),
                ('recent', models.JSONField(default=list, help_text='Unix seconds of tries; the failed ones negative.')),
                ('started_at', models.DateTimeField(help_text='Of a heartbeat: a job that runs.', null=True)),
                ('expected_at', models.DateTimeField(help_text='Of a heartbeat: when the next signal should come.', null=True)),
                ('excused_until', models.DateTimeField(help_text='Of a heartbeat: we were away and could not hear it.', null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Signal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('kind', models.CharField(help_text='success, start, fail or log.', max_length=10)),
                ('code', models.PositiveSmallIntegerField(null=True)),
                ('seconds', models.FloatField(help_text='Since the start signal.', null=True)),
                ('body', models.TextField(blank=True)),
                ('address', models.CharField(blank=True, max_length=64)),
                ('check_ref', models.ForeignKey(db_column='check_id', on_delete=django.db.models.deletion.CASCADE, related_name='+', to='checks.check')),
            ],
        ),
        migrations.AddConstraint(
            model_name='check',
            constraint=models.UniqueConstraint(fields=('team', 'name'), name='one_check_of_a_name'),
        ),
        migrations.AddConstraint(
            model_name='check',
            constraint=models.UniqueConstraint(fields=('server', 'label'), name='one_check_of_a_label'),
        ),
        migrations.AddIndex(
            model_name='signal',
            index=models.Index(fields=['check_ref', '-at'], name='checks_sign_check_i_d2c8ef_idx'),
        ),
    ]
