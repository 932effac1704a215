"""Serves the real templates and the built bundle with made-up data, to look at pages without a hub.

Usage: .venv/bin/python frontend/tools/preview.py [PORT]. The first part of the path picks a scene:
/one/, /few/, /many/, /quiet/, /empty/, /silent/, /thousand/; behind it come the addresses of the product.
"""

from __future__ import annotations

import asyncio
import json
import math
import mimetypes
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import django
import uvicorn
from django.conf import settings
from django.http import HttpRequest
from django.template.loader import render_to_string

ROOT = Path(__file__).resolve().parents[2]
POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'"
SCENES = ("one", "few", "many", "quiet", "empty", "silent", "thousand")
SIZES = {"one": 1, "few": 7, "many": 400, "quiet": 2, "empty": 0, "silent": 1, "thousand": 1000}
SHOWN = {"scene": "one"}  # of the page that was opened last: a socket does not know its page
GROUPS = ["web", "db", "api", "cache", "edge"]
Json = dict[str, Any]


def wave(at: float, phase: float, low: float, high: float) -> float:
    """Something that looks like a load: two slow waves and a little noise, the same at each asking."""
    noise = math.sin(at * 12.9898 + phase * 78.233) * 43758.5453 % 1
    share = 0.5 + 0.3 * math.sin(at / 900 + phase) + 0.12 * math.sin(at / 170 + phase * 3) + 0.08 * (noise - 0.5)
    return low + (high - low) * share


def server(scene: str, number: int, at: float) -> Json:
    group = GROUPS[number % len(GROUPS)]
    late = scene == "few" and number == 6
    bad = {3: "warn", 17: "critical", 101: "warn", 230: "critical"}.get(number) if scene in {"few", "many"} else None
    bad = "critical" if scene == "few" and number == 5 else bad
    down = scene == "silent" or (scene in {"few", "many"} and number in {5, 64})
    name = "workstation" if scene in {"one", "silent", "quiet"} and number == 0 else f"{group}-{number + 1}"
    peak = {"warn": 84, "critical": 95}.get(bad or "", 55)
    uuid = f"{SCENES.index(scene)}0000000-0000-4000-8000-{number:012d}"
    return {
        "id": uuid,
        "name": name,
        "tags": [] if number == 0 and scene in {"one", "silent"} else [group],
        "os": ["Debian 12", "Ubuntu 24.04"][number % 2],
        "team": "Main",
        "reach": "down" if down else "late" if late else "up",
        "health": bad or "ok",
        "seen": at - 3120 if down else at - 45 if late else at - at % 10 + 10 - 10,
        "interval": 10,
        "cpu": round(wave(at, number, peak - 30, peak), 1),
        "memory": round(wave(at, number + 9, 40, 62), 1),
        "disk": 93.0 if bad == "critical" else 30.0 + number * 7 % 45,
        "net": round(wave(at, number + 4, 2e5, 9e6)),
        "load": round(wave(at, number, 0.2, 2.8), 2),
        "url": f"/{scene}/servers/{uuid}/",
    }


def incidents(scene: str, at: float) -> list[Json]:
    if scene not in {"few", "many"}:
        return []
    rows = [
        (17, "CPU on {} is above 95 %", "critical", "open", 540, "cpu_used_percent", 97.2, 95.0),
        (3, "CPU on {} is above 80 %", "warn", "acknowledged", 3000, "cpu_used_percent", 84.0, 80.0),
        (9, "Disk / on {} is above 90 %", "critical", "resolved", 90000, "disk_used_percent", 92.0, 90.0),
    ]
    made = []
    for place, (number, title, severity, state, age, metric, value, limit) in enumerate(rows):
        one = server(scene, number if scene == "many" else place, at)
        uuid = f"10000000-0000-4000-8000-{place:012d}"
        made.append(
            {
                "id": uuid,
                "title": title.format(one["name"]),
                "severity": severity,
                "state": state,
                "since": at - age,
                "until": at - age + 1800 if state == "resolved" else None,
                "team": "Main",
                "owner": "maria@example.org" if state == "acknowledged" else None,
                "server": {key: one[key] for key in ("id", "name", "url")},
                "rule": "CPU hot",
                "metric": metric,
                "labels": {},
                "value": value,
                "limit": limit,
                "url": f"/{scene}/incidents/{uuid}/",
            }
        )
    return made


def told(row: Json) -> Json:
    at = row["since"] + 2
    return {
        "channel": "Ops mail", "kind": "email", "to": "ops@example.org", "state": "sent", "attempts": 1, "due": at,
        "sent": at, "answer": "250 2.0.0 Ok: queued", "error": "", "instead": "",
    }  # fmt: skip


