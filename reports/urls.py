"""Addresses of the pages of reports."""

from __future__ import annotations

from django.urls import path

from reports import pages

urlpatterns = [
    path("reports/", pages.index, name="reports"),
    path("reports/schedules/new/", pages.new_schedule, name="new-report-schedule"),
    path("reports/schedules/<uuid:uuid>/", pages.edit_schedule, name="report-schedule"),
    path("reports/stop/<str:token>/", pages.stop, name="stop-report"),
    path("reports/<uuid:uuid>/", pages.report, name="report"),
    path("reports/<uuid:uuid>/<str:form>/", pages.file, name="report-file"),
]
