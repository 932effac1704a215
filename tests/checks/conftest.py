"""What the tests of checks share: loopback allowed, servers to look at, and checks made as people make them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from accounts.models import Team
from checks import services
from checks.door import keeping
from checks.models import Check
from servers.models import Server
from tests.checks.pages import Authority, Pages


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    yield
    keeping.stop()


@pytest.fixture
def loopback(settings: LazySettings) -> None:
    """As with WATCHKEEPER_OUTGOING_ALLOW=127.0.0.0/8."""
    settings.ENV = dataclasses.replace(settings.ENV, outgoing_allow=("127.0.0.0/8",))


@pytest.fixture
def pages(loopback: None) -> Iterator[Pages]:
    with Pages() as served:
        yield served


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(Path(tmp_path_factory.mktemp("authority")))


@pytest.fixture
def check(team: Team) -> Callable[..., Check]:
    def make(kind: str = "http", server: Server | None = None, **fields: Any) -> Check:
        fields.setdefault("name", f"{kind} {Check.objects.count()}")
        if kind == "heartbeat":
            fields.setdefault("config", {"period": 86_400})
        made = Check(team=team, kind=kind, **fields)
        assert services.faults(made) == []
        return services.make(made, server=server, by=None)

    return make
