"""What plays look at: what a running container may do, what a load has sent, and how it ends."""

import json
import os
import re

from sandbox import OUTSIDE, USER
from tools import need, same

METRICS = "http://127.0.0.1:9646"


def requests_sent(metrics):
    """Returns how many requests a load has sent, by its metrics."""
    return sum(float(line.rpartition(" ")[2]) for line in (metrics or "").splitlines() if line.startswith("lbbench_load_requests_total"))


def check_confinement(container):
    """Checks what a running container may do."""
    status = container.status()
    for kind in ("Uid", "Gid"):
        same(f"{kind} of {container.name}", set(status[kind].split()) - {str(OUTSIDE)}, set())
        with open(f"/proc/{container.pid}/{kind.lower()}_map", encoding="ascii") as opened:
            same(f"{kind} of {container.name} in its sandbox", opened.read().split(), [str(USER), str(OUTSIDE), "1"])
    for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        same(f"{kind} of {container.name}", int(status[kind], 16), 0)
    same(f"whether {container.name} can get no privilege", status["NoNewPrivs"], "1")
    with open(f"/proc/{container.pid}/mountinfo", encoding="utf-8") as opened:
        options = {line.split()[4]: line.split()[5].split(",") for line in opened}
    writable = sorted(place for place, known in options.items() if "ro" not in known and not re.match(r"/(proc|dev)(/|$)", place))
    need(set(writable) <= {"/results", "/tmp"}, f"{container.name} writes into /results and /tmp alone: {writable}")
    with open(f"/proc/{container.pid}/net/dev", encoding="utf-8") as opened:
        devices = re.findall(r"(?m)^ *(\w+):", opened.read())
    same(f"the network of {container.name}", devices, ["lo"])


def check_end_of_load(load, results):
    """Stops a load without end, and checks its exit code, its log and what it leaves behind."""
    same("the exit code after SIGTERM", load.stop(), 0)
    need(re.search(r'"Online Boutique" ran for .* s: \d+ requests', load.stdout()), f"its report is on standard output: {load.said()}")
    need("stopping the load and writing its report" in load.stderr(), f"so is its log, on standard error: {load.said()}")
    (folder,) = os.listdir(results)
    with open(os.path.join(results, folder, "continuous.json"), encoding="utf-8") as opened:
        document = json.load(opened)
    need(document["ending"] != "running", "the results say how it ended")
    need(os.stat(os.path.join(results, folder)).st_uid == OUTSIDE, "the user of the sandbox wrote them")
