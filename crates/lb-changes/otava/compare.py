"""Compares the changes that lb-changes finds with those of Apache Otava, on the same simulated nights.

    cargo run --release -p lb-changes --example nights -- nights
    python3 -m venv venv && venv/bin/pip install apache-otava==0.8.0
    venv/bin/python crates/lb-changes/otava/compare.py nights

Each file holds what lb-changes found in its first line, then a value for each night. Otava runs with its defaults, and with a
smallest magnitude of 2 %, as lb-changes has.
"""

import ast
import collections
import csv
import pathlib
import sys

from otava.series import AnalysisOptions, Metric, Series

PLANTED, NEAR = 40, 3


def otava(values, magnitude):
    options = AnalysisOptions()
    options.min_magnitude = magnitude
    times = [86_400 * night for night in range(len(values))]
    series = Series("nights", None, times, {"value": Metric()}, {"value": values}, {})
    return [change.index for change in series.analyze(options).change_points["value"]]


def main(folder):
    # For each model and each way: planted changes found, other changes in planted series, changes in clean series, series.
    table = collections.defaultdict(lambda: collections.defaultdict(lambda: [0, 0, 0, 0]))
    for path in sorted(pathlib.Path(folder).glob("*.csv")):
        model, kind, _ = path.stem.rsplit("-", 2)
        with path.open() as file:
            ours = ast.literal_eval(file.readline().removeprefix("# changes "))
            values = [float(row["value"]) for row in csv.DictReader(file)]
        ways = {
            "lb-changes": ours,
            "otava": otava(values, 0.0),
            "otava, from 2 %": otava(values, 0.02),
        }
        for way, found in ways.items():
            row = table[model][way]
            if kind == "planted":
                near = any(abs(at - PLANTED) <= NEAR for at in found)
                row[0] += near
                row[1] += len(found) - near
                row[3] += 1
            else:
                row[2] += len(found)
    print(f"{'model':24} {'way':16} {'found':>9} {'others':>7} {'in clean series':>16}")
    for model, ways in table.items():
        for way, (found, others, clean, series) in ways.items():
            print(f"{model:24} {way:16} {found:>4}/{series} {others:>7} {clean:>16}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
