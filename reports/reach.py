"""When servers were silent: from hours or five minutes where those are all that is kept, else from their samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from metrics.base import HOURS, MINUTES, RAW, Floats, Ints, Line
from metrics.store import DatabaseStore
from reports.engine import silence
from reports.engine.spans import Span, Spans, joined
from reports.scope import DAY, OURS, Machine
from servers.models import Server

LIFE = ("cpu_used_percent", "agent_cpu_percent", "uptime_seconds", "memory_used_percent", "load1")
CANARY, CANARY_EVERY, DRAIN = "canary", 15_000, 90_000
CANARY_LATE = 2 * CANARY_EVERY
"""Longer than this without a sign of our own, and nobody can say that we were there: a restart is enough."""
AT_ONCE = {MINUTES: 7 * DAY, HOURS: 30 * DAY}
CELLS = 1_500_000  # buckets by servers that are held at once
CLOSE_LOOKS = 4000
AROUND = 3_600_000  # on each side, to learn a pace from samples
ALONE = 200  # servers without a usual series, each asked by itself
SHORT = 8 * DAY

Step = Callable[[float], None]


@dataclass(slots=True)
class Reader:
    """Reads for one report. `step` hears how far it is, between 0 and 1, and may raise to stop it."""

    start: int
    end: int
    step: Step = lambda _share: None
    store: DatabaseStore = field(default_factory=DatabaseStore)
    looks: int = CLOSE_LOOKS
    first: dict[int, int | None] = field(default_factory=dict)

    def silent(self, machines: Sequence[Machine]) -> dict[int, Spans]:
        """Of each server that lives, by its number."""
        found: dict[int, Spans] = {one.number: [] for one in machines if one.number is not None}
        tier = self.tier()
        windows = list(self._windows(tier, len(found)))
        for place, (begin, until) in enumerate(windows):
            self.step(place / len(windows))
            here = [one for one in machines if one.number is not None and one.life(begin, until)[0] < until]
            for number, spans in self._part(here, begin, until, tier).items():
                found[number] += spans
        return {number: joined(spans) for number, spans in found.items()}

    def away(self) -> Spans:
        """When we ourselves were not there, as far as a sample of our own tells."""
        perch = Server.objects.filter(internal=True, fingerprint="itself").first()
        if perch is None:
            return [(self.start, self.end)]
        machine = Machine(str(perch.uuid), perch.name, 0, {}, 0, number=perch.pk, interval=CANARY_EVERY)
        machine.patience = CANARY_LATE
        found: Spans = []
        for begin, until in self._windows(self.tier(), 1):
            counts = self._alone(machine, [CANARY], begin, until, self.tier())
            found += self._judged(machine, counts, begin, until, self.tier(), [CANARY])
        # Machines get as long to send what they kept as their reach gives them.
        return joined((max(self.start, a - CANARY_EVERY), min(self.end, b + DRAIN)) for a, b in joined(found))

    def tier(self) -> int:
        """Five minutes while they are kept side by side and the time is short, else hours."""
        first = self.oldest(MINUTES, fleet=True)
        hours = self.oldest(HOURS)
        held = first is not None and (first <= self.start or hours is None or first <= hours)
        return MINUTES if held and self.end - self.start <= 36 * DAY else HOURS

    def oldest(self, tier: int, *, fleet: bool = False) -> int | None:
        key = -tier if fleet else tier
        if key not in self.first:
            self.first[key] = self.store.fleet_first(tier) if fleet else self.store.first(tier)
        return self.first[key]

    def _windows(self, tier: int, servers: int) -> Iterator[Span]:
        """Some days at once: so many that what is held stays small."""
        step = tier * 1000
        width = min(AT_ONCE[tier], max(DAY, CELLS // max(1, servers) * step // DAY * DAY))
        begin = self.start - self.start % step
        while begin < self.end:
            until = min(self.end, begin - begin % width + width)
            yield max(begin, self.start), until
            begin = until

    def _part(self, machines: list[Machine], begin: int, until: int, tier: int) -> dict[int, Spans]:
        if not machines:
            return {}
        counts = self._counts([one.number or 0 for one in machines], begin, until, tier)
        step = tier * 1000
        grid = begin - begin % step
        lives = np.array([one.life(begin, until) for one in machines], np.int64).T
        for place, one in enumerate(machines):
            if not counts[:, place].any() and self.looks and one.number is not None:
                self.looks -= 1
                counts[:, place] = self._alone(one, self._any(one.number, begin, until), begin, until, tier)
        paces = np.stack(
            [silence.paces(counts[:, place], step, one.interval) for place, one in enumerate(machines)], axis=1
        )
        limits = np.stack([_limits(one, paces[:, place]) for place, one in enumerate(machines)], axis=1)
        marked = silence.suspects(counts, grid, step, lives, (paces, limits))
        return {
            one.number or 0: self._judged(one, counts[:, place], begin, until, tier, LIFE)
            for place, one in enumerate(machines)
            if marked[:, place].any()
        }

    def _counts(self, servers: list[int], begin: int, until: int, tier: int) -> Floats:
        """Samples of the usual series, buckets by servers; who does not tell the first is asked for the next."""
        step = tier * 1000
        grid = begin - begin % step
        counts = np.zeros((-(-(until - grid) // step), len(servers)))
        place = {server: at for at, server in enumerate(servers)}
        for column in LIFE:
            missing = [server for server in servers if not counts[:, place[server]].any()]
            if not missing:
                break
            for rolled in self.store.fleet_range(column, begin, until - 1, tier, missing).values():
                rows = (rolled.t - grid) // step
                inside = (rows >= 0) & (rows < len(counts))
                wanted = [(at, place[one]) for at, one in enumerate(rolled.series.tolist()) if one in place]
                if wanted and inside.any():
                    of, to = map(list, zip(*wanted, strict=True))
                    held = counts[np.ix_(rows[inside], to)]
                    counts[np.ix_(rows[inside], to)] = np.maximum(held, np.nan_to_num(rolled.count[inside][:, of]))
        return counts

    def _alone(self, machine: Machine, columns: Sequence[str], begin: int, until: int, tier: int) -> Floats:
        step = tier * 1000
        grid = begin - begin % step
        counts = np.zeros(-(-(until - grid) // step))
        for line in self._lines(machine.number or 0, columns, begin, until - 1, tier):
            rows = (line.t - grid) // step
            inside = (rows >= 0) & (rows < len(counts))
            counts[rows[inside]] = np.maximum(counts[rows[inside]], line.count[inside])
        return counts

    def _any(self, server: int, begin: int, until: int) -> list[str]:
        """Some series of a machine that tells none of the usual ones."""
        told = {one.key[0] for one in self.store.series(server, None, begin, until)}
        return sorted(name for name in told if not name.startswith(OURS))[:3]

    def _lines(self, server: int, columns: Sequence[str], start: int, end: int, tier: int) -> list[Line]:
        named = self.store.series(server, list(columns), start, end) if columns else []
        return list(self.store.range(server, named, start, end, tier).values()) if named else []

    def _judged(
        self, machine: Machine, counts: Floats, begin: int, until: int, tier: int, columns: Sequence[str]
    ) -> Spans:
        """Silences of one server; each that buckets show is looked at again by what finer things are kept."""
        step = tier * 1000
        grid = begin - begin % step
        life = machine.life(begin, until)
        paces = silence.paces(counts, step, machine.interval)
        lives = np.array([[life[0]], [life[1]]], np.int64)
        told = paces[:, None], _limits(machine, paces)[:, None]
        marked = silence.suspects(counts[:, None], grid, step, lives, told)[:, 0]
        found: Spans = []
        for first, last in silence.runs(marked):
            window = max(life[0], grid + first * step), min(life[1], grid + last * step)
            near = _limit(machine, machine.interval)  # what began in the bucket before, or goes on in the next
            wide = max(life[0], window[0] - near), min(life[1], window[1] + near)
            low, high = max(0, first - 1), min(len(counts), last + 1)
            interval = int(paces[low:high].max())
            closer = self._closer(machine, wide, tier, columns, slow=interval > machine.interval)
            if closer is None:
                closer = silence.estimated(
                    counts[low:high], grid + low * step, step, life, interval, _near(machine, step, interval)
                )
                closer = [(max(window[0], a), min(window[1], b)) for a, b in closer]
            found += closer
        return found

    def _closer(
        self, machine: Machine, window: Span, tier: int, columns: Sequence[str], *, slow: bool
    ) -> Spans | None:
        """From the samples while they are kept, else of an hour from its five minutes; none where none is.

        Where it told less often once (`slow`) the samples around say how often that was.
        """
        raw, fine = self.oldest(RAW), self.oldest(MINUTES)
        if self.looks <= 0 or window[0] >= window[1]:
            return None
        reach = _limit(machine, machine.interval) + machine.interval
        names = columns if columns != LIFE else self._told(machine, window)
        if raw is not None and window[0] - reach >= raw:
            self.looks -= 1
            return self._exact(machine, window, names, max(reach, AROUND) if slow else reach)
        if tier == HOURS and fine is not None and window[0] >= fine:
            self.looks -= 1
            counts = self._alone(machine, names, window[0], window[1], MINUTES)
            grid = window[0] - window[0] % 300_000
            return silence.estimated(
                counts, grid, 300_000, window, machine.interval, _limit(machine, machine.interval)
            )
        return None

    def _told(self, machine: Machine, window: Span) -> list[str]:
        found = {one.key[0] for one in self.store.series(machine.number or 0, LIFE, window[0] - DAY, window[1] + DAY)}
        return sorted(found) or self._any(machine.number or 0, window[0] - DAY, window[1] + DAY)

    def _exact(self, machine: Machine, window: Span, columns: Sequence[str], reach: int) -> Spans:
        lines = self._lines(machine.number or 0, columns, window[0] - reach, window[1] + reach, RAW)
        times: Ints = np.unique(np.concatenate([line.t for line in lines])) if lines else np.array([], np.int64)
        return silence.gaps(times, window, machine.interval, _limit(machine, machine.interval))


def _limit(machine: Machine, interval: int) -> int:
    return machine.patience or silence.limit(interval)


def _limits(machine: Machine, paces: Ints) -> Ints:
    found: Ints = np.maximum(60_000, 6 * paces) if not machine.patience else np.full_like(paces, machine.patience)
    return found


def _near(machine: Machine, step: int, interval: int) -> int:
    """The same where only counts are left; in an hour of them a sample more or less is nothing."""
    return silence.limit(interval) if step > MINUTES * 1000 else _limit(machine, interval)
