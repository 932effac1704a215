"""Two teams with one of everything, and everybody who may knock."""

from __future__ import annotations

from datetime import date, time, timedelta
from functools import cached_property
from typing import Any
from uuid import uuid4

from django.test import Client

from accounts.models import ApiToken, Invitation, Membership, Team, User, UserSession
from accounts.services import make_token
from alerts.models import (
    Alert,
    Chain,
    Channel,
    Delivery,
    Incident,
    Notice,
    Override,
    Rotation,
    Rule,
    Schedule,
    Silence,
    Step,
    Way,
)  # fmt: skip
from checks import services as checks
from checks.models import Check
from core.clock import now
from dashboards.models import View
from metrics.models import Series
from ml.models import Episode, ModelVersion, Watch
from reports.models import Run as Report
from reports.models import Schedule as ReportSchedule
from servers.auth import enrol
from servers.models import AgentKey, Change, Enrolment, Event, FactSheet, Server
from servers.services import make_enrolment

HOUR = timedelta(hours=1)


def channel(name: str, **whose: Any) -> Channel:
    made = Channel(name=name, kind="webhook", **whose)
    made.config = {"url": f"https://hooks.example.org/{uuid4()}"}
    made.save()
    return made


def learnt(server: Server) -> None:
    """What was learnt of it, and a time in which it was unusual."""
    version = ModelVersion.objects.create(
        server=server, number=1, state="current", why="first", columns=[], schema="-", span_from=0, span_to=1, rows=1,
        sha256="-", blob=b"", made_at=now(),
    )  # fmt: skip
    Watch.objects.create(server=server, since=0, version=version)
    Episode.objects.create(server=server, began_at=now(), last_at=now(), peak=2, peak_at=now(), version=1)


class Holding:
    """A team with two servers: `db` in a role's reach, `web` out of it; and what comes with servers."""

    def __init__(self, name: str, series: Series) -> None:
        self.team = Team.objects.create(name=name)
        self.series = series
        self.keys: dict[str, str] = {}
        self.rule = Rule.objects.create(team=self.team, name=f"Hot {name}", metric="cpu_used_percent", critical=95)
        self.channel = channel(f"Hook {name}", team=self.team)
        self.chain = Chain.objects.create(team=self.team, name=f"Chain {name}", steps=[{"kind": "team"}])
        self.schedule = Schedule.objects.create(team=self.team, name=f"Turns {name}")
        self.silence = Silence.objects.create(
            team=self.team, selector="tag:db", reason="Move", starts_at=now(), ends_at=now() + HOUR
        )
        self.enrolment = Enrolment.objects.get(key=make_enrolment(self.team, f"Invited {name}")[4:20])
        self.report_schedule = ReportSchedule.objects.create(
            team=self.team, name="Weekly", kind="overview", rhythm="week", next_at=now() + HOUR
        )
        self.db = self._server(f"db-{name}", ["db"])
        self.web = self._server(f"web-{name}", ["web"])
        self.inside = self._incident(self.db)
        self.outside = self._incident(self.web)

    def _server(self, name: str, tags: list[str]) -> Server:
        made = enrol(make_enrolment(self.team, name), name, f"print of {name}", {"os": {"name": name}})
        self.keys[name] = made.key
        server = Server.objects.get(pk=made.server.pk)
        server.tags = tags
        server.save()
        Change.objects.create(server=server, at=now(), section="os", key="kernel", before=1, after=2)
        Event.objects.create(server=server, at=now(), kind="boot", text=f"{name} started")
        checks.make(Check(team=self.team, kind="heartbeat", name=f"Job of {name}"), server=server, by=None)
        FactSheet.objects.get_or_create(server=server, defaults={"digest": "-", "at": now()})
        learnt(server)
        return server

    def _incident(self, *servers: Server) -> Incident:
        title = f"CPU of {servers[0].name} is 99 %"
        made = Incident.objects.create(
            team=self.team, key=str(uuid4()), title=title, severity="critical", opened_at=now(), rule=self.rule
        )
        for server in servers:
            alert = Alert.objects.create(
                rule=self.rule, server=server, series=self.series, incident=made, state="firing",
                severity="critical", value=99, limit=95, since=0, judged=0,
            )  # fmt: skip
            notice = Notice.objects.create(
                incident=made, alert=alert, kind="firing", at=now(), text=f"{server.name} is hot", told_at=now()
            )
            Delivery.objects.create(notice=notice, channel=self.channel, state="dead", due_at=now())
        Step.objects.create(incident=made, chain=self.chain.name, place=0, kind="team", due_at=now())
        return made

    def mixed(self) -> Incident:
        """One that holds alerts of both servers."""
        Alert.objects.filter(incident__in=[self.inside, self.outside]).update(resolved_at=now())
        return self._incident(self.web, self.db)

    def of(self, server: Server, what: str) -> Any:
        """Its notice or delivery."""
        if what == "notice":
            return Notice.objects.filter(alert__server=server).first()
        return Delivery.objects.filter(notice__alert__server=server).first()

    def check_of(self, server: Server) -> Check:
        found = Check.objects.filter(server=server).first()
        assert found is not None
        return found

    def key_of(self, server: Server) -> AgentKey:
        found = AgentKey.objects.filter(server=server).first()
        assert found is not None
        return found