def props(scene: str, path: str, at: float) -> tuple[str, str, Json]:
    """Which template a path shows, the name of its place in the navigation, and its data."""
    rows = incidents(scene, at)
    common: Json = {"now": at}
    if path.startswith("servers/") and path != "servers/add/":
        one = server(scene, int(path.split("/")[1][-12:]), at)
        facts = {
            "os": {"name": one["os"], "kernel": "6.1.0-18", "architecture": "x86_64"},
            "cpu": {"model": "Xeon E-2388G", "cores": 16},
            "memory": {"total_bytes": 68719476736},
        }
        mine = [row for row in rows if row["server"]["id"] == one["id"]]
        seq = {f"server.{one['id']}": 0, "incidents": 0}
        return "server", "server", common | {"seq": seq, "server": one, "facts": facts, "incidents": mine}
    if path.startswith("alerts"):
        return "alerts", "alerts", common | {"seq": {"incidents": 0}, "incidents": rows, "acts": ["Main"]}
    if path.startswith("incidents/"):
        row = next(row for row in rows if row["id"] == path.split("/")[1])
        story = [
            {"at": row["since"], "text": "Fired: 97.2 % is above 95 %.", "kind": "firing", "deliveries": [told(row)]},
            {"at": row["since"] + 90, "text": "The backup began two minutes before.", "kind": "note", "by": "Maria"},
        ]
        more: Json = {"members": [], "coming": {"at": at + 12, "news": True}, "acts": ["Main"], "children": []}
        shown = {"seq": {"incidents": 0}, "incident": row, "timeline": story, "parent": None}
        return "incident", "incident", common | shown | more
    if path == "servers/add/":
        return "add_server", "add", common
    servers = [server(scene, number, at) for number in range(SIZES[scene])]
    still = [row for row in rows if row["state"] != "resolved"]
    return "fleet", "fleet", common | {"seq": {"fleet": 0, "incidents": 0}, "servers": servers, "incidents": still}


def page(scene: str, path: str, at: float) -> str:
    request = HttpRequest()
    request.META = {"SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8399"}
    who = {"is_authenticated": True, "is_staff": False, "email": "admin@localhost"}
    if path == "accounts/login/":
        from allauth.account.forms import LoginForm  # noqa: PLC0415 - only once Django is set up

        return render_to_string("account/login.html", {"form": LoginForm()}, request)
    if path == "accounts/password/change/":
        from allauth.account.forms import ChangePasswordForm  # noqa: PLC0415 - Django is set up first
        from django.contrib.auth.models import User  # noqa: PLC0415 - as above

        form = ChangePasswordForm(User(), {"oldpassword": "x"})
        return render_to_string("account/password_change.html", {"form": form, "user": who}, request)
    if path.endswith(".html"):
        return render_to_string(path)
    template, place, data = props(scene, path, at)
    context: Json = {"user": who, "page": place, "island_props": data, "request": request}
    if template == "add_server":
        line = "curl -fsS http://127.0.0.1:8399/install | sh -s -- wke_9f2c41d0.4b7d0f3a9e3c4d1f8a7b6c5d"
        context |= {
            "lines": [{"label": "Linux", "command": line}],
            "expires_hours": 1,
            "may_add": True,
            "waiting_since": at,
        }
    return render_to_string(f"dashboards/{template}.html", context, request)


def series(query: dict[str, list[str]]) -> Json:
    start, end = float(query["start"][0]), float(query["end"][0])
    number = int(query["server"][0][-12:])
    silent = time.time() - 3120 if SCENES[int(query["server"][0][0])] == "silent" else end
    step = max(10.0, (end - start) / 600)
    times = [start + step * i for i in range(int((end - start) / step))]
    hole = (end - 2400, end - 1900)

    def missing(t: float) -> bool:
        alone = abs(t - 250 - hole[0]) <= step / 2  # one sample in the middle of the pause
        return (hole[0] < t < hole[1] and not alone) or t > silent

    def line(metric: str, labels: Json, low: float, high: float, phase: float) -> Json:
        values = [None if missing(t) else round(wave(t, number + phase, low, high), 2) for t in times]
        wider = [(v - (high - low) / 12, v + (high - low) / 12) if v is not None else (None, None) for v in values]
        low_, high_ = [w[0] for w in wider], [w[1] for w in wider]
        return {"metric": metric, "labels": labels, "v": values, "min": low_, "max": high_}

    known: dict[str, list[tuple[Json, float, float]]] = {
        "disk_used_percent": [({"mount": "/"}, 61, 63), ({"mount": "/var"}, 71, 76)],
        "net_received_bytes_per_second": [({"nic": "eth0"}, 2e5, 8e6)],
        "net_sent_bytes_per_second": [({"nic": "eth0"}, 1e5, 3e6)],
        "disk_read_bytes_per_second": [({"device": "sda"}, 0, 4e6)],
        "disk_write_bytes_per_second": [({"device": "sda"}, 1e5, 9e6)],
        "load1": [({}, 0.2, 2.8)],
        "load5": [({}, 0.5, 2.2)],
        "load15": [({}, 0.8, 1.8)],
        "swap_used_percent": [({}, 1, 3)],
        "cpu_iowait_percent": [({}, 0, 6)],
    }
    rows = [
        line(metric, labels, low, high, place)
        for place, metric in enumerate(query["metric"])
        for labels, low, high in known.get(metric, [({}, 20, 60)])
    ]
    return {"t": times, "step": step, "series": rows}


