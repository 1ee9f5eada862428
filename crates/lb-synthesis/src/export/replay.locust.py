"""Plays a list of requests at its times with Locust: locust -f FILE --headless

Environment:
    DATA_FILE  the list: JSON rows of {endpoint, method, timestamp}
    BASE_URL   where endpoints without a scheme are [http://localhost:8080]; --host goes before it
    SPEED      how many times as fast as recorded [1]

One user sends every request at its own time, without waiting for earlier replies, and ends the test after the last
reply; more users and --run-time are not needed. Written by bench export.
"""

import json
import logging
import os
import time
from datetime import datetime, timezone

import gevent
from gevent.pool import Pool
from locust import FastHttpUser, task
from locust.stats import CSV_STATS_INTERVAL_SEC

HERE = os.path.dirname(os.path.abspath(__file__))
DATA_FILE = os.environ.get("DATA_FILE") or os.path.join(HERE, "@DATA_FILE@")
SPEED = float(os.environ.get("SPEED") or 1)
# Requests of this many seconds may be in flight at once.
PATIENCE_S = 10.0


def instant(value):
    """Unix time in seconds. Times without a zone are UTC; numbers up to 1e11 are seconds, others milliseconds."""
    try:
        number = float(value)
        return number if number <= 1e11 else number / 1000.0
    except ValueError:
        pass
    moment = datetime.fromisoformat(value.strip().replace("Z", "+00:00").replace("z", "+00:00"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.timestamp()


def read(path):
    """The requests as (offset in seconds, method, endpoint), in order of time."""
    with open(path, encoding="utf-8") as file:
        rows = [(instant(row["timestamp"]), row["method"].upper(), row["endpoint"]) for row in json.load(file)]
    rows.sort(key=lambda row: row[0])
    first = rows[0][0]
    return [((at - first) / SPEED, method, endpoint) for at, method, endpoint in rows]


def busiest(requests):
    """The most requests that are due within the patience."""
    most, first = 1, 0
    for last, (offset, _, _) in enumerate(requests):
        while offset - requests[first][0] > PATIENCE_S:
            first += 1
        most = max(most, last - first + 1)
    return most


REQUESTS = read(DATA_FILE)


class Replay(FastHttpUser):
    host = os.environ.get("BASE_URL") or "http://localhost:8080"
    fixed_count = 1
    concurrency = max(10, busiest(REQUESTS))
    played = False

    @task
    def play(self):
        if Replay.played:
            gevent.sleep(1)
            return
        Replay.played = True
        pool, latest, start = Pool(), 0.0, time.monotonic()
        for offset, method, endpoint in REQUESTS:
            wait = start + offset - time.monotonic()
            if wait > 0:
                gevent.sleep(wait)
            latest = max(latest, time.monotonic() - start - offset)
            pool.spawn(self.send, method, endpoint)
        pool.join()
        logging.info("played %d requests; the latest was sent %.3f s after its time", len(REQUESTS), latest)
        # What --csv writes is written at intervals; the last replies belong in it.
        gevent.sleep(2.5 * CSV_STATS_INTERVAL_SEC)
        self.environment.runner.quit()

    def send(self, method, endpoint):
        path = endpoint if "://" in endpoint or endpoint.startswith("/") else "/" + endpoint
        self.client.request(method, path, name=path.split("?")[0])
