-- What a nightly job found of a run.

-- Empty if nobody judged it; else pending, good, worse, unconfirmed or accepted.
ALTER TABLE bench_runs ADD COLUMN verdict TEXT NOT NULL DEFAULT '';

-- What became worse, as a JSON array of objects with scenario, algorithm and metric.
ALTER TABLE bench_runs ADD COLUMN findings TEXT NOT NULL DEFAULT '[]';
