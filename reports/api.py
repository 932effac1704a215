"""Reports over the API: kinds, runs with their files, and schedules."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.auth import TeamField, Unseen, me
from accounts.base import LOOK, REPORT
from accounts.models import Team, User
from core import zones
from core.errors import Conflict, Failure
from core.strict import Selecting
from reports import periods, services
from reports.answering import answer_with
from reports.document import encoded
from reports.kinds import kinds
from reports.models import DONE, RHYTHMS, TARGET, Run, Schedule
from reports.periods import PERIODS, NoPeriod
from reports.services import schedules
from reports.services.asking import Refused, Wish
from reports.services.files import FORMATS, document

LANGUAGES = [code for code, _name in settings.LANGUAGES]


class KindsView(APIView):
    """What can be reported on, over which times, and as which files."""

    resource = "reports"
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, _request: Request) -> Response:
        listed = [
            {"kind": name, "title": str(kinds.get(name).title), "about": str(kinds.get(name).about)} for name in kinds
        ]
        return Response({"kinds": listed, "periods": list(PERIODS), "formats": list(FORMATS)})


class ReportAskedSerializer(Selecting):
    kind = serializers.CharField(max_length=40)
    period = serializers.ChoiceField(choices=PERIODS, default="month")
    first = serializers.DateField(required=False, help_text="Of a custom period: its first day.")
    last = serializers.DateField(required=False, help_text="Of a custom period: its last day, included.")
    selector = serializers.CharField(required=False, allow_blank=True, default="", max_length=2000)
    team = TeamField(required=False)
    target = serializers.FloatField(default=TARGET, min_value=0.001, max_value=100)
    zone = serializers.CharField(required=False, max_length=64, help_text="Empty: that of your profile.")
    language = serializers.CharField(max_length=10, required=False, help_text="en, pt-br or da.")

    def validate_zone(self, value: str) -> str:
        if zones.find(value) is None:
            raise serializers.ValidationError(
                _("There is no such time zone. Write one like Europe/Copenhagen or UTC.")
            )
        return value

    def validate_language(self, value: str) -> str:
        if value not in LANGUAGES:
            raise serializers.ValidationError(_("This language is not spoken here."))
        return value

    def wish(self) -> Wish:
        user: User = self.context["request"].user
        given = self.validated_data
        zone = zones.find(given.get("zone", "")) or user.clock
        try:
            if given["period"] == periods.CUSTOM:
                period = periods.custom(given.get("first"), given.get("last"), zone)
            else:
                period = periods.last(given["period"], zone)
        except NoPeriod as fault:
            raise serializers.ValidationError({"period": str(fault)}) from fault
        language = given.get("language") or user.language or settings.LANGUAGE_CODE
        return Wish(given["kind"], period, given["selector"], given.get("team"), given["target"], language)


class ReportRunSerializer(serializers.ModelSerializer[Run]):
    id = serializers.UUIDField(source="uuid", read_only=True)
    team = serializers.StringRelatedField()  # type: ignore[var-annotated]
    schedule = serializers.SlugRelatedField(slug_field="uuid", read_only=True)  # type: ignore[var-annotated]

    class Meta:
        model = Run
        fields = (
            "id", "kind", "team", "selector", "target", "period", "start", "end", "zone", "language", "state",
            "progress", "said", "servers", "bytes", "schedule", "created_at", "done_at",
        )  # fmt: skip
        read_only_fields = fields


class Mine(Unseen, viewsets.GenericViewSet[Any]):
    """What one may not see is not there."""

    resource = "reports"
    lookup_field = "uuid"
    lookup_value_converter = "uuid"

    def _user(self) -> User:
        return me(self.request)


class RunViewSet(Mine, mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin):
    """A run is its owner's: it holds what they may see."""

    of_servers = True
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "POST": REPORT, "DELETE": LOOK, "cancel": LOOK}
    serializer_class = ReportRunSerializer

    def get_queryset(self) -> QuerySet[Run]:
        return Run.objects.visible_to(self.request.user).select_related("team", "schedule").order_by("-pk")

    @extend_schema(request=ReportAskedSerializer, responses={201: ReportRunSerializer})
    def create(self, request: Request) -> Response:
        """Small reports are done when this answers; large ones go on, and `progress` says how far they are."""
        asked = ReportAskedSerializer(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        try:
            run = services.ask(asked.wish(), by=self._user())
        except Refused as fault:
            raise serializers.ValidationError({fault.field: str(fault)}) from fault
        return Response(ReportRunSerializer(run).data, status=201)

    def perform_destroy(self, instance: Run) -> None:
        services.forget(instance, by=self._user())

    @extend_schema(request=None, responses=ReportRunSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, uuid: str) -> Response:
        """Call it off; what is over stays as it is."""
        run = self.get_object()
        if not services.cancel(run, by=self._user()) and run.state == DONE:
            raise Conflict("It is done already. Delete it to be rid of it.", code="over")
        return Response(ReportRunSerializer(run).data)

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=True, methods=["get"])
    def document(self, _request: Request, uuid: str) -> HttpResponse:
        """Everything in it, as data: sentences, figures, charts and tables, with links to the evidence."""
        found = document(self._done())
        if found is None:
            raise Failure(_("The report is not there any more. Ask for it again."), code="gone", status=410)
        return HttpResponse(encoded(found), content_type="application/json")

    @extend_schema(
        parameters=[
            OpenApiParameter("as", str, enum=FORMATS, description="Default pdf."),
            OpenApiParameter("section", str, description="Of a CSV: which table; default all, each below its title."),
        ],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    @action(detail=True, methods=["get"])
    def file(self, request: Request, uuid: str) -> Any:
        """The file to take away."""
        query = request.query_params
        return answer_with(self._done(), query.get("as", "pdf"), query.get("section", ""))

    def _done(self) -> Run:
        run: Run = self.get_object()
        if run.state != DONE:
            raise Conflict(run.said or "It is not done. Its progress says how far it is.", code=run.state)
        return run


class ReportScheduleSerializer(Selecting, serializers.ModelSerializer[Schedule]):
    id = serializers.UUIDField(source="uuid", read_only=True)
    team = TeamField(REPORT, required=False)
    kind = serializers.CharField(max_length=40)
    rhythm = serializers.ChoiceField(choices=RHYTHMS)
    hour = serializers.IntegerField(default=7, min_value=0, max_value=23)
    target = serializers.FloatField(default=TARGET, min_value=0.001, max_value=100)
    language = serializers.CharField(max_length=10, required=False, help_text="en, pt-br or da.")
    formats = serializers.ListField(child=serializers.ChoiceField(choices=FORMATS), required=False, max_length=3)
    people = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=50)
    addresses = serializers.ListField(child=serializers.CharField(max_length=320), required=False, max_length=50)
    owner = serializers.StringRelatedField()  # type: ignore[var-annotated]

    class Meta:
        model = Schedule
        fields = (
            "id", "team", "name", "kind", "selector", "target", "rhythm", "hour", "zone", "language", "formats",
            "people", "addresses", "stopped", "enabled", "owner", "next_at", "fault", "created_at",
        )  # fmt: skip
        read_only_fields = ("stopped", "next_at", "fault", "created_at")
        validators: ClassVar[list[Any]] = []

    def validate_people(self, value: list[Any]) -> list[str]:
        return [str(one) for one in value]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        user: User = self.context["request"].user
        if self.instance is None:
            attrs.setdefault("team", Team.objects.visible_to(user, REPORT).order_by("pk").first())
            attrs.setdefault("zone", user.clock.key)
            attrs.setdefault("language", user.language or settings.LANGUAGE_CODE)
            attrs.setdefault("formats", ["pdf"])
        elif attrs.get("team", self.instance.team) != self.instance.team:
            raise serializers.ValidationError({"team": "A schedule stays in its team. Make another one."})
        return attrs


class ScheduleViewSet(
    Mine, mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.CreateModelMixin, mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
):  # fmt: skip
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, **dict.fromkeys(("POST", "PUT", "PATCH", "DELETE"), REPORT)}
    serializer_class = ReportScheduleSerializer

    def get_queryset(self) -> QuerySet[Schedule]:
        return Schedule.objects.visible_to(self.request.user).select_related("team", "owner").order_by("name", "pk")

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = self._saved(Schedule(**serializer.validated_data))

    def perform_update(self, serializer: Any) -> None:
        schedule = serializer.instance
        before = schedules.told(schedule)
        for field, value in serializer.validated_data.items():
            setattr(schedule, field, value)
        self._saved(schedule, before)

    def perform_destroy(self, instance: Schedule) -> None:
        services.unschedule(instance, by=self._user())

    def _saved(self, schedule: Schedule, before: dict[str, Any] | None = None) -> Schedule:
        try:
            return services.save(schedule, by=self._user(), before=before)
        except Refused as fault:
            raise serializers.ValidationError({fault.field: str(fault)}) from fault
