"""Runs what `deploy/` describes, in sandboxes.

    python play.py PLAY ROOT SCRATCH IMAGE

ROOT holds the folder `deploy`, SCRATCH is an empty folder, IMAGE the root folder that assemble.sh made. A play ends with
status 0 and says what it saw, or with status 1 and says what is wrong. `main.rs` beside this file runs all of them, in a
network without anything but a loopback interface.

    image        the image by itself: a load without end, its limits, its logs, and its end
    composition  the services of compose.yaml with the load test
    page         the services of compose.yaml with the page
    pods         the pods of the overlay `rehearsal`: the init container waits, the load runs, SIGTERM ends it
    night        the job of the overlay `nightly`, twice, and a comparison of both nights
    steps        the steps of the workflows, but for those that need GitHub or a container engine
"""

import os
import sys

from pods import night, pods
from sandbox import Machine, number, page, until
from seen import METRICS, check_confinement, check_end_of_load, requests_sent
from services import composition_with_load, composition_with_page
from steps import steps
from tools import main, need, same


def image(_root, scratch, made):
    with Machine(made, scratch) as machine:
        mocks = machine.start("mock-backends", ["mock-backends", "--topology", "online-boutique"])
        until("the backends answer", lambda: page("http://127.0.0.1:9001/_healthz"), mocks)
        results = machine.folder("results")
        load = machine.start(
            "load",
            ["pack", "boutique", "steady", "--profile", "high-traffic", "--metrics-listen", "0.0.0.0:9646", "--window", "1s"],
            variables={"FRONTEND_ADDR": "127.0.0.1:9001", "USERS": "5"},
            mounts=[(results, "/results", True)],
            cpus=0.5,
            memory=number("512Mi"),
        )
        limited = bool(load.group.folders)
        until("requests were sent", lambda: requests_sent(page(f"{METRICS}/metrics")) >= 100, load)
        same("its health", page(f"{METRICS}/healthz").strip(), "ok")
        check_confinement(load)
        memory = int(load.status()["VmHWM"].split()[0]) * 1024
        need(memory < number("256Mi"), f"it needs less memory than it asks for: {memory} bytes")
        check_end_of_load(load, results)

        # Elsewhere nothing can be written, and the error says so.
        refused = machine.run("refused", ["pack", "api", "smoke", "--engine", "sim", "--quiet", "--out", "/srv/out"])
        same("the exit code where nothing can be written", refused.code, 3)
        need("Read-only file system" in refused.stderr(), f"it says why: {refused.said()}")
        same("the end of the backends", mocks.stop(), 0)
        peak = f"{load.peak / 2**20:.0f} MiB at most of 512 MiB, half a CPU" if limited else "no control groups here"
        return f"{os.listdir(results)[0]}: {memory / 2**20:.0f} MiB resident; {peak}"


PLAYS = {
    "image": image,
    "composition": composition_with_load,
    "page": composition_with_page,
    "pods": pods,
    "night": night,
    "steps": steps,
}

if __name__ == "__main__":
    main(PLAYS, sys.argv[1:])
