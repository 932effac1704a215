"""The button that removes the demo fleet, and the same for scripts."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.base import LOOK, MANAGE
from dashboards.demo.removal import remove
from servers.models import Server


@login_required
@require_POST
def remove_demo(request: HttpRequest) -> HttpResponse:
    """Remove the simulated servers of the teams in which this person may manage."""
    count = remove(list(Server.objects.visible_to(request.user, MANAGE).filter(demo=True)), by=_person(request))
    text = ngettext("%(n)d demo server was removed.", "%(n)d demo servers were removed.", count)
    messages.success(request, text % {"n": count})
    return redirect("fleet")


class DemoView(APIView):
    """The demo fleet: how many servers it has, and its removal."""

    resource = "servers"
    of_servers = True
    verbs: ClassVar[dict[str, str]] = {"GET": LOOK, "DELETE": MANAGE}

    @extend_schema(responses={200: dict})
    def get(self, request: Request) -> Response:
        return Response({"servers": Server.objects.visible_to(request.user).filter(demo=True).count()})

    @extend_schema(responses={200: dict})
    def delete(self, request: Request) -> Response:
        chosen = list(Server.objects.visible_to(request.user, MANAGE).filter(demo=True))
        return Response({"removed": remove(chosen, by=_person(request))})


def _person(request: Any) -> Any:
    return request.user
