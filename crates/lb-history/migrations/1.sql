-- One schema for SQLite and PostgreSQL. In PostgreSQL, BLOB is BYTEA. Booleans are 0 and 1. Times are RFC 3339 in UTC, and
-- milliseconds since 1970 where they are compared. A metric has its name in summary.json and is in its own unit.

CREATE TABLE bench_runs (
    run_id          TEXT PRIMARY KEY,
    -- SHA-256 of the summary: the same run with other results, such as a resumed one, replaces this one.
    digest          TEXT NOT NULL,
    started_at      TEXT NOT NULL,
    started_ms      BIGINT NOT NULL,
    recorded_at     TEXT NOT NULL,
    folder          TEXT NOT NULL,
    -- What was tested: a commit or a label; empty if nobody said.
    subject         TEXT NOT NULL,
    -- What the machine is: values of different hosts are not compared.
    host            TEXT NOT NULL,
    kernel          TEXT NOT NULL,
    bench_version   TEXT NOT NULL,
    bench_commit    TEXT NOT NULL,
    engine          TEXT NOT NULL,
    load_balancer   TEXT NOT NULL,
    config          TEXT NOT NULL,
    config_sha256   TEXT NOT NULL,
    schedule_sha256 TEXT NOT NULL,
    -- What the numbers depend on besides algorithms, seed and repetitions: values of different ones are not compared.
    fingerprint     TEXT NOT NULL,
    seed            TEXT NOT NULL,
    -- Whether an algorithm was compared with itself (`bench aa`).
    is_aa           BIGINT NOT NULL,
    interrupted     BIGINT NOT NULL,
    trials          BIGINT NOT NULL,
    valid_trials    BIGINT NOT NULL
);

CREATE INDEX bench_runs_by_time ON bench_runs (started_ms);

CREATE TABLE bench_trials (
    run_id     TEXT NOT NULL REFERENCES bench_runs ON DELETE CASCADE,
    scenario   TEXT NOT NULL,
    algorithm  TEXT NOT NULL,
    block      BIGINT NOT NULL,
    attempt    BIGINT NOT NULL,
    position   BIGINT NOT NULL,
    started_at TEXT NOT NULL,
    valid      BIGINT NOT NULL,
    -- JSON arrays of sentences: why it is invalid, and why it is although it counts.
    problems   TEXT NOT NULL,
    accepted   TEXT NOT NULL,
    PRIMARY KEY (run_id, scenario, algorithm, block, attempt)
);

CREATE TABLE bench_trial_metrics (
    run_id    TEXT NOT NULL REFERENCES bench_runs ON DELETE CASCADE,
    scenario  TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    block     BIGINT NOT NULL,
    attempt   BIGINT NOT NULL,
    metric    TEXT NOT NULL,
    value     DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (run_id, scenario, algorithm, block, attempt, metric)
);

-- Each metric over the valid trials of an algorithm, with its 95 % interval (from five trials on).
CREATE TABLE bench_estimates (
    run_id    TEXT NOT NULL REFERENCES bench_runs ON DELETE CASCADE,
    scenario  TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    metric    TEXT NOT NULL,
    trials    BIGINT NOT NULL,
    estimate  DOUBLE PRECISION NOT NULL,
    low       DOUBLE PRECISION,
    high      DOUBLE PRECISION,
    smallest  DOUBLE PRECISION NOT NULL,
    largest   DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (run_id, scenario, algorithm, metric)
);

-- Latencies in microseconds over the valid trials: HdrHistogram, compressed V2 encoding. Classes: ok, error.
CREATE TABLE bench_histograms (
    run_id    TEXT NOT NULL REFERENCES bench_runs ON DELETE CASCADE,
    scenario  TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    class     TEXT NOT NULL,
    requests  BIGINT NOT NULL,
    data      BLOB NOT NULL,
    PRIMARY KEY (run_id, scenario, algorithm, class)
);

CREATE TABLE bench_verdicts (
    run_id    TEXT NOT NULL REFERENCES bench_runs ON DELETE CASCADE,
    scenario  TEXT NOT NULL,
    baseline  TEXT NOT NULL,
    candidate TEXT NOT NULL,
    blocks    BIGINT NOT NULL,
    verdict   TEXT NOT NULL,
    sentence  TEXT NOT NULL,
    PRIMARY KEY (run_id, scenario, baseline, candidate)
);

CREATE TABLE bench_verdict_metrics (
    run_id      TEXT NOT NULL REFERENCES bench_runs ON DELETE CASCADE,
    scenario    TEXT NOT NULL,
    baseline    TEXT NOT NULL,
    candidate   TEXT NOT NULL,
    metric      TEXT NOT NULL,
    exploratory BIGINT NOT NULL,
    effect      DOUBLE PRECISION NOT NULL,
    low         DOUBLE PRECISION,
    high        DOUBLE PRECISION,
    p_adjusted  DOUBLE PRECISION,
    verdict     TEXT NOT NULL,
    PRIMARY KEY (run_id, scenario, baseline, candidate, metric)
);

CREATE TABLE bench_thresholds (
    run_id    TEXT NOT NULL REFERENCES bench_runs ON DELETE CASCADE,
    number    BIGINT NOT NULL,
    scenario  TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    threshold TEXT NOT NULL,
    observed  DOUBLE PRECISION,
    held      BIGINT NOT NULL,
    PRIMARY KEY (run_id, number)
);

-- What A/A runs measured: effects of at most this size are noise.
CREATE TABLE bench_noise_floors (
    run_id    TEXT NOT NULL REFERENCES bench_runs ON DELETE CASCADE,
    scenario  TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    metric    TEXT NOT NULL,
    floor     DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (run_id, scenario, algorithm, metric)
);
