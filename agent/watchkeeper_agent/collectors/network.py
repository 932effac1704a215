"""Network: traffic, errors and drops by card, and what the machine tells itself."""

from __future__ import annotations

import re

import psutil

from watchkeeper_agent.collectors.base import collector
from watchkeeper_agent.sample import Sample

LOOPBACK = re.compile(r"^(lo0?|Loopback Pseudo-Interface 1)$")
# Other loopbacks, and the inner ends of containers and virtual machines: their traffic passes a real card as well.
INNER = re.compile(r"^(lo\d*$|Loopback|docker\d|br-|virbr|vnet|tap\d|cali|cni\d|flannel|cilium|lxc|kube-|ifb|dummy)")
CONTAINER_END = re.compile(r"^veth[0-9a-f]{6,}$")


@collector("network")
class Network:
    def collect(self, sample: Sample) -> None:
        for nic, counters in sorted(psutil.net_io_counters(pernic=True, nowrap=False).items()):
            silent = not counters.bytes_recv and not counters.bytes_sent
            if silent:
                continue
            if LOOPBACK.match(nic):
                # Names of its own, for no sum over cards may hold it; one pair, as what is sent there is received.
                sample.rate("net_loopback_bytes_per_second", counters.bytes_sent)
                sample.rate("net_loopback_packets_per_second", counters.packets_sent, 2)
                continue
            if INNER.match(nic) or CONTAINER_END.match(nic):
                continue
            sample.rate("net_received_bytes_per_second", counters.bytes_recv, nic=nic)
            sample.rate("net_sent_bytes_per_second", counters.bytes_sent, nic=nic)
            sample.rate("net_received_packets_per_second", counters.packets_recv, 2, nic=nic)
            sample.rate("net_sent_packets_per_second", counters.packets_sent, 2, nic=nic)
            sample.rate("net_errors_per_second", counters.errin + counters.errout, 2, nic=nic)
            sample.rate("net_drops_per_second", counters.dropin + counters.dropout, 2, nic=nic)