def person(name: str, team: Team, role: str, selector: str = "", **fields: Any) -> User:
    user = User.objects.create_user(f"{name}@example.org", None, **fields)
    Membership.objects.create(team=team, user=user, role=role, selector=selector)
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def bearer(token: str) -> Client:
    return Client(headers={"authorization": f"Bearer {token}"})


class World:
    """Our team, another one, and people of every sort."""

    def __init__(self) -> None:
        series = Series.objects.create(metric="cpu_used_percent", labels="")
        self.ours, self.theirs = Holding("ours", series), Holding("theirs", series)
        team = self.ours.team
        self.people = {role: person(role, team, role) for role in ("viewer", "operator", "manager", "admin")}
        self.people["owner"] = User.objects.create_superuser("owner@example.org")
        self.people["stranger"] = person("stranger", self.theirs.team, "admin")
        self.people["narrowed"] = person("narrowed", team, "admin", "tag:db")
        self.people["disabled"] = person("disabled", team, "admin")
        admin = self.people["admin"]
        self.own = channel("Mine", owner=admin)
        self.way = Way.objects.create(user=admin, channel=self.own)
        schedule = self.ours.schedule
        Rotation.objects.create(
            schedule=schedule, people=[str(admin.uuid)], starts_on=date(2026, 1, 1), hand_over=time(9)
        )
        self.guest = person("guest", team, "viewer")
        self.invitation = Invitation.objects.create(
            team=team, email="new@example.org", role="viewer", key="k", digest="d", expires_at=now() + HOUR
        )
        self.kept = ApiToken.objects.create(user=admin, name="kept", key="kept", digest="-", scopes=["all"])
        self.session = UserSession.objects.create(user=admin, key="s", address="127.0.0.1")
        self.view = View.objects.create(owner=admin, name="Mine")
        self.report = Report.objects.create(
            owner=admin, kind="overview", period="week", start=now() - HOUR, end=now(), state="failed"
        )
        self.override = Override.objects.create(schedule=schedule, user=admin, starts_at=now(), ends_at=now() + HOUR)

    def token(self, of: str = "admin", scopes: list[str] | None = None, **more: Any) -> Client:
        return bearer(make_token(self.people[of], "t", scopes or ["all"], **more))

    @cached_property
    def dead_tokens(self) -> dict[str, Client]:
        clients = {}
        for state, field in (("expired", "expires_at"), ("revoked", "revoked_at")):
            clear = make_token(self.people["admin"], state, ["all"])
            ApiToken.objects.filter(key=clear[4:20]).update(**{field: now() - timedelta(seconds=1)})
            clients[state] = bearer(clear)
        return clients
