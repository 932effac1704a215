"""Network: traffic, errors and drops by card, and TCP connections by state."""

from __future__ import annotations

import re
import time

import psutil

from watchkeeper_agent.collectors.base import collector, proc
from watchkeeper_agent.sample import Sample

# Loopback, and the inner ends of containers and virtual machines: their traffic passes a real card as well.
INNER = re.compile(r"^(lo\d*$|Loopback|docker\d|br-|virbr|vnet|tap\d|cali|cni\d|flannel|cilium|lxc|kube-|ifb|dummy)")
CONTAINER_END = re.compile(r"^veth[0-9a-f]{6,}$")
STATES = {
    "01": "established",
    "02": "syn_sent",
    "03": "syn_received",
    "04": "fin_wait1",
    "05": "fin_wait2",
    "06": "time_wait",
    "08": "close_wait",
    "09": "last_ack",
    "0A": "listen",
    "0B": "closing",
}
DEAR = 0.005
REST = 6


@collector("network")
class Network:
    def collect(self, sample: Sample) -> None:
        for nic, counters in sorted(psutil.net_io_counters(pernic=True, nowrap=False).items()):
            silent = not counters.bytes_recv and not counters.bytes_sent
            if silent or INNER.match(nic) or CONTAINER_END.match(nic):
                continue
            sample.rate("net_received_bytes_per_second", counters.bytes_recv, nic=nic)
            sample.rate("net_sent_bytes_per_second", counters.bytes_sent, nic=nic)
            sample.rate("net_received_packets_per_second", counters.packets_recv, 2, nic=nic)
            sample.rate("net_sent_packets_per_second", counters.packets_sent, 2, nic=nic)
            sample.rate("net_errors_per_second", counters.errin + counters.errout, 2, nic=nic)
            sample.rate("net_drops_per_second", counters.dropin + counters.dropout, 2, nic=nic)


@collector("tcp")
class Tcp:
    """Counted from the kernel's own table: asking for each connection's process costs a hundred times more."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.rest = 0

    def collect(self, sample: Sample) -> None:
        if self.rest:
            self.rest -= 1
        elif not self.count():
            return
        for state in STATES.values():
            sample.put("tcp_connections", self.counts[state], state=state)

    def count(self) -> bool:
        """Read both tables; a busy machine's are long and are read more rarely."""
        began = time.perf_counter()
        lines = proc("net/tcp").splitlines()[1:]
        if not lines and not proc("net/tcp"):
            return False
        lines += proc("net/tcp6").splitlines()[1:]
        self.counts = dict.fromkeys(STATES.values(), 0)
        for line in lines:
            state = STATES.get(line.split(None, 4)[3])
            if state:
                self.counts[state] += 1
        self.rest = REST if time.perf_counter() - began > DEAR else 0
        return True
