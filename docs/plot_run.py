"""Draws the latency of a run, second by second and per backend share, from its trial files.

    pip install matplotlib
    python3 docs/plot_run.py results/<run> docs/default-run.png

The picture in the README was made this way.
"""

import json
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

# Colour-blind safe (Okabe and Ito), one per algorithm in the order of the summary.
COLOURS = ["#D55E00", "#E69F00", "#0072B2", "#56B4E9", "#009E73", "#CC79A7", "#000000"]


def main(folder: pathlib.Path, picture: pathlib.Path) -> None:
    summary = json.loads((folder / "summary.json").read_text())
    scenario = summary["scenarios"][0]
    names = [algorithm["name"] for algorithm in scenario["algorithms"]]
    trials = [json.loads(path.read_text()) for path in sorted((folder / "trials").glob("*.json"))]
    trials = [trial for trial in trials if trial["scenario"] == scenario["name"] and trial["block"] == 0]

    figure, (over_time, shares) = plt.subplots(1, 2, figsize=(11, 4), width_ratios=[3, 2])
    for name, colour in zip(names, COLOURS):
        trial = next(trial for trial in trials if trial["result"]["name"] == name)
        seconds = [s for s in trial["seconds"] if s["p95_ms"] is not None and s["second"] < scenario["duration_s"]]
        over_time.plot([s["second"] for s in seconds], [s["p95_ms"] for s in seconds], color=colour, marker="o", markersize=3, label=name)
    over_time.set(yscale="log", xlabel="second of the measured phase", ylabel="p95 latency (ms)")
    over_time.set_title("P95 latency, second by second")
    over_time.grid(alpha=0.3)
    over_time.legend(fontsize=8, loc="upper left", ncols=2)
    over_time.set_ylim(top=over_time.get_ylim()[1] * 4)

    backends = [backend["id"] for backend in scenario["algorithms"][0]["backends"]]
    width = 0.8 / len(names)
    for number, (algorithm, colour) in enumerate(zip(scenario["algorithms"], COLOURS)):
        places = [place + (number - (len(names) - 1) / 2) * width for place in range(len(backends))]
        shares.bar(places, [100 * backend["share"] for backend in algorithm["backends"]], width, color=colour)
    shares.set_xticks(range(len(backends)), backends, fontsize=8)
    shares.set(ylabel="share of requests (%)")
    shares.set_title("Where requests went")
    shares.grid(axis="y", alpha=0.3)

    figure.suptitle(f'"{scenario["name"]}": the same {scenario["peak_users"]} users under each algorithm', fontsize=11)
    figure.tight_layout()
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
