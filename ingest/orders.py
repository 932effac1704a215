"""What an agent asks for with its key beside posting: `GET /api/v1/orders` held open, and a new key."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, cast
from urllib.parse import parse_qs

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import guard
from core.errors import Failure, Unauthorized
from ingest import door as ingest_door
from ingest.api import AgentAuthentication, IsAgent
from servers.auth import Agent, hand_key
from servers.services import orders

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LONGEST = 60.0


async def door(scope: Scope, receive: Receive, send: Send) -> None:
    """Hold the question until there is an order, the time is over, the asker has gone or the process ends."""
    headers = dict(scope["headers"])
    try:
        agent = await ingest_door.agent_of(scope, headers)
        guard.trust(scope)
        seconds = _seconds(parse_qs(scope.get("query_string", b"").decode("latin-1")).get("wait", ["0"])[-1])
        heard = await _unless_gone(orders.wait(agent.server, seconds), receive)
        if heard is None:
            return
        told = orders.board.tell(agent.server) if heard and await _still(scope, headers) else []
    except Failure as failure:
        await ingest_door._reply(send, failure.status, failure.body(), failure.retry)
        return
    await ingest_door._reply(send, 200, {"orders": told}, 0)


async def _still(scope: Scope, headers: dict[bytes, bytes]) -> bool:
    """Whether its key was not revoked while it waited; one that was replaced just asks again with the new one."""
    try:
        await ingest_door._agent(headers, scope)
    except Unauthorized:
        return False
    return True


async def _unless_gone(wait: Coroutine[Any, Any, bool], receive: Receive) -> bool | None:
    """What the wait gives; nothing when the asker has gone before."""
    answer = asyncio.ensure_future(wait)
    gone = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        return answer.result() if answer.done() else None
    finally:
        for task in (answer, gone):
            task.cancel()
        await asyncio.gather(answer, gone, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _seconds(text: str) -> float:
    try:
        wanted = float(text)
    except ValueError:
        wanted = math.nan
    if not math.isfinite(wanted) or wanted < 0:
        raise Failure("`wait` is a number of seconds from 0 to 60, such as wait=55.", code="bad_wait")
    return min(wanted, LONGEST)


class OrderSerializer(serializers.Serializer[Any]):
    """For the schema alone."""

    id = serializers.CharField()
    kind = serializers.CharField()
    args = serializers.DictField()
    until = serializers.FloatField(help_text="Unix seconds; live orders carry the rest in args.seconds too.")


class OrdersSerializer(serializers.Serializer[Any]):
    orders = OrderSerializer(many=True)


class NewKeySerializer(serializers.Serializer[Any]):
    key = serializers.CharField()


class OrdersView(APIView):
    """The orders that stand for the agent's server, held open up to `wait` seconds until there is one."""

    authentication_classes = (AgentAuthentication,)
    permission_classes = (IsAgent,)

    @extend_schema(parameters=[OpenApiParameter("wait", float)], responses=OrdersSerializer)
    def get(self, request: Request) -> Response:
        # Behind Django nothing is held: a thread of the pool is worth more than a wait.
        _seconds(request.query_params.get("wait", "0"))
        guard.trust(request.META)
        return Response({"orders": orders.waiting(cast("Agent", request.auth).server)})


class KeyView(APIView):
    """A new key for the agent that asks with its old one, which lives until the new one was used."""

    authentication_classes = (AgentAuthentication,)
    permission_classes = (IsAgent,)

    @extend_schema(request=None, responses={201: NewKeySerializer})
    def post(self, request: Request) -> Response:
        guard.trust(request.META)
        return Response({"key": hand_key(cast("Agent", request.auth))}, status=201)
