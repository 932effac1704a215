"""What Django cannot say of our tables: how ids are counted, and that packed bytes stay as they are."""

from __future__ import annotations


def count_ids_in_the_table(apps, editor):
    """SQLite: ids grow by themselves as long as the newest row stays; AUTOINCREMENT writes one more page a commit."""
    if editor.connection.vendor != 'sqlite':
        return
    table = 'metrics_journalrow'
    with editor.connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = %s", [table])
        made = cursor.fetchone()[0]
        cursor.execute(made.replace(f'"{table}"', f'"new__{table}"', 1).replace(' AUTOINCREMENT', ''))
        cursor.execute(f'INSERT INTO "new__{table}" SELECT * FROM "{table}"')
        cursor.execute(f'DROP TABLE "{table}"')
        cursor.execute(f'ALTER TABLE "new__{table}" RENAME TO "{table}"')


def leave_packed_bytes_alone(apps, editor):
    """PostgreSQL: the blobs are compressed already."""
    if editor.connection.vendor != 'postgresql':
        return
    for table in ('metrics_chunk', 'metrics_fleetchunk'):
        editor.execute(f'ALTER TABLE {table} ALTER COLUMN data SET STORAGE EXTERNAL')
