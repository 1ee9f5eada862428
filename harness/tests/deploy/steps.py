"""A play with the steps of deploy/github, as a runner of GitHub's would run them."""

import glob
import json
import os
import re
import shutil
import subprocess

from tools import kubectl, need, run, same, workflow


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
    # Two blocks are too few to judge anything.
    need(code == 3 and "not enough data" in said, f"the nights are compared: {code}: {said}")
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
