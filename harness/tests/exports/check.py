"""Runs exported scripts with other implementations, and says what they did as one line of JSON.

    python check.py k6 SCRIPT DATA     runs a k6 script in V8, with stand-ins for the modules of k6
    python check.py locust SCRIPT      imports a Locust file and gives the requests that it will send

The script for k6 is not run by k6 itself: V8 parses and runs every line of it, `import` lines are replaced by stand-ins of
the same names, and time is virtual, so that a sleep takes no time and the time of each request is exact.
"""

import importlib.util
import json
import os
import re
import sys
import traceback

STAND_INS = """
"use strict";
let now = 0;
const sent = [];
const late = [];
const tasks = {};
const opened = [];
const modules = {
  "k6": { sleep: (seconds) => { now += seconds * 1000; } },
  "k6/http": { default: { request: (method, url, body, params) => sent.push([method, url, now, params.tags.name]) } },
  "k6/execution": { default: { scenario: { startTime: START, iterationInTest: 0 } } },
  "k6/data": { SharedArray: function (name, make) { return Object.freeze(make()); } },
  "k6/metrics": { Trend: function (name) { this.add = (value) => late.push(value); } },
};
Date.now = () => START + now;
const open = (name) => { opened.push(name); return DATA; };
"""

# As many virtual users as the script asks for take the next iteration when they are free, as k6's executor shared-iterations.
RUN = """
;(() => {
const scenario = tasks.options.scenarios.replay;
const count = scenario.executor === "shared-iterations" ? scenario.iterations : LENGTH + 3;
const free = new Array(Math.max(1, scenario.vus || scenario.preAllocatedVUs)).fill(0);
for (let number = 0; number < count; number += 1) {
  const user = free.indexOf(Math.min(...free));
  now = free[user];
  modules["k6/execution"].default.scenario.iterationInTest = number;
  tasks.play();
  free[user] = now;
}
return JSON.stringify({ options: tasks.options, sent: sent, late: late, opened: opened });
})()
"""


def k6(script, data, environment):
    from py_mini_racer import MiniRacer

    with open(script, encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r'^import (\w+) from ("[^"]+");$', r"const \1 = modules[\2].default;", text, flags=re.M)
    text = re.sub(r'^import \{ (\w+) \} from ("[^"]+");$', r"const { \1 } = modules[\2];", text, flags=re.M)
    text, options = re.subn(r"^export const options = ", "tasks.options = ", text, flags=re.M)
    text, tasks = re.subn(r"^export default function \(", "tasks.play = function (", text, flags=re.M)
    assert (options, tasks) == (1, 1) and "import " not in text, "a k6 script exports options and one function"
    with open(data, encoding="utf-8") as file:
        rows = file.read()
    constants = {"START": 1_700_000_000_000, "DATA": rows, "__ENV": environment, "LENGTH": len(json.loads(rows))}
    head = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in constants.items())
    return json.loads(MiniRacer().eval(head + STAND_INS + text + RUN))


def locust(script):
    spec = importlib.util.spec_from_file_location("exported", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {"data": module.DATA_FILE, "requests": module.REQUESTS, "concurrency": module.Replay.concurrency}


def main():
    try:
        if sys.argv[1] == "k6":
            found = k6(sys.argv[2], sys.argv[3], json.loads(sys.argv[4]))
        else:
            found = locust(sys.argv[2])
        print(json.dumps(found))
        status = 0
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of V8 and gevent must not keep the process.
    os._exit(status)


if __name__ == "__main__":
    main()
