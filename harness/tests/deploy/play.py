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

import base64
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

from sandbox import OUTSIDE, USER, Machine, number, page, until
from tools import composition, kubectl, main, need, overlay, pick, run, same, workflow

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

        _, whole = composition(root, ["ui"]), composition(root, ["ui"])
        open_to_all = start_service(machine, root, whole, "ui")
        need(open_to_all.wait() != 0, "without a password it does not listen to other machines")
        need("--web-auth" in open_to_all.stderr(), f"and says what to write: {open_to_all.said()}")
        return "the page on port 8089, for one user"


class Cluster:
    """Runs pods as Kubernetes would, as far as these manifests go."""

    def __init__(self, machine, resources):
        self.machine = machine
        self.resources = resources
        services = [one for one in resources if one["kind"] == "Service"]
        machine.names += [service["metadata"]["name"] for service in services]

    def variables(self, container):
        found = {}
        for variable in container.get("env", []):
            reference = variable["valueFrom"]["configMapKeyRef"]
            found[variable["name"]] = pick(self.resources, "ConfigMap", reference["name"])["data"][reference["key"]]
        return found

    def mounts(self, pod, spec, container):
        volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
        found = []
        for mount in container.get("volumeMounts", []):
            volume = volumes[mount["name"]]
            if mount["mountPath"] == "/tmp":
                continue  # each sandbox has one
            if "configMap" in volume:
                folder = self.machine.folder(f"{pod}-{mount['name']}")
                for file, text in pick(self.resources, "ConfigMap", volume["configMap"]["name"])["data"].items():
                    self.machine.file(os.path.join(folder, file), text)
            else:
                folder = self.machine.folder(volume.get("persistentVolumeClaim", {}).get("claimName", f"{pod}-{mount['name']}"))
            found.append((folder, mount["mountPath"], not mount.get("readOnly", False)))
        return found

    def start(self, pod, spec, container, change=lambda arguments: arguments):
        variables = self.variables(container)
        expand = lambda text: re.sub(r"\$\((\w+)\)", lambda found: variables[found[1]], text)
        limits = container["resources"]["limits"]
        return self.machine.start(
            container["name"],
            change([expand(argument) for argument in container["args"]]),
            variables=variables,
            mounts=self.mounts(pod, spec, container),
            cpus=number(limits["cpu"]),
            memory=number(limits["memory"]),
        )


def probe(container, kind):
    """Asks what a probe of Kubernetes would."""
    get = container[kind]["httpGet"]
    (port,) = [port["containerPort"] for port in container["ports"] if port["name"] == get["port"]]
    return page(f"http://127.0.0.1:{port}{get['path']}")


def pods(root, scratch, made):
    with Machine(made, scratch) as machine:
        resources = overlay(root, "rehearsal", scratch)
        for service in [one for one in resources if one["kind"] == "Service"]:
            name = service["metadata"]["name"]
            (container,) = pick(resources, "Deployment", name)["spec"]["template"]["spec"]["containers"]
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            same(f"the ports of {name}", [ports[port["targetPort"]] for port in service["spec"]["ports"]], [port["port"] for port in service["spec"]["ports"]])
        cluster = Cluster(machine, resources)

        # The load comes first, and waits for the frontend.
        spec = pick(resources, "Deployment", "load")["spec"]["template"]["spec"]
        first = cluster.start("load", spec, spec["initContainers"][0])
        until("the init container says for whom it waits", lambda: "waiting for `http://frontend:8080/_healthz`" in first.stderr(), first)
        check_confinement(first)

        others = {}
        for name in ("mock-backends", "frontend"):
            other = pick(resources, "Deployment", name)["spec"]["template"]["spec"]
            (container,) = other["containers"]
            others[name] = cluster.start(name, other, container)
            until(f"{name} is ready", lambda: probe(container, "readinessProbe"), others[name])
            check_confinement(others[name])
        same(f"the end of the init container: {first.said()}", first.wait(), 0)

        (container,) = spec["containers"]
        load = cluster.start("load", spec, container)
        until("the load has started", lambda: probe(container, "startupProbe"), load)
        until("requests were sent", lambda: requests_sent(page(f"{METRICS}/metrics")) >= 30, load)
        check_confinement(load)
        need(probe(container, "livenessProbe"), "the load lives")
        seen = lambda: set(re.findall(r'backend="(frontend-\d)"', page(f"{METRICS}/metrics")))
        until("several backends have replied", lambda: len(seen()) >= 2, load)
        check_end_of_load(load, machine.folder("load-results"))
        for name, other in others.items():
            same(f"the end of {name}: {other.said()}", other.stop(), 0)
        return "the init container waited, the load ran and ended on SIGTERM"


