"""The committed description of the API is the one that the code gives, without a warning."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

from django.core.management import call_command
from django.test import Client

from monitor import description

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"
AGAIN = "Run: ./watchkeeper manage spectacular --format openapi-json --file docs/openapi.json"


def fresh() -> str:
    out = StringIO()
    call_command("spectacular", format="openapi-json", validate=True, fail_on_warn=True, stdout=out)
    return out.getvalue()


def test_the_committed_description_equals_a_fresh_one() -> None:
    same = json.loads(COMMITTED.read_text(encoding="utf-8")) == json.loads(fresh())
    assert same, AGAIN  # what differs would fill fifteen thousand lines


def test_it_is_had_from_the_product_and_made_once(admin_client: Client) -> None:
    description.made.cache_clear()
    answers = [admin_client.get("/api/v1/schema") for _ in range(2)]
    one, two = (answer.json() for answer in answers)
    # The greatest number that fits into a column is the database's own.
    assert one["paths"].keys() == json.loads(COMMITTED.read_text(encoding="utf-8"))["paths"].keys(), AGAIN
    assert one == two
    assert description.made.cache_info().misses == 1


def test_every_operation_says_how_one_proves_who_asks() -> None:
    """Enrolling and answering by a signed link are open to strangers: each carries its proof in the body."""
    document = json.loads(COMMITTED.read_text(encoding="utf-8"))
    ways = {
        f"{method} {path}": {name for choice in operation.get("security", [{}]) for name in choice}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert ways.pop("post /api/v1/enrol") == ways.pop("post /api/v1/acknowledge") == set()
    for agents in ("post /api/v1/ingest", "get /api/v1/orders", "post /api/v1/agent/key"):
        assert ways.pop(agents) == {"agent"}
    assert all(ways.values()), ways
    assert set().union(*ways.values()) == {"token", "session"}
