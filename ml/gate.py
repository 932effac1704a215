"""Whether a server's model may page somebody: its newest report card says so, or it only advises."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.utils.translation import gettext as _

from ml import card
from ml.models import Card


@dataclass(frozen=True)
class Gate:
    """Of the servers that a rule means: which may page, which only advise, and which were never measured."""

    good: frozenset[int]
    poor: frozenset[int]
    unknown: frozenset[int]

    @property
    def may_page(self) -> bool:
        return bool(self.good) and not self.poor and not self.unknown

    def sentence(self) -> str:
        """For whoever is about to let the models page people."""
        every = len(self.good | self.poor | self.unknown)
        if not every:
            return _("No server is meant yet.")
        if self.may_page:
            return _("On all %(n)d servers the models have passed their report card.") % {"n": every}
        return _(
            "On %(good)d of %(n)d servers the models have passed their report card (F1 of %(f1)s, fewer than "
            "%(false)s %% false points). On the others take what they say as advice."
        ) % {"good": len(self.good), "n": every, "f1": card.LEAST_F1, "false": round(100 * card.MOST_FALSE)}


def gate(servers: Collection[int]) -> Gate:
    rows = dict(Card.objects.newest().filter(server__in=list(servers)).values_list("server", "may_page"))
    good = frozenset(server for server, fine in rows.items() if fine)
    return Gate(good, frozenset(rows.keys() - good), frozenset(set(servers) - rows.keys()))
