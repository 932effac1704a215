"""How a machine gets its agent: the pasted line, the script it fetches, and the bundle the script unpacks."""

from __future__ import annotations
