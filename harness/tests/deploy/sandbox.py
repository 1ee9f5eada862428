"""Runs the content of the container image as a container engine would, without one.

`main.rs` starts Python in a network of its own, which has nothing but a loopback interface. Each container is then a
sandbox of bubblewrap: process 1, user 1000, without capabilities, with a read-only root and an empty `/tmp`, and, where
control groups can be made, with limits of CPU time and memory. All containers share the network, so that the names of
services are names of the loopback address.
"""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request

from tools import Wrong, need

# The user in a sandbox, and who that is outside: the same, unless only root could arrange it.
USER = 1000
OUTSIDE = USER if os.geteuid() == 0 else os.getuid()
GROUPS = "/sys/fs/cgroup"


def until(what, question, *containers):
    """Asks until the answer is true, for two minutes at most, which no passing test comes near, and while the containers
    run that are needed for it."""
    for _ in range(1200):
        answer = question()
        if answer:
            return answer
        for container in containers:
            need(container.is_running(), f"{container.name} has ended before {what}: {container.said()}")
        time.sleep(0.1)
    raise Wrong(f"in vain it was waited until {what}")


def page(url):
    """Returns the page at `url`; `None` if nothing answers there, or not with 200."""
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return reply.read().decode()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def number(quantity):
    """Returns a quantity of Kubernetes, such as `500m` or `512Mi`, as a number of CPUs or bytes."""
    for suffix, factor in [("Ki", 2**10), ("Mi", 2**20), ("Gi", 2**30), ("m", 1e-3)]:
        if quantity.endswith(suffix):
            return float(quantity[: -len(suffix)]) * factor
    return float(quantity)


class Group:
    """A control group with limits, of either version; has no folders where none can be made."""

    def __init__(self, name, cpus, memory):
        self.folders = []
        limits = {"memory.limit_in_bytes": memory, "cpu.cfs_period_us": 100_000, "cpu.cfs_quota_us": cpus and int(cpus * 100_000)}
        roots = [f"{GROUPS}/memory", f"{GROUPS}/cpu"]
        if os.path.exists(f"{GROUPS}/cgroup.controllers"):
            limits = {"memory.max": memory, "cpu.max": cpus and f"{int(cpus * 100_000)} 100000"}
            roots = [GROUPS]
        try:
            for root in roots:
                folder = f"{root}/bench-test-{os.getpid()}-{name}"
                os.mkdir(folder)
                self.folders.append(folder)
                for file, limit in limits.items():
                    if limit and os.path.exists(f"{folder}/{file}"):
                        with open(f"{folder}/{file}", "w", encoding="ascii") as opened:
                            opened.write(str(int(limit) if isinstance(limit, float) else limit))
        except OSError:
            self.remove()

    def peak(self):
        """Returns the most memory that was in use, in bytes; `None` if nobody counted."""
        for folder in self.folders:
            for file in ("memory.max_usage_in_bytes", "memory.peak"):
                if os.path.exists(f"{folder}/{file}"):
                    with open(f"{folder}/{file}", encoding="ascii") as opened:
                        return int(opened.read())
        return None

    def remove(self):
        """Removes the folders, as soon as the last process has left them."""
        for folder in self.folders:
            for _ in range(50):
                try:
                    os.rmdir(folder)
                    break
                except OSError:
                    time.sleep(0.1)
        self.folders = []


class Machine:
    """Starts containers, and ends those that a test leaves behind."""

    def __init__(self, image, scratch):
        self.image = image
        self.scratch = scratch
        self.names = ["localhost"]
        self.containers = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for container in self.containers:
            container.kill()

    def folder(self, name):
        """Makes a folder into which containers may write, such as a volume."""
        path = os.path.join(self.scratch, name)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, 0o1777)
        return path

    def file(self, name, text):
        path = os.path.join(self.scratch, name)
        with open(path, "w", encoding="utf-8") as opened:
            opened.write(text)
        return path

    def run(self, name, arguments, **options):
        """Runs a container to its end, and returns it."""
        container = self.start(name, arguments, **options)
        container.wait()
        return container

    def start(self, name, arguments, variables=None, mounts=None, cpus=None, memory=None):
        """Starts a container. `mounts` are (folder or file, place in the container, whether it may be written)."""
        container = Container(self, name, list(arguments), variables or {}, list(mounts or []), cpus, memory)
        self.containers.append(container)
        return container


