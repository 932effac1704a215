#!/usr/bin/env python3
"""Django's own commands; `./watchkeeper manage …` calls this inside the environment."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "monitor.settings")
    import django
    from django.core.management import execute_from_command_line

    from monitor import loading

    loading.begin()
    django.setup()
    loading.end()
    execute_from_command_line(sys.argv)
