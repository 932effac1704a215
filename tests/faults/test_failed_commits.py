"""A commit that fails leaves nothing behind in memory that a later row would rely on."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.db import OperationalError, connection, transaction

from metrics.layouts import layouts
from metrics.models import Layout
from metrics.names import layout_hash
from tests.conftest import Machine


def test_a_layout_whose_commit_failed_is_not_remembered(
    machine: Callable[..., Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its id goes to the next one, and rows would be read by the wrong names."""
    web = machine()
    plain = transaction.Atomic.__exit__

    def broken(self: transaction.Atomic, *what: object) -> None:
        if what[0] is None and not connection.savepoint_ids and Layout.objects.exists():
            plain(self, OperationalError, OperationalError("disk is full"), None)
            raise OperationalError("disk is full")
        plain(self, *what)  # type: ignore[arg-type]

    monkeypatch.setattr(transaction.Atomic, "__exit__", broken)
    with pytest.raises(OperationalError):
        layouts.admit(web.server.pk, layout_hash(["lost"]), ["lost"])
    monkeypatch.undo()
    assert connection.in_atomic_block is False
    assert not Layout.objects.exists()
    assert layouts.find(layout_hash(["lost"])) is None
    assert web.report(time.time(), cpu_used_percent=1).json()["accepted"] == 1
