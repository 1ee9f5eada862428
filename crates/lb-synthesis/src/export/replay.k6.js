// Plays a list of requests at its times with k6: k6 run FILE
//
// Environment (k6 run -e NAME=VALUE FILE):
//   DATA_FILE  the list: JSON rows of {endpoint, method, timestamp}; a relative name is relative to this script
//   BASE_URL   where endpoints without a scheme are [http://localhost:8080]
//   SPEED      how many times as fast as recorded [1]
//   EXECUTOR   "timed" sends each request at its own time; "stages" only follows the rate of the list
//   VUS        virtual users [as many requests as are due within five seconds, at least 10]
//
// The metric replay_lateness says how long after its time a request was sent; if it grows, set more VUS.
// Written by bench export.

import http from "k6/http";
import exec from "k6/execution";
import { sleep } from "k6";
import { SharedArray } from "k6/data";
import { Trend } from "k6/metrics";

const DATA_FILE = __ENV.DATA_FILE || "@DATA_FILE@";
const BASE_URL = (__ENV.BASE_URL || "http://localhost:8080").replace(/\/+$/, "");
const SPEED = Number(__ENV.SPEED || 1);
const EXECUTOR = __ENV.EXECUTOR || "@EXECUTOR@";
const MOST_STAGES = 60;
const HOUR_MS = 3600 * 1000;

const lateness = new Trend("replay_lateness", true);

// Unix time in milliseconds. Times without a zone are UTC; numbers up to 1e11 are seconds.
function instant(value) {
  const number = Number(value);
  if (value !== "" && !Number.isNaN(number)) {
    return number <= 1e11 ? number * 1000 : number;
  }
  let text = String(value).trim().replace(" ", "T").replace(/(\.\d{3})\d+/, "$1");
  if (!/(Z|[+-]\d\d:?\d\d)$/i.test(text)) {
    text += "Z";
  }
  const time = Date.parse(text);
  if (Number.isNaN(time)) {
    throw new Error("`" + value + "` is not a timestamp");
  }
  return time;
}

// The requests with their offsets in milliseconds, in order of time. All virtual users share one copy.
const requests = new SharedArray("requests", function () {
  const rows = JSON.parse(open(DATA_FILE)).map(function (row) {
    return { at: instant(row.timestamp), method: row.method.toUpperCase(), endpoint: row.endpoint };
  });
  rows.sort(function (one, other) {
    return one.at - other.at;
  });
  const first = rows[0].at;
  return rows.map(function (row) {
    return { offset: (row.at - first) / SPEED, method: row.method, endpoint: row.endpoint };
  });
});

const length = requests[requests.length - 1].offset;

// The most requests that are due within five seconds.
function busiest() {
  let most = 0;
  let first = 0;
  for (let last = 0; last < requests.length; last += 1) {
    while (requests[last].offset - requests[first].offset > 5000) {
      first += 1;
    }
    most = Math.max(most, last - first + 1);
  }
  return Math.min(Math.max(most, 10), 5000);
}

const vus = Number(__ENV.VUS || busiest());

// A rate for each part of the list, in requests per hour, held until the next part begins.
function stages() {
  const step = Math.max(1000, Math.ceil(length / MOST_STAGES / 1000) * 1000);
  const rates = [];
  for (let number = 0; number < requests.length; number += 1) {
    const place = Math.floor(requests[number].offset / step);
    while (rates.length <= place) {
      rates.push(0);
    }
    rates[place] += 1;
  }
  const list = [];
  rates.forEach(function (count) {
    const target = Math.ceil((count * HOUR_MS) / step);
    list.push({ target: target, duration: "0s" });
    list.push({ target: target, duration: step / 1000 + "s" });
  });
  return list;
}

function scenario() {
  if (EXECUTOR === "stages") {
    return {
      executor: "ramping-arrival-rate",
      startRate: 0,
      timeUnit: "1h",
      preAllocatedVUs: vus,
      maxVUs: 2 * vus,
      stages: stages(),
    };
  }
  return {
    executor: "shared-iterations",
    vus: Math.min(vus, requests.length),
    iterations: requests.length,
    maxDuration: Math.ceil(length / 1000) + 120 + "s",
  };
}

export const options = { scenarios: { replay: scenario() } };

export default function () {
  const number = exec.scenario.iterationInTest;
  if (number >= requests.length) {
    return;
  }
  const request = requests[number];
  if (EXECUTOR !== "stages") {
    const due = exec.scenario.startTime + request.offset;
    const wait = due - Date.now();
    if (wait > 0) {
      sleep(wait / 1000);
    }
    lateness.add(Math.max(0, Date.now() - due));
  }
  const isWhole = request.endpoint.indexOf("://") > 0;
  const path = isWhole || request.endpoint.charAt(0) === "/" ? request.endpoint : "/" + request.endpoint;
  // Names without queries keep the number of time series low.
  const tags = { name: request.method + " " + path.split("?")[0] };
  http.request(request.method, isWhole ? path : BASE_URL + path, null, { tags: tags });
}
