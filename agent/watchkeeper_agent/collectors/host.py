"""The machine as a whole: processes, uptime, people logged in, temperatures."""

from __future__ import annotations

import time

import psutil

from watchkeeper_agent.collectors.base import collector, proc
from watchkeeper_agent.sample import Sample


@collector("processes")
class Processes:
    def collect(self, sample: Sample) -> None:
        sample.put("processes", len(psutil.pids()))
        fields = proc("loadavg").split()
        if len(fields) > 3:  # "0.35 0.76 0.70 2/184 977": running / all threads
            sample.put("threads", int(fields[3].partition("/")[2]))
        _, found, rest = proc("stat").rpartition("procs_blocked ")
        if found:
            sample.put("processes_blocked", int(rest.split(None, 1)[0]))


@collector("uptime")
class Uptime:
    def collect(self, sample: Sample) -> None:
        fields = proc("uptime").split()
        sample.put("uptime_seconds", float(fields[0]) if fields else time.time() - psutil.boot_time())
        sample.put("users_logged_in", len(psutil.users()))


@collector("temperature")
class Temperature:
    """Asked once whether there is any: looking for sensors costs more than reading all the rest."""

    def __init__(self) -> None:
        self.readable = bool(self.read())

    def read(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for chip, sensors in getattr(psutil, "sensors_temperatures", dict)().items():
            for number, sensor in enumerate(sensors):
                found.setdefault(f"{chip} {sensor.label or number}", sensor.current)
        return found

    def collect(self, sample: Sample) -> None:
        if self.readable:
            for name, degrees in self.read().items():
                sample.put("temperature_celsius", degrees, 1, sensor=name)
