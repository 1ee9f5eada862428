"""Plays with the pods of deploy/kubernetes, whose overlays kubectl builds."""

import os
import re

from sandbox import Machine, number, page, until
from seen import METRICS, check_confinement, check_end_of_load, requests_sent
from tools import need, overlay, pick, same


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
        # Two blocks are too few to judge anything.
        same(f"the end of the comparison: {compared.said()}", compared.code, 3)
        same("the end of the backends", mocks.stop(), 0)
        return f"{len(nights)} nights, compared"
