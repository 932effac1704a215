"""Every address with every method for everybody, compared with the declared table; a new one without a row fails."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.test import Client

from alerts import delivery
from tests.access import matrix
from tests.access.matrix import GONE, METHODS, NO, WHO, WRONG, YES, Everybody, Row
from tests.access.table import SERVER_THINGS
from tests.access.world import World

TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="\w+"')


@pytest.fixture(autouse=True)
def _nothing_goes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is drawn: what a page looks like is for other tests, whether it comes is for these."""
    monkeypatch.setattr(delivery, "send_test", lambda _channel: [])
    # The writer's own connection knows nothing of the transaction that undoes all of a test.
    monkeypatch.setattr("checks.series.put_all", lambda *_, **__: None)
    monkeypatch.setattr("django.shortcuts.loader.render_to_string", lambda *_, **__: "")
    monkeypatch.setattr("monitor.description.made", lambda _language: {})


def walked() -> Iterator[tuple[Row, str]]:
    """The rows of single addresses, and what each is about."""
    views = dict(matrix.addresses())
    for row in matrix.rows():
        if row.path in views:
            yield row, str(getattr(getattr(views[row.path], "cls", None), "resource", ""))


def test_every_address_and_method_is_declared() -> None:
    faults = matrix.undeclared()
    assert not faults, "\n".join(faults)


PARTS = 3  # so that several workers share it


@pytest.mark.parametrize("part", range(PARTS))
def test_everybody_gets_what_the_table_says(world: World, part: int) -> None:
    everybody = Everybody(world)
    faults = []
    for row, resource in list(walked())[part::PARTS]:
        where = matrix.address(row, matrix.inside(world, row.thing))
        for method, right in row.rights.items():
            if right in {"sign-in", "scrape"}:
                continue
            for who, client in everybody.at(row, resource).items():
                want = matrix.expected(row, method, who, resource)
                got = matrix.came(matrix.ask(client, method, where))
                if got != want and not _close(row, right, want, got):
                    faults.append(f"{method} {row.path} as {who}: {got}, declared is {want}")
    assert not faults, "\n".join(faults)


def _close(row: Row, right: str, want: str, got: str) -> bool:
    """A page that is not for this person is not there; what everybody may ask may be missing, wrong or not ready."""
    if got == GONE and right.endswith("~"):
        return want != WHO
    return (row.page and (want, got) == (NO, GONE)) or (right == "all" and got != NO)


def test_what_is_foreign_or_out_of_reach_is_told_from_absent_by_nothing(world: World) -> None:
    everybody = Everybody(world)
    faults = []
    for row, _resource in walked():
        if not row.thing or row.thing == "link":
            continue
        given = matrix.inside(world, row.thing)
        hidden = [("stranger", given), ("passer", given)]
        if row.thing.rstrip("?") in SERVER_THINGS:
            hidden.append(("narrowed", matrix.outside(world, row.thing)))
        for who, things in hidden:
            client = everybody.clients[who]
            for method in (*row.rights, "OPTIONS"):
                theirs, none = (
                    _answer(client, method, matrix.address(row, one)) for one in (things, matrix.absent(things))
                )
                if theirs != none:
                    faults.append(f"{method} {row.path} as {who}: {theirs[0]}, absent {none[0]}")
    assert not faults, "\n".join(faults)


def _answer(client: Client, method: str, path: str) -> tuple[int, bytes]:
    """Without the address, which the asker wrote themselves, and what is random in each page."""
    reply = matrix.ask(client, method, path)
    return reply.status_code, TOKEN.sub(b"", reply.content.replace(path.encode(), b""))


def test_what_no_row_names_is_no_method(world: World) -> None:
    owner = Everybody(world).clients["owner"]
    faults = []
    for row, _resource in walked():
        if row.thing == "link" or set(row.rights.values()) & {"own", "agent", "proof"}:
            continue
        where = matrix.address(row, matrix.inside(world, row.thing))
        for method in set(METHODS) - row.rights.keys():
            got = matrix.came(matrix.ask(owner, method, where))
            faults += [f"{method} {row.path}: {got}"] if got != WRONG else []
    assert not faults, "\n".join(faults)


def test_the_admin_is_for_site_owners(world: World) -> None:
    everybody = Everybody(world)
    faults = []
    others = {who: everybody.clients[who] for who in ("anonymous", "admin", "agent", "disabled")}
    for path, _view in matrix.addresses():
        if not path.startswith("/admin/"):
            continue
        where = path.replace("<path:object_id>", "1").replace("<path:url>", "x").replace("(?P<url>.*)$", "x")
        for who, client in others.items():
            method = "POST" if who == "admin" else "GET"
            got = matrix.came(matrix.ask(client, method, where.replace("^", "")))
            if got not in {WHO, NO} and path != "/admin/logout/":
                faults.append(f"{method} {path} as {who}: {got}")
    assert not faults, "\n".join(faults)
    assert matrix.came(everybody.clients["owner"].get("/admin/")) == YES
