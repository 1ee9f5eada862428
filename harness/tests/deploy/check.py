"""Checks what `deploy/` holds, with other implementations of each format.

    python check.py CHECK ROOT SCRATCH

ROOT holds the folder `deploy`, SCRATCH is a folder for files that are made. A check ends with status 0 and says what it
read, or with status 1 and says what is wrong. `main.rs` beside this file runs all of them, and breaks files to see them
fail.

    container   the Containerfile by hadolint, and scripts by shellcheck
    compose     by Docker Compose and by the published schema, and that no service has a privilege
    kubernetes  by kubectl (Kustomize) and by the published schemas, and what every pod may do and use
    workflows   by the published schema, by zizmor and, line by line, by shellcheck
"""

import glob
import os
import re
import sys

import yaml

from tools import composition, main, need, overlay, pick, program, run, same, workflow

# The oldest release of Kubernetes that is checked, and the newest that the package knows.
RELEASES = ["1.30", "1.37"]


def container(root, _scratch):
    path = os.path.join(root, "deploy/container/Containerfile")
    run([program("hadolint"), "--failure-threshold", "info", path])
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^#.*\n", "", file.read()))
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip()]
    stages = [rest for word, rest in lines if word == "FROM"]
    need(len(stages) == 2, f"there is a stage to build in and one to ship: {stages}")
    image, _, stage = stages[0].partition(" AS ")
    need(re.search(r":\d+\.\d+\.\d+-slim-\w+$", image), f"the image to build in has a whole version, not `{image}`")
    same("the base of what is shipped", stages[1], "scratch")
    last = lines[max(index for index, (word, _) in enumerate(lines) if word == "FROM") :]
    same("what is shipped", [rest for word, rest in last if word == "COPY"], [f"--from={stage} /image/ /"])
    need(not [rest for word, rest in last if word in ("RUN", "ADD")], "the last stage runs and fetches nothing")
    for word, expected in [
        ("USER", "1000:1000"),
        ("VOLUME", '["/results"]'),
        ("WORKDIR", "/"),
        ("ENTRYPOINT", '["/usr/local/bin/bench"]'),
    ]:
        same(word, [rest for known, rest in last if known == word], [expected])
    scripts = glob.glob(os.path.join(root, "deploy/**/*.sh"), recursive=True)
    need(len(scripts) >= 2, f"the scripts are there: {scripts}")
    run([program("shellcheck"), *scripts])
    for script in scripts:
        need(os.access(script, os.X_OK), f"{script} can be run")
    return f"a Containerfile with {len(stages)} stages, {len(scripts)} scripts"


