#!/usr/bin/env python3
"""Measures how far apart workers begin when the network between them and the leader is slow.

    measure.py BENCH_WORKERS [--workers 4] [--trials 50] [--delay-ms 20] [--jitter-ms 0]

Each worker lives in a network namespace of its own, which needs root. Messages between it and NATS take DELAY each way:
by `tc netem` where the kernel has it, and else by a relay that holds every message back. All namespaces share the
machine's monotonic clock, so the true start of each worker is known: the offset that it measured should be zero, and what
it is instead is the error of the common start.
"""

import argparse
import asyncio
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

NETWORK = "10.213.7"
NATS = 4222


def run(*words):
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True)


class Relay(threading.Thread):
    """Listens beside NATS and holds back what goes through it, in order."""

    def __init__(self, port, delay_s, jitter_s):
        super().__init__(daemon=True)
        self.port, self.delay_s, self.jitter_s = port, delay_s, jitter_s

    def run(self):
        asyncio.run(self.serve())

    async def serve(self):
        server = await asyncio.start_server(self.accept, f"{NETWORK}.1", self.port)
        await server.serve_forever()

    async def accept(self, reader, writer):
        there, back = await asyncio.open_connection(f"{NETWORK}.1", NATS)
        await asyncio.gather(self.carry(reader, back), self.carry(there, writer), return_exceptions=True)

    async def carry(self, source, sink):
        queue = asyncio.Queue()

        async def deliver():
            while True:
                due, data = await queue.get()
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                if not data:
                    sink.close()
                    return
                sink.write(data)
                await sink.drain()

        task = asyncio.create_task(deliver())
        last = 0.0
        while True:
            data = await source.read(65536)
            last = max(last, time.monotonic() + self.delay_s + random.uniform(0, self.jitter_s))
            await queue.put((last, data))
            if not data:
                break
        await task


class Network:
    """Namespaces on a bridge."""

    def __init__(self, count):
        self.names = [f"bench-skew-{number}" for number in range(count)]

    def __enter__(self):
        run("ip", "link", "add", "bench-skew", "type", "bridge")
        run("ip", "addr", "add", f"{NETWORK}.1/24", "dev", "bench-skew")
        run("ip", "link", "set", "bench-skew", "up")
        for number, name in enumerate(self.names):
            run("ip", "netns", "add", name)
            run("ip", "link", "add", f"bsk{number}", "type", "veth", "peer", "name", f"bsi{number}")
            run("ip", "link", "set", f"bsk{number}", "master", "bench-skew", "up")
            run("ip", "link", "set", f"bsi{number}", "netns", name)
            inside = ["ip", "netns", "exec", name, "ip"]
            run(*inside, "addr", "add", f"{NETWORK}.{number + 10}/24", "dev", f"bsi{number}")
            run(*inside, "link", "set", f"bsi{number}", "up")
            run(*inside, "link", "set", "lo", "up")
        return self

    def slow_down(self, delay_ms, jitter_ms):
        """Returns whether the kernel delays packets."""
        try:
            for number, name in enumerate(self.names):
                netem = ["netem", "delay", f"{delay_ms}ms"] + ([f"{jitter_ms}ms"] if jitter_ms else [])
                run("tc", "qdisc", "add", "dev", f"bsk{number}", "root", *netem)
                run("ip", "netns", "exec", name, "tc", "qdisc", "add", "dev", f"bsi{number}", "root", *netem)
            return True
        except (subprocess.CalledProcessError, FileNotFoundError):
            return False

    def __exit__(self, *_):
        for number, name in enumerate(self.names):
            subprocess.run(["ip", "link", "del", f"bsk{number}"], capture_output=True)
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
        subprocess.run(["ip", "link", "del", "bench-skew"], capture_output=True)


def skews(folder):
    """The true start of each worker in each trial, in milliseconds after the common one, and what it believed."""
    true, believed, errors = [], [], []
    for file in sorted(folder.glob("trials/*.json")):
        trial = json.loads(file.read_text())
        for worker in trial.get("workers", []):
            if worker["start_skew_ms"] is not None:
                # By the clock that all share: what it measured of the offset cancels out.
                after = worker["clock_offset_ms"] + worker["clock_drift_ms"]
                true.append(worker["start_skew_ms"] + after)
                believed.append(worker["start_skew_ms"])
                errors.append(worker["clock_error_ms"])
    return true, believed, errors


def told(name, values):
    values = sorted(abs(value) for value in values)
    at = lambda share: values[min(len(values) - 1, int(share * len(values)))]
    print(f"{name}: median {at(0.5):.3f} ms, p99 {at(0.99):.3f} ms, greatest {values[-1]:.3f} ms, of {len(values)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--delay-ms", type=float, default=20.0)
    parser.add_argument("--jitter-ms", type=float, default=0.0)
    args = parser.parse_args()
    program = os.path.abspath(args.program)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="bench-skew-"))
    children = []
    with Network(args.workers) as network:
        try:
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "cwd": scratch}
            nats = ["nats-server", "-a", "0.0.0.0", "-p", str(NATS), "-js", "-sd", str(scratch / "nats")]
            children.append(subprocess.Popen(nats, stderr=subprocess.DEVNULL, **quiet))
            mocks = json.dumps({"name": "one", "service_time": {"distribution": "constant", "mean_ms": 1},
                                "pools": [{"name": "shop", "backends": [{"id": "only"}]}]})
            (scratch / "one.json").write_text(mocks)
            listen = [program, "mock-backends", "--topology", "one.json", "--host", "0.0.0.0", "--base-port", "9301",
                      "--control-port", "9300"]
            children.append(subprocess.Popen(listen, stderr=subprocess.DEVNULL, **quiet))
            time.sleep(2)
            by_kernel = network.slow_down(args.delay_ms, args.jitter_ms)
            port = NATS if by_kernel else NATS + 1
            if not by_kernel:
                Relay(port, args.delay_ms / 1e3, args.jitter_ms / 1e3).start()
                time.sleep(0.5)
            print(f"{args.delay_ms} ms each way, by {'tc netem' if by_kernel else 'a relay (this kernel has no netem)'}")
            for name in network.names:
                worker = ["ip", "netns", "exec", name, program, "worker", "--join", f"nats://{NETWORK}.1:{port}",
                          "--threads", "1", "--name", name]
                children.append(subprocess.Popen(worker, stderr=subprocess.DEVNULL, **quiet))
            lead = [program, "--workers", f"nats://127.0.0.1:{NATS}", "--expect-workers", str(args.workers),
                    "--url", f"http://{NETWORK}.1:9301", "--arrivals", "constant:40", "--duration", "1s", "--warm-up", "0s",
                    "--repetitions", str(args.trials), "--max-skew", "1s", "--accept-invalid", "--quiet", "--out", "run"]
            subprocess.run(lead, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=scratch)
            true, believed, errors = skews(scratch / "run")
            told("true start after the common one", true)
            told("as the leader reports it", believed)
            told("bound of the clock's error", errors)
            spread = statistics.pstdev(true)
            print(f"standard deviation of the true start: {spread:.3f} ms")
        finally:
            for child in reversed(children):
                child.terminate()
            for child in children:
                child.wait()
            shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