def night(root, scratch, made):
    with Machine(made, scratch) as machine:
        mocks = machine.start("mock-backends", ["mock-backends", "--topology", "online-boutique"])
        until("the backends answer", lambda: page("http://127.0.0.1:9001/_healthz"), mocks)
        resources = overlay(root, "nightly", scratch)
        pick(resources, "ConfigMap", "load-settings")["data"].update(FRONTEND_ADDR="127.0.0.1:9001", USERS="5")
        cluster = Cluster(machine, resources)
        spec = pick(resources, "CronJob", "nightly")["spec"]["jobTemplate"]["spec"]["template"]["spec"]

        def hurry(arguments):
            """The same in seconds, on a machine that may be busy."""
            shorter = [{"--duration=5m": "--duration=2s", "--repetitions=6": "--repetitions=2"}.get(one, one) for one in arguments]
            need(shorter != arguments, f"the length of the experiment is found: {arguments}")
            return [*shorter, "--accept-invalid"]

        for _ in range(2):
            first = cluster.start("nightly", spec, spec["initContainers"][0])
            same(f"the end of the init container: {first.said()}", first.wait(), 0)
            job = cluster.start("nightly", spec, spec["containers"][0], hurry)
            same(f"the end of the experiment: {job.said()}", job.wait(), 0)
        volume = machine.folder("results")
        nights = sorted(os.listdir(volume))
        same("the nights on the volume", len(nights), 2)
        compared = machine.run("compare", ["compare", *(f"/results/{one}" for one in nights)], mounts=[(volume, "/results", False)])
        need(compared.code in (0, 98), f"two nights can be compared: {compared.said()}")
        same("the end of the backends", mocks.stop(), 0)
        return f"{len(nights)} nights, compared"


def steps(root, scratch, made):
    programs = os.path.join(scratch, "bin")
    os.makedirs(programs)
    os.symlink(os.path.join(made, "usr/local/bin/bench"), os.path.join(programs, "bench"))
    here = os.path.join(scratch, "work")
    os.makedirs(here)
    summary = os.path.join(scratch, "summary.md")

    def play(file, name, **variables):
        (job,) = workflow(root, file)["jobs"].values()
        (script,) = [step["run"] for step in job["steps"] if step.get("name") == name]
        # The same in seconds, on a machine that may be busy.
        script = script.replace("--duration 30s", "--duration 2s").replace("bench pack fastapi-scaling basic", "bench pack fastapi-scaling basic --accept-invalid")
        environment = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": here, "GITHUB_STEP_SUMMARY": summary, "TARGET_URL": ""}
        environment.update(variables)
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        return done.returncode, done.stdout + done.stderr

    code, said = play("load-test.yml", "Send a light load")
    need(code in (0, 99), f"the load is sent: {code}: {said}")
    for limit in ("200", "0.001", "1000000"):
        code, said = play("load-test.yml", "Gate", P95_LIMIT=limit)
        with open(os.path.join(here, "results.json"), encoding="utf-8") as opened:
            gates = json.load(opened)["gates"]
        same(f"the gate of {limit} ms: {said}", code, 0 if all(gate["ok"] for gate in gates) else 99)
        same("the threshold", [gate["threshold"] for gate in gates], [f"http_req_duration: p(95)<{limit}"] * len(gates))
        if limit != "200":
            same(f"the gate of {limit} ms", code, 0 if limit == "1000000" else 99)
    (kept,) = [step["with"]["path"].split() for step in workflow(root, "load-test.yml")["jobs"]["light"]["steps"] if "uses" in step]
    for path in kept + ["results/light/junit.xml", "results/light/report.html"]:
        need(os.path.exists(os.path.join(here, path)), f"{path} is there to be kept")
    with open(summary, encoding="utf-8") as opened:
        need("| " in opened.read(), "the summary of the job has a table")

    for name in ("results/before", "results/tonight"):
        code, said = play("nightly.yml", "Run the experiment", DURATION="2s", REPETITIONS="2")
        need(code in (0, 99), f"the experiment runs: {code}: {said}")
        if name == "results/before":
            shutil.move(os.path.join(here, "results/tonight"), os.path.join(here, name))
    code, said = play("nightly.yml", "Compare with the last good night")
    need(code in (0, 98), f"the nights are compared: {code}: {said}")
    need(os.path.exists(os.path.join(here, "comparison.json")), "the comparison is kept")

    # The manifests name the image that the workflow pushed.
    copy = os.path.join(scratch, "copy")
    shutil.copytree(os.path.join(root, "deploy"), os.path.join(copy, "deploy"))
    script = os.path.join(copy, "deploy/kubernetes/set-image.sh")
    run([script, "ghcr.io/someone/bench", "sha-0123"])
    images = set()
    for name in ("continuous", "nightly", "rehearsal"):
        images |= set(re.findall(r"image: (\S+)", run([kubectl(scratch), "kustomize", os.path.join(copy, "deploy/kubernetes/overlays", name)])))
    same("the images", images, {"ghcr.io/someone/bench:sha-0123"})
    for wrong in (["ghcr.io/Someone/bench", "1"], ["ghcr.io/someone/bench", "a b"], ["ghcr.io/someone/bench"]):
        done = subprocess.run([script, *wrong], capture_output=True, text=True, check=False)
        need(done.returncode == 2 and "use" in done.stderr, f"{wrong} is refused: {done.stderr}")
    return f"{len(glob.glob(os.path.join(here, 'results/*')))} runs of steps, {len(images)} image"


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
