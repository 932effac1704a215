"""Whatever happens in whatever order: who was told of a trouble is told of its end, and nobody else is."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from accounts.models import Membership, Team, User
from alerts import services
from alerts.models import Alert, Channel, Delivery, Incident, Silence
from alerts.services import silences
from alerts.services.audience import Heard
from tests.alerts.stage import Stage

NAMES = st.sampled_from(["web-1", "web-2", "db-1"])
RULES = st.sampled_from(["grouped", "patient", "alone", "few", "down"])


class Telling(RuleBasedStateMachine):
    """Alerts begin and end, people mute, take, give back and close, channels come and go, time passes."""

    @initialize()
    def begin(self) -> None:
        self.block = transaction.atomic()
        self.block.__enter__()
        team = Team.objects.create(name="Main")
        self.user = User.objects.create_user("a@example.org")
        Membership.objects.create(team=team, user=self.user, role="admin")
        self.stage = stage = Stage(team)
        hooks = [stage.hook("first"), stage.hook("second", default=False)]
        person = {"person": str(self.user.uuid)}
        named = [{"channel": str(hook.uuid)} for hook in hooks]
        self.standing = {
            "grouped": stage.rule("grouped", notify=named),
            "patient": stage.rule("patient", group_wait=30, group_interval=300, repeat_intervals=[600]),
            "alone": stage.rule("alone", group_wait=0, notify=[named[0], person]),
            "few": stage.rule("few", params={"at_least": 2}, notify=[person]),
            "down": stage.rule("down", kind="no_data", metric="", group_wait=0, notify=named[:1]),
        }

    def teardown(self) -> None:
        if hasattr(self, "block"):
            try:
                self.settle()
            finally:
                transaction.set_rollback(True)
                self.block.__exit__(None, None, None)

    @rule(name=NAMES, of=RULES, critical=st.booleans())
    def fire(self, name: str, of: str, critical: bool) -> None:
        known = self.stage.alert(self.standing[of], name)
        if known is None or (critical and known.severity == "warn"):
            self.stage.fire(self.standing[of], name, value=99 if critical else 85)

    @rule(name=NAMES, of=RULES)
    def end(self, name: str, of: str) -> None:
        if self.stage.alert(self.standing[of], name):
            self.stage.end(self.standing[of], name)

    @rule(seconds=st.sampled_from([0, 1, 9, 30, 60, 300, 4000]))
    def wait(self, seconds: int) -> None:
        self.stage.after(seconds)

    @rule(selector=st.sampled_from(["", "name:web-*", "name:db-1"]), seconds=st.sampled_from([20, 700, 5000]))
    def silence(self, selector: str, seconds: int) -> None:
        now = self.stage.now
        made = Silence(
            team=self.stage.team, selector=selector, reason="quiet", starts_at=now,
            ends_at=now + timedelta(seconds=seconds),
        )  # fmt: skip
        silences.save(made, now, by=self.user)

    @rule(how=st.sampled_from(["", "sticky", "until"]))
    def take(self, how: str) -> None:
        until = self.stage.now + timedelta(seconds=600) if how == "until" else None
        for incident in Incident.objects.open():
            services.acknowledge(incident, self.stage.now, by=self.user, how=how, until=until)

    @rule()
    def give_back(self) -> None:
        for incident in Incident.objects.open():
            services.unacknowledge(incident, self.stage.now, by=self.user)

    @rule()
    def close(self) -> None:
        incident = Incident.objects.open().first()
        if incident:
            services.close(incident, self.stage.now, by=self.user)

    @rule(enabled=st.booleans())
    def switch(self, enabled: bool) -> None:
        Channel.objects.filter(name="first").update(enabled=enabled)

    @rule()
    def deliver(self) -> None:
        for one in Delivery.objects.due(self.stage.now):
            Delivery.objects.filter(pk=one.pk).update(state="sent", attempts=1, sent_at=self.stage.now)

    def settle(self) -> None:
        """Everything ends; then everybody who was called to an alert has its end, and nobody else has."""
        for name, of in ((n, r) for n in list(self.stage.servers) for r in self.standing):
            self.end_quietly(name, of)
        for _ in range(3):
            self.stage.after(400)
            self.deliver()
        self.stage.after(8000)
        self.deliver()
        assert not Incident.objects.open().exists()
        assert not Incident.objects.exclude(next_at=None).exists()
        called: dict[int, set[tuple[int, str]]] = defaultdict(set)
        heard = Heard(list(Incident.objects.values_list("pk", flat=True)))
        for alert in Alert.objects.exclude(incident=None):
            assert alert.incident_id is not None
            called[alert.pk] = set(heard.of(alert.incident_id, alert.pk))
        assert {alert: places for alert, places in called.items() if places} == ended()

    def end_quietly(self, name: str, of: str) -> None:
        if self.stage.alert(self.standing[of], name):
            self.stage.end(self.standing[of], name)


def ended() -> dict[int, set[tuple[int, str]]]:
    """Who was sent the end of which alert: alone, or within the message of its group."""
    found: dict[int, set[tuple[int, str]]] = defaultdict(set)
    for one in Delivery.objects.filter(state="sent").select_related("notice"):
        notice = one.notice
        if notice.kind == "resolved" and notice.alert_id:
            found[notice.alert_id].add((one.channel_id, one.recipient))
        for over in notice.facts.get("over", []) if notice.kind in {"firing", "resolved"} else []:
            found[over].add((one.channel_id, one.recipient))
    return dict(found)


@pytest.mark.django_db
def test_who_is_told_of_a_trouble_is_told_of_its_end_and_nobody_else() -> None:
    kept = settings(
        max_examples=5, stateful_step_count=15, deadline=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(Telling, settings=kept)
