"""Write the keys and English texts for the front end."""

from __future__ import annotations

import json
import sys

from dashboards.words import english

sys.stdout.write(json.dumps(dict(sorted(english().items())), indent=2, ensure_ascii=False) + "\n")