class Container:
    """A running container."""

    def __init__(self, machine, name, arguments, variables, mounts, cpus, memory):
        name = f"{name}-{len(machine.containers)}"
        self.name = name
        self.code = None
        root = self.root = os.path.join(machine.scratch, f"root-{name}")
        # An engine makes mount points in a layer of the container's own, too. Files are shared with the image.
        subprocess.run(["cp", "--archive", "--link", machine.image, root], check=True)
        hosts = machine.file(f"hosts-{name}", f"127.0.0.1 {' '.join(machine.names)}\n")
        mounts = [(hosts, "/etc/hosts", False), *mounts]
        for source, place, _ in mounts:
            inside = root + place
            if os.path.isdir(source):
                os.makedirs(inside, exist_ok=True)
            elif not os.path.exists(inside):
                os.makedirs(os.path.dirname(inside), exist_ok=True)
                open(inside, "w", encoding="ascii").close()
        self.before = self.listing()
        told, tell = os.pipe()
        command = ["bwrap", "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--as-pid-1", "--die-with-parent"]
        command += ["--uid", str(USER), "--gid", str(USER), "--cap-drop", "ALL", "--info-fd", str(tell)]
        command += ["--ro-bind", root, "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
        for source, place, writable in mounts:
            command += ["--bind" if writable else "--ro-bind", source, place]
        command += ["--remount-ro", "/", "--clearenv", "--setenv", "PATH", "/usr/local/bin", "--chdir", "/"]
        for variable, value in variables.items():
            command += ["--setenv", variable, value]
        command += ["--", "/usr/local/bin/bench", *arguments]
        if os.geteuid() == 0:
            # User 1000 in the sandbox is user 1000 of this machine.
            command = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *command]
        self.group = Group(name, cpus, memory)
        script = 'for folder in $GROUPS_TO_JOIN; do echo $$ > "$folder/cgroup.procs"; done; exec "$@"'
        self.files = [os.path.join(machine.scratch, f"{kind}-{name}") for kind in ("stdout", "stderr")]
        with open(self.files[0], "w", encoding="utf-8") as out, open(self.files[1], "w", encoding="utf-8") as err:
            self.process = subprocess.Popen(
                ["sh", "-c", script, "sh", *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                pass_fds=[tell],
                env={**os.environ, "GROUPS_TO_JOIN": " ".join(self.group.folders)},
            )
        os.close(tell)
        with os.fdopen(told, encoding="ascii") as info:
            text = info.read()
        if not text:
            self.kill()
            raise Wrong(f"{name} cannot be started: {self.said()}")
        self.pid = json.loads(text)["child-pid"]

    def listing(self):
        """Returns all that the root holds, with sizes and times."""
        found = []
        for folder, folders, files in os.walk(self.root):
            for entry in sorted(folders + files):
                path = os.path.join(folder, entry)
                about = os.lstat(path)
                found.append((path, about.st_size, about.st_mtime_ns))
        return sorted(found)

    def stdout(self):
        with open(self.files[0], encoding="utf-8") as opened:
            return opened.read()

    def stderr(self):
        with open(self.files[1], encoding="utf-8") as opened:
            return opened.read()

    def said(self):
        return self.stdout() + self.stderr()

    def status(self):
        """Returns what the system says about the process, by key."""
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as opened:
            return dict(line.rstrip("\n").split(":\t", 1) for line in opened if ":\t" in line)

    def is_running(self):
        return self.process.poll() is None

    def wait(self):
        """Waits until it has ended, and returns its exit code."""
        if self.code is None:
            self.code = self.process.wait(timeout=300)
            self.peak = self.group.peak()
            self.group.remove()
            need(self.listing() == self.before, f"{self.name} wrote into its root: {set(self.listing()) ^ set(self.before)}")
            shutil.rmtree(self.root)
        return self.code

    def stop(self):
        """Asks it to end, as an engine does, and returns its exit code."""
        need(self.is_running(), f"{self.name} still runs: {self.said()}")
        os.kill(self.pid, signal.SIGTERM)
        return self.wait()

    def kill(self):
        if self.is_running():
            self.process.kill()
            self.process.wait()
        self.group.remove()