Send = Callable[[Json], Any]


async def answer(send: Send, body: bytes, kind: str, status: int = 200) -> None:
    headers = [(b"content-type", kind.encode()), (b"content-security-policy", POLICY.encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def web(scope: Json, send: Send) -> None:
    path, at = scope["path"], time.time()
    if path.startswith("/static/"):
        file = ROOT / path.lstrip("/")
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        body = await asyncio.to_thread(file.read_bytes) if file.is_file() else None
        await answer(send, body or b"", kind, 404 if body is None else 200)
    elif path == "/api/v1/series":
        await answer(send, json.dumps(series(parse_qs(scope["query_string"].decode()))).encode(), "application/json")
    elif path.startswith("/api/"):
        await answer(send, b'{"error": "unknown", "detail": "This is a preview."}', "application/json", 404)
    else:
        scene, _, rest = path.lstrip("/").partition("/")
        if scene not in SCENES:
            scene, rest = "one", path.lstrip("/")
        SHOWN["scene"] = scene
        if b"application/json" in dict(scope["headers"]).get(b"accept", b""):
            await answer(send, json.dumps(props(scene, rest, at)[2]).encode(), "application/json")
        else:
            text = await asyncio.to_thread(page, scene, rest, at)
            await answer(send, text.encode(), "text/html; charset=utf-8")


class Socket:
    """One message a second for each server that somebody looks at; silent scenes stay silent."""

    def __init__(self, receive: Callable[[], Any], send: Send) -> None:
        self.receive, self.send = receive, send
        self.topics: dict[str, int] = {}

    async def run(self) -> None:
        await self.receive()
        await self.send({"type": "websocket.accept"})
        listening = asyncio.create_task(self.listen())
        while not listening.done():
            await asyncio.sleep(1)
            for topic in [name for name in self.topics if name.startswith("server.")]:
                await self.report(topic, time.time())
            if "fleet" in self.topics:
                await self.changes(SHOWN["scene"], time.time())

    async def listen(self) -> None:
        while (event := await self.receive())["type"] == "websocket.receive":
            asked = json.loads(event["text"])
            for topic in asked.get("sub", []):
                self.topics[topic] = 0
                await self.tell(topic, {"subscribed": True})
            if "ping" in asked:
                await self.send({"type": "websocket.send", "text": '{"pong": 1}'})

    async def report(self, topic: str, at: float) -> None:
        one = server(SCENES[int(topic[7])], int(topic[-12:]), at)
        if one["reach"] == "down":
            return
        self.topics[topic] += 1
        live = {"cpu_used_percent": [one["cpu"]], "memory_used_percent": [one["memory"]], "load1": [one["load"]]}
        await self.tell(topic, {"server": one, "t": [at], "series": live})

    async def changes(self, scene: str, at: float) -> None:
        """Every server reports each ten seconds: a tenth of them in each message."""
        self.topics["fleet"] += 1
        moved = range(int(at) % 10, SIZES[scene], 10)
        await self.tell("fleet", {"servers": [server(scene, number, at) for number in moved]})

    async def tell(self, topic: str, data: Json) -> None:
        message = {"topic": topic, "seq": self.topics[topic], "at": time.time(), "data": data}
        await self.send({"type": "websocket.send", "text": json.dumps(message)})


async def app(scope: Json, receive: Callable[[], Any], send: Send) -> None:
    if scope["type"] == "http":
        await web(scope, send)
    elif scope["type"] == "websocket":
        await Socket(receive, send).run()


def main() -> None:
    settings.configure(
        ROOT=ROOT,
        SECRET_KEY="preview",  # noqa: S106 - nothing is signed here
        STATIC_URL="/static/",
        ROOT_URLCONF="allauth.account.urls",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "core",
            "allauth",
            "allauth.account",
        ],
        MIDDLEWARE=["allauth.account.middleware.AccountMiddleware"],
        ACCOUNT_LOGIN_METHODS={"email"},
        ACCOUNT_SIGNUP_FIELDS=["email*", "password1*"],
        ACCOUNT_USER_MODEL_USERNAME_FIELD=None,
        ALLOWED_HOSTS=["*"],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [ROOT / "templates"],
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
            }
        ],
        DEBUG=True,
    )
    django.setup()
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8399, log_level="warning")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
