"""Every address of the product, but for the doors in front of Django."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from rest_framework.routers import SimpleRouter

from accounts.api.limits import LimitViewSet
from accounts.sign_in.join import page as invitation
from alerts import api as alerts
from alerts import hooks
from alerts import views as answering
from alerts.worker import push_worker
from checks.api import CheckViewSet
from dashboards import api as dashboards
from dashboards.alerting import ical, inbox, record_page
from dashboards.alerting import views as alerting
from dashboards.anomalies import api as anomalies
from dashboards.anomalies import cards as model_cards
from dashboards.anomalies import page as anomalies_page
from dashboards.capacity import views as capacity
from dashboards.checks import views as check_pages
from dashboards.demo.views import DemoView, remove_demo
from dashboards.finding.api import SearchView
from dashboards.finding.views import plain_list
from dashboards.fleet import api as fleet
from dashboards.fleet import page as fleet_page
from dashboards.fleet.saved import ViewViewSet
from dashboards.joining import views as joining
from dashboards.manage import views as manage
from dashboards.pwa import views as pwa
from dashboards.server import api as server
from dashboards.server import views as server_page
from ingest.api import IngestView
from ingest.orders import KeyView, OrdersView
from metrics.api import SeriesView, ServerSeriesView, StoreView
from metrics.fleet_api import FleetLatestView, FleetRangeView, FleetTopView
from ml import api as ml
from ml import forecast_api as forecasts
from monitor import health
from monitor.description import DescriptionView
from monitor.pages import settings, welcome
from reports import api as reports
from servers.api import EnrolmentViewSet, EnrolView, ServerVerbs

# Machines cannot follow a redirect after a POST: exact paths, no slash at the end.
router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("servers", dashboards.ServerViewSet, basename="server")
router.register("servers", ServerVerbs, basename="server-verb")
router.register("enrolments", EnrolmentViewSet, basename="enrolment")
router.register("rules", alerts.RuleViewSet, basename="rule")
router.register("channels", alerts.ChannelViewSet, basename="channel")
router.register("chains", alerts.ChainViewSet, basename="chain")
router.register("schedules", alerts.ScheduleViewSet, basename="schedule")
router.register("people", alerts.PersonViewSet, basename="person")
router.register("ways", alerts.WayViewSet, basename="way")
router.register("incidents", alerts.IncidentViewSet, basename="incident")
router.register("silences", alerts.SilenceViewSet, basename="silence")
router.register("deliveries", alerts.DeliveryViewSet, basename="delivery")
router.register("notices", alerts.NoticeViewSet, basename="notice")
router.register("limits", LimitViewSet, basename="limit")
router.register("checks", CheckViewSet, basename="check")
router.register("views", ViewViewSet, basename="view")
router.register("anomalies", ml.AnomalyViewSet, basename="anomaly")
router.register("models", ml.ModelViewSet, basename="model")
router.register("trainings", ml.TrainingViewSet, basename="training")
router.register("report_runs", reports.RunViewSet, basename="report-run")
router.register("report_schedules", reports.ScheduleViewSet, basename="report-schedule")

api = [
    path("ingest", IngestView.as_view(), name="ingest"),
    path("orders", OrdersView.as_view(), name="orders"),
    path("agent/key", KeyView.as_view(), name="agent-key"),
    path("enrol", EnrolView.as_view(), name="enrol"),
    path("series", SeriesView.as_view(), name="series"),
    path("servers/<uuid:uuid>/series", ServerSeriesView.as_view(), name="server-series"),
    path("servers/<uuid:uuid>/around", server.AroundView.as_view(), name="server-around"),
    path("servers/<uuid:uuid>/catalogue", server.CatalogueView.as_view(), name="server-catalogue"),
    path("servers/<uuid:uuid>/usual", server.UsualView.as_view(), name="server-usual"),
    path("servers/<uuid:uuid>/moved", server.MovedView.as_view(), name="server-moved"),
    path("servers/<uuid:uuid>/series.csv", server.CsvView.as_view(), name="server-csv"),
    path("fleet/today", fleet.TodayView.as_view(), name="fleet-today"),
    path("fleet/sparks", fleet.SparksView.as_view(), name="fleet-sparks"),
    path("fleet/latest", FleetLatestView.as_view(), name="fleet-latest"),
    path("fleet/top", FleetTopView.as_view(), name="fleet-top"),
    path("fleet/range", FleetRangeView.as_view(), name="fleet-range"),
    path("anomalies/sensitivity", ml.SensitivityView.as_view(), name="anomalies-sensitivity"),
    path("model_cards", anomalies.CardsView.as_view(), name="model-cards"),
    path("forecasts", forecasts.ForecastsView.as_view(), name="forecasts"),
    path("forecasts/what_if", forecasts.WhatIfView.as_view(), name="forecasts-what-if"),
    path("risks", forecasts.RisksView.as_view(), name="risks"),
    path("capacity", forecasts.CapacityView.as_view(), name="capacity-api"),
    path("odd", anomalies.OddView.as_view(), name="odd"),
    path("moved", anomalies.MovedView.as_view(), name="moved"),
    path("store", StoreView.as_view(), name="store"),
    path("reports", reports.KindsView.as_view(), name="report-kinds"),
    path("rules/file", alerts.RuleFileView.as_view(), name="rules-file"),
    path("preferences", alerts.PreferenceView.as_view(), name="preferences"),
    path("acknowledge", alerts.AcknowledgeView.as_view(), name="acknowledge-token"),
    path("push/key", alerts.PushKeyView.as_view(), name="push-key"),
    path("push/subscriptions", alerts.PushSubscriptionsView.as_view(), name="push-subscriptions"),
    path("demo", DemoView.as_view(), name="demo"),
    path("search", SearchView.as_view(), name="search"),
    path("live", dashboards.LiveView.as_view(), name="live"),
    path("schema", DescriptionView.as_view(), name="schema"),
    path("", include("accounts.api.urls")),
    *router.urls,
]

urlpatterns = [
    path("", fleet_page.fleet, name="fleet"),
    path("list/", plain_list, name="list"),
    path("welcome/", welcome.welcome, name="welcome"),
    path("settings/", settings.index, name="settings"),
    path("settings/health/", settings.own_health, name="own-health"),
    path("servers/add/", joining.add_server, name="add-server"),
    path("servers/add/<uuid:uuid>/", joining.waiting, name="waiting"),
    path("demo/remove/", remove_demo, name="remove-demo"),
    path("servers/invitations/", manage.enrolments, name="enrolments"),
    path("servers/<uuid:uuid>/", server_page.server, name="server"),
    path("anomalies/", anomalies_page.anomalies, name="anomalies"),
    path("capacity/", capacity.capacity, name="capacity"),
    path("models/", model_cards.fleet, name="models"),
    path("servers/<uuid:uuid>/model/", model_cards.server, name="server-model"),
    path("servers/<uuid:uuid>/edit/", manage.edit, name="edit-server"),
    path("servers/<uuid:uuid>/act/", manage.act, name="act-server"),
    path("alerts/sparks/", inbox.sparks, name="sparks"),
    path("alerts/", inbox.alerts, name="alerts"),
    path("incidents/<uuid:uuid>/", inbox.incident, name="incident"),
    path("i/<int:number>", answering.short, name="short-incident"),
    path("incidents/<uuid:uuid>/members/", inbox.members, name="incident-members"),
    path("rules/", alerting.rules, name="rules"),
    path("rules/file/", alerting.rule_file, name="rule-file"),
    path("rules/new/", alerting.edit_rule, name="new-rule"),
    path("rules/<uuid:uuid>/edit/", alerting.edit_rule, name="edit-rule"),
    path("channels/", alerting.channels, name="channels"),
    path("silences/", alerting.silences, name="silences"),
    path("checks/", check_pages.checks, name="checks"),
    path("checks/new/", check_pages.new, name="new-check"),
    path("checks/<uuid:uuid>/", check_pages.check, name="check"),
    path("checks/<uuid:uuid>/edit/", check_pages.edit, name="edit-check"),
    path("checks/<uuid:uuid>/act/", check_pages.act, name="act-check"),
    path("record/", record_page.page, name="record"),
    path("on-call/", alerting.on_call, name="on-call"),
    path("on-call/<uuid:uuid>.ics", ical.calendar, name="on-call-calendar"),
    path("me/notifications/", alerting.my_notifications, name="my-notifications"),
    path("acknowledge/<str:token>/", answering.acknowledge, name="acknowledge"),
    path("", include("reports.urls")),
    path("", include("accounts.pages.urls")),
    path("accounts/", include("accounts.urls")),
    path("invitation/<str:token>/", invitation, name="invitation"),
    path("agent/", include("servers.install.urls")),
    path("api/hooks/slack", hooks.slack, name="slack-hook"),
    path("api/hooks/twilio", hooks.twilio, name="twilio-hook"),
    path("worker.js", pwa.worker, name="worker"),
    path("manifest.webmanifest", pwa.manifest, name="manifest"),
    path("offline/", pwa.offline, name="offline"),
    path("snapshot/", pwa.snapshot, name="snapshot"),
    path("push-worker.js", push_worker, name="push-worker"),
    path("api/v1/", include(api)),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("admin/", admin.site.urls),
]

handler400 = "dashboards.errors.bad_request"
handler403 = "dashboards.errors.forbidden"
handler404 = "dashboards.errors.not_found"
handler500 = "dashboards.errors.failed"
