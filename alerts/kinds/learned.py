"""Rules over what was learnt: anomaly scores and forecasts are series like any other."""

from __future__ import annotations

import msgspec

from alerts.kinds.base import Fault, Fields, Kind, registry

SCORES = ("anomaly_score", "anomaly_rate_percent")
FORECAST = "forecast_seconds_left"


class Params(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing but how many of a group must fire."""

    at_least: int = 1


class Anomaly(Kind):
    """The score is 1 at today's threshold; while a machine is being learnt there is none, and nothing is wrong."""

    title = "Anomaly"
    params = Params

    def check(self, fields: Fields) -> list[Fault]:
        faults = super().check(fields)
        if fields.get("metric") not in SCORES:
            faults.append(("metric", f"An anomaly rule looks at {' or '.join(SCORES)}."))
        return faults


class Forecast(Kind):
    """Seconds until a metric meets its limit, so it is broken below; without enough past there is none."""

    title = "Forecast"
    params = Params

    def check(self, fields: Fields) -> list[Fault]:
        faults = super().check(fields)
        if fields.get("metric") != FORECAST:
            faults.append(("metric", f"A forecast rule looks at {FORECAST}."))
        if fields.get("op", "below") != "below":
            faults.append(("op", "A forecast is time that is left: it is broken below a limit."))
        return faults


registry.register("anomaly")(Anomaly())
registry.register("forecast")(Forecast())