def compose(root, _scratch):
    file = os.path.join(root, "deploy/compose/compose.yaml")
    run([sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", file])
    for profiles, expected in [
        ([], {"mock-backends", "load-balancer"}),
        (["loadtest"], {"mock-backends", "load-balancer", "loadtest"}),
        (["ui"], {"mock-backends", "load-balancer", "ui"}),
    ]:
        services = composition(root, profiles)["services"]
        same(f"the services of the profiles {profiles}", set(services), expected)
        for name, service in services.items():
            same(f"the user of {name}", service.get("user"), "1000:1000")
            same(f"whether {name} cannot write", service.get("read_only"), True)
            same(f"the capabilities that {name} drops", service.get("cap_drop"), ["ALL"])
            need("cap_add" not in service and not service.get("privileged"), f"{name} has no privilege")
            same(f"the options of {name}", service.get("security_opt"), ["no-new-privileges:true"])
            for port in service.get("ports", []):
                same(f"where {name} is published", port.get("host_ip"), "127.0.0.1")
            for other in service.get("depends_on", {}):
                need("healthcheck" in services[other], f"{other}, which {name} waits for, says whether it is ready")
    (volume,) = composition(root, ["loadtest"])["services"]["loadtest"]["volumes"]
    same("where results are kept", (volume["type"], volume["source"], volume["target"]), ("volume", "results", "/results"))
    (port,) = composition(root, ["ui"])["services"]["ui"]["ports"]
    same("the port of the page", (port["published"], port["target"]), ("8089", 8089))
    return f"{len(expected) + 1} services"


def pod_specs(resources):
    """Returns each pod as (kind and name, specification)."""
    for resource in resources:
        name = f"{resource['kind']} {resource['metadata']['name']}"
        if resource["kind"] == "Deployment":
            yield name, resource["spec"]["template"]
        elif resource["kind"] == "CronJob":
            yield name, resource["spec"]["jobTemplate"]["spec"]["template"]


def check_pod(name, spec):
    """Checks what a pod may do: what the level "restricted" of Kubernetes' pod security standards asks for, and more."""
    context = spec["securityContext"]
    same(f"user of {name}", (context["runAsNonRoot"], context["runAsUser"], context["runAsGroup"]), (True, 1000, 1000))
    same(f"seccomp of {name}", context["seccompProfile"], {"type": "RuntimeDefault"})
    same(f"token of {name}", spec["automountServiceAccountToken"], False)
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        need(not spec.get(key), f"{name} shares nothing with its host")
    mounts = {volume["name"]: volume for volume in spec.get("volumes", [])}
    need(not [name for name, volume in mounts.items() if "hostPath" in volume], f"{name} sees no folder of its host")
    for container in spec.get("initContainers", []) + spec["containers"]:
        what = f"{container['name']} of {name}"
        expected = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        same(f"what {what} may do", container["securityContext"], expected)
        need(":" in container["image"].rpartition("/")[2], f"the image of {what} has a tag: {container['image']}")
        for kind in ("requests", "limits"):
            same(f"{kind} of {what}", set(container["resources"][kind]), {"cpu", "memory"})
        for mount in container.get("volumeMounts", []):
            need(mount["name"] in mounts, f"the volume of {what} exists: {mount}")


def kubernetes(root, scratch):
    import kubernetes_validate

    count = 0
    overlays = sorted(os.listdir(os.path.join(root, "deploy/kubernetes/overlays")))
    same("the overlays", overlays, ["continuous", "nightly", "rehearsal", "workers"])
    for name in overlays:
        resources = overlay(root, name, scratch)
        for resource in resources:
            for release in RELEASES:
                try:
                    kubernetes_validate.validate(resource, release, strict=True)
                except kubernetes_validate.ValidationError as error:
                    need(False, f"{name}, Kubernetes {release}: {'.'.join(map(str, error.path))}: {error.message}")
            count += 1
        labels = pick(resources, "Namespace", "bench")["metadata"]["labels"]
        same("what the namespace admits", labels["pod-security.kubernetes.io/enforce"], "restricted")
        known = {(resource["kind"], resource["metadata"]["name"]) for resource in resources}
        for pod, template in pod_specs(resources):
            spec = template["spec"]
            check_pod(f"{pod} ({name})", spec)
            wanted = [("ServiceAccount", spec["serviceAccountName"])]
            for volume in spec.get("volumes", []):
                if "configMap" in volume:
                    wanted.append(("ConfigMap", volume["configMap"]["name"]))
                if "persistentVolumeClaim" in volume:
                    wanted.append(("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]))
            for container in spec.get("initContainers", []) + spec["containers"]:
                for variable in container.get("env", []):
                    wanted.append(("ConfigMap", variable["valueFrom"]["configMapKeyRef"]["name"]))
            for one in wanted:
                need(one in known, f"{pod} ({name}) names a {one[0]} that exists: {one[1]}")
        check_load(name, resources)
    with open(os.path.join(root, "deploy/kubernetes/reader.yaml"), encoding="utf-8") as file:
        reader = yaml.safe_load(file)
    for release in RELEASES:
        kubernetes_validate.validate(reader, release, strict=True)
    check_pod("the reader", reader["spec"])
    claim = reader["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"]
    pick(overlay(root, "nightly", scratch), "PersistentVolumeClaim", claim)
    return f"{count} resources in {len(overlays)} overlays"


def check_load(name, resources):
    """Checks what is asked of the load itself."""
    used = {"requests": {"cpu": "300m", "memory": "256Mi"}, "limits": {"cpu": "500m", "memory": "512Mi"}}
    if name == "workers":
        job = pick(resources, "Job", "workers")["spec"]
        same("how many workers there are", (job["completionMode"], job["completions"]), ("Indexed", job["parallelism"]))
        (worker,) = job["template"]["spec"]["containers"]
        threads = float(worker["resources"]["limits"]["cpu"])
        join = f"--join=nats://nats:{pick(resources, 'Service', 'nats')['spec']['ports'][0]['port']}"
        same("what a worker is told", worker["args"], ["worker", join, "--once", f"--threads={threads:.0f}"])
        return
    if name == "nightly":
        job = pick(resources, "CronJob", "nightly")["spec"]
        same("what happens to two nights at once", job["concurrencyPolicy"], "Forbid")
        template = job["jobTemplate"]["spec"]["template"]
        claims = [volume.get("persistentVolumeClaim") for volume in template["spec"]["volumes"]]
        need({"claimName": "results"} in claims, "results are kept on a volume")
    else:
        template = pick(resources, "Deployment", "load")["spec"]["template"]
        same("when the load is started again", template["spec"]["restartPolicy"], "Always")
        notes = {f"prometheus.io/{key}": value for key, value in [("scrape", "true"), ("port", "9646"), ("path", "/metrics")]}
        same("what Prometheus is told", template["metadata"]["annotations"], notes)
        probe = template["spec"]["containers"][0]["livenessProbe"]["httpGet"]
        same("what says that the load lives", probe, {"path": "/healthz", "port": "metrics"})
    (container,) = template["spec"]["containers"]
    same(f"what the load uses ({name})", container["resources"], used)
    same("the settings", [one["name"] for one in container["env"]], ["FRONTEND_ADDR", "USERS"])
    (first,) = template["spec"]["initContainers"]
    same("what is waited for", first["args"], ["wait", "http://$(FRONTEND_ADDR)/_healthz"])


def workflows(root, scratch):
    files = sorted(glob.glob(os.path.join(root, "deploy/github/*.yml")))
    same("the workflows", [os.path.basename(file) for file in files], ["image.yml", "load-test.yml", "nightly.yml"])
    for schema in ("vendor.github-workflows", "custom.github-workflows-require-timeout"):
        run([sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files])
    run([program("zizmor"), "--offline", "--no-progress", "--no-config", *files])
    scripts = 0
    for file in files:
        with open(file, encoding="utf-8") as opened:
            text = opened.read()
        for line in re.findall(r"uses:.*", text):
            need(re.fullmatch(r"uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), f"an action is pinned, with its version: {line}")
        for job in yaml.safe_load(text)["jobs"].values():
            for step in job["steps"]:
                if "run" in step:
                    script = os.path.join(scratch, f"step-{scripts}.sh")
                    with open(script, "w", encoding="utf-8") as opened:
                        opened.write(step["run"])
                    run([program("shellcheck"), "--shell", "bash", script])
                    scripts += 1
    jobs = workflow(root, "image.yml")["jobs"]
    same("what is done to an image", list(jobs), ["build", "manifests", "rehearsal"])
    same("what follows the push", (jobs["manifests"]["needs"], jobs["rehearsal"]["needs"]), ("build", "build"))
    need(any((step.get("with") or {}).get("push") is True for step in jobs["build"]["steps"]), "the image is pushed")
    names = [step.get("name") for step in jobs["rehearsal"]["steps"]]
    same("how a rehearsal ends", names[-3:], ["Run for five minutes", "Collect the logs", "Keep the logs"])
    need("sleep 300\n" in jobs["rehearsal"]["steps"][-3]["run"], "the rehearsal takes five minutes")
    return f"{len(files)} workflows with {scripts} scripts"


if __name__ == "__main__":
    main({"container": container, "compose": compose, "kubernetes": kubernetes, "workflows": workflows}, sys.argv[1:])
