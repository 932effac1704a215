"""The door's twin in DRF: the same service, for the schema, the docs, the test client and other servers."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooSlow
from typing import Any, cast

from django.db import Error as DatabaseFault
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.services import strangers
from core import guard
from core.errors import Busy, Unauthorized
from ingest import services
from ingest.limits import bodies
from ingest.writer import writer
from servers.auth import UNKNOWN, Agent, keyring

PATIENCE = 10.0


class AgentUser:
    """A machine is nobody's session; it is known by its agent alone."""

    is_authenticated = True


class AgentAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[AgentUser, Agent]:
        kind, _, clear = get_authorization_header(request).decode("latin-1").partition(" ")
        clear = clear.strip() if kind.lower() == "bearer" else ""
        try:
            agent = keyring.find(clear) or keyring.look(clear)
        except DatabaseFault as error:
            raise Busy("The database does not answer now; send it again in a moment.", retry=5) from error
        if agent is None:
            if limited := strangers.wrong("agent_key", str(request.META.get("REMOTE_ADDR", ""))):
                raise limited.failure()
            raise Unauthorized(UNKNOWN)
        return AgentUser(), agent

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class IsAgent(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, Agent)


class IngestView(APIView):
    """Take one post of an agent; the answer comes after the commit."""

    authentication_classes = (AgentAuthentication,)
    permission_classes = (IsAgent,)

    @extend_schema(request=OpenApiTypes.OBJECT, responses={200: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        agent = cast("Agent", request.auth)
        guard.trust(request.META)
        encoding = request.META.get("HTTP_CONTENT_ENCODING", "").strip().lower()
        with bodies.share(agent.server) as share:
            batch = services.receive(agent, request._request.body, encoding, share)
            services.settle(batch)
            services.judge(batch)
        if batch.has_extras:
            services.keep_extras(batch)
        waiting: list[Future[Any]] = []
        for entry in batch.entries:
            entry.answer = Future()
            waiting.append(entry.answer)
            writer().put(entry)
        try:
            for answer in waiting:
                answer.result(PATIENCE)
        except TooSlow as error:
            raise Busy("The store does not answer now; send it again in a moment.", retry=5) from error
        return Response(batch.answer())
