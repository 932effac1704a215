"""A database that went the old way has the tables of a new one."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.product import made_sqlite

OLD_WAY = """
import django; django.setup()
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
executor = MigrationExecutor(connection)
executor.loader.replace_migrations = False
executor.loader.build_graph()
executor.migrate([node for node in executor.loader.graph.leaf_nodes() if "squashed" not in node[1]])
"""


def tables(file: Path) -> dict[str, set[str]]:
    """What each is made of; SQLite puts columns that were changed at the end, so their order says nothing."""
    with closing(sqlite3.connect(file)) as database:
        rows = database.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {
        name: set(sql.partition("(")[2][:-1].split(", ")) if kind == "table" else {sql} for kind, name, sql in rows
    }


@pytest.mark.full
def test_a_database_that_went_the_old_way_has_the_tables_of_a_new_one(tmp_path: Path) -> None:
    env = {**os.environ, "WATCHKEEPER_DATA": str(tmp_path), "DATABASE_URL": ""}
    env["DJANGO_SETTINGS_MODULE"] = "monitor.settings"
    subprocess.run([sys.executable, "-c", OLD_WAY], env=env, check=True, timeout=120)
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], env=env, check=True, timeout=120)
    assert tables(tmp_path / "watchkeeper.sqlite3") == tables(made_sqlite())
