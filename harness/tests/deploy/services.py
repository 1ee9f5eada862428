"""Plays with the services of deploy/compose/compose.yaml, which Docker Compose reads."""

import base64
import json
import os
import re
import urllib.error
import urllib.request

from sandbox import Machine, until
from seen import check_confinement
from tools import composition, need, same


def start_composition(machine, root, profile, last, **variables):
    """Starts the services of a profile but `last`, each after those that it needs. Returns them, and the whole."""
    whole = composition(root, [profile], **variables)
    machine.names += list(whole["services"])
    started = {}

    def start(name):
        for other in whole["services"][name].get("depends_on", {}):
            if other not in started:
                start(other)
                probe = whole["services"][other]["healthcheck"]["test"]
                same(f"how {other} is asked", probe[:2], ["CMD", "bench"])
                until(f"{other} is healthy", lambda: machine.run(f"probe-{other}", probe[2:]).code == 0, started[other])
        if name != last:
            started[name] = start_service(machine, root, whole, name)

    start(last)
    return started, whole


def start_service(machine, root, whole, name, more=()):
    service = whole["services"][name]
    mounts = [(machine.folder(volume["source"]), volume["target"], True) for volume in service.get("volumes", [])]
    for config in service.get("configs", []):
        mounts.append((os.path.join(root, whole["configs"][config["source"]]["file"]), config["target"], False))
    return machine.start(
        name,
        [*service["command"], *more],
        variables=service.get("environment") or {},
        mounts=mounts,
        cpus=service.get("cpus"),
        memory=float(service["mem_limit"]) if "mem_limit" in service else None,
    )


def composition_with_load(root, scratch, made):
    with Machine(made, scratch) as machine:
        variables = {"LOADTEST_MODE": "baseline", "LOADTEST_USERS": "5", "LOADTEST_DURATION": "4s"}
        others, whole = start_composition(machine, root, "loadtest", "loadtest", **variables)
        same("what runs before the load", sorted(others), ["load-balancer", "mock-backends"])
        for other in others.values():
            check_confinement(other)
        # How busy the machine is must not decide a test.
        load = start_service(machine, root, whole, "loadtest", ["--accept-invalid"])
        same(f"the end of the load: {load.said()}", load.wait(), 0)
        need("Req/s" in load.stdout(), f"the table is in its log: {load.said()}")
        volume = machine.folder("results")
        (folder,) = os.listdir(volume)
        with open(os.path.join(volume, folder, "summary.json"), encoding="utf-8") as opened:
            scenario = json.load(opened)["scenarios"][0]
        backends = set(re.findall(r"frontend-\d", json.dumps(scenario)))
        need(len(backends) >= 2, f"the load balancer passes requests on to several backends: {backends}")
        for name in ("report.html", "report.md", "junit.xml"):
            need(os.path.exists(os.path.join(volume, folder, name)), f"{name} is kept")
        for name, other in others.items():
            same(f"the end of {name}: {other.said()}", other.stop(), 0)
        return f"results/{folder}, {len(backends)} backends behind the load balancer"


def ask(url, user=None):
    """Returns status and body of a page, with a password if there is a user."""
    request = urllib.request.Request(url)
    if user:
        request.add_header("Authorization", "Basic " + base64.b64encode(user.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def composition_with_page(root, scratch, made):
    with Machine(made, scratch) as machine:
        others, whole = start_composition(machine, root, "ui", "ui", BENCH_WEB_AUTH="ann:secret-of-ann")
        ui = start_service(machine, root, whole, "ui")
        probe = whole["services"]["ui"]["healthcheck"]["test"]
        until("the page is healthy", lambda: machine.run("probe-ui", probe[2:]).code == 0, ui)
        check_confinement(ui)
        same("the page", ask("http://127.0.0.1:8089/")[0], 200)
        same("results for strangers", ask("http://127.0.0.1:8089/api/results")[0], 401)
        same("results for the user", ask("http://127.0.0.1:8089/api/results", "ann:secret-of-ann")[0], 200)
        need("secret-of-ann" not in ui.said(), "the password is in no log")
        same(f"the end of the page: {ui.said()}", ui.stop(), 0)
        for name, other in others.items():
            same(f"the end of {name}", other.stop(), 0)

        whole = composition(root, ["ui"])
        open_to_all = start_service(machine, root, whole, "ui")
        need(open_to_all.wait() != 0, "without a password it does not listen to other machines")
        need("--web-auth" in open_to_all.stderr(), f"and says what to write: {open_to_all.said()}")
        return "the page on port 8089, for one user"
