//! Each kind of result, as its tool writes it: every value in its unit, `None` where the format does not hold it.

use lb_grading::{Analysis, Kind, Stats, Test, analyze_content};
use std::path::Path;

fn analysis(content: impl AsRef<[u8]>) -> Analysis {
    analyze_content(Path::new("some.file"), content.as_ref()).unwrap_or_else(|error| panic!("{error}"))
}

fn test(content: impl AsRef<[u8]>) -> Test {
    let mut tests = analysis(content).tests;
    assert_eq!(tests.len(), 1, "a file of these tools is one test");
    tests.remove(0)
}

/// Requests and failures; mean, minimum, maximum, standard deviation; the three percentiles; requests per second.
type Row = ([Option<u64>; 2], [Option<f64>; 4], [Option<f64>; 3], Option<f64>);

fn assert_summary(test: &Test, kind: Kind, (counts, times, percentiles, rps): Row) {
    assert_eq!(test.kind, kind);
    assert_stats(&test.summary, counts, times, percentiles);
    assert!(near(test.summary.rps, rps), "rps: {:?}, expected {rps:?}", test.summary.rps);
}

fn assert_stats(
    stats: &Stats,
    counts: [Option<u64>; 2],
    times: [Option<f64>; 4],
    percentiles: [Option<f64>; 3],
) {
    assert_eq!([stats.total_requests, stats.total_failures], counts, "requests and failures");
    let found =
        [stats.avg_response_time, stats.min_response_time, stats.max_response_time, stats.std_response_time];
    assert!(found.into_iter().zip(times).all(|(a, b)| near(a, b)), "times: {found:?}, expected {times:?}");
    let found = [stats.p50, stats.p95, stats.p99];
    assert!(
        found.into_iter().zip(percentiles).all(|(a, b)| near(a, b)),
        "percentiles: {found:?}, expected {percentiles:?}"
    );
}

/// Equal but for the rounding of one conversion.
fn near(found: Option<f64>, expected: Option<f64>) -> bool {
    match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        (found, expected) => found == expected,
    }
}

fn endpoint<'a>(test: &'a Test, label: &str) -> &'a Stats {
    let found = test.endpoints.iter().find(|one| format!("{} {}", one.method, one.name).trim() == label);
    &found.unwrap_or_else(|| panic!("{label} is in {:?}", test.endpoints)).stats
}

fn failures(test: &Test) -> Vec<(&str, u64)> {
    test.failures.iter().map(|failure| (failure.error.as_str(), failure.occurrences)).collect()
}

const NONE: Option<f64> = None;

#[test]
fn jmeter_csv_with_a_header() {
    let jtl = "timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,failureMessage,bytes,\
               sentBytes,grpThreads,allThreads,URL,Latency,IdleTime,Connect\n\
               1700000000000,40,GET /home,200,OK,G 1-1,text,true,,900,100,2,2,http://a.example/home,38,0,2\n\
               1700000000900,60,GET /home,200,OK,G 1-1,text,true,,900,100,3,3,http://a.example/home,38,0,2\n\
               1700000001800,200,POST /cart,500,Server Error,G 1-2,text,false,\"expected, but\nnot found\",90,100,2,2,http://a.example/cart,199,0,2\n\
               1700000000000,300,Checkout,200,\"Number of samples in transaction : 2, number of failing samples : 0\",G 1-1,,true,,0,0,2,2,null,0,0,0\n";
    let test = test(jtl);
    // 2 s from the first begin to the last end.
    assert_summary(
        &test,
        Kind::Jmeter,
        (
            [Some(3), Some(1)],
            [Some(100.0), Some(40.0), Some(200.0), Some((15_200.0_f64 / 3.0).sqrt())],
            [Some(60.0), Some(200.0), Some(200.0)],
            Some(1.5),
        ),
    );
    assert_eq!(endpoint(&test, "GET /home").avg_response_time, Some(50.0));
    assert_eq!(endpoint(&test, "Checkout").total_requests, Some(1), "a transaction is an endpoint");
    assert!(test.notes[0].contains("transaction controllers (`Checkout`)"), "{:?}", test.notes);
    assert_eq!(failures(&test), [("500 Server Error", 1)]);
    assert_eq!((test.timing.peak_users, test.timing.duration_s), (Some(3), Some(2.0)));
    assert_eq!(test.timing.started_at.as_deref(), Some("2023-11-14T22:13:20Z"));
    assert_eq!(test.course.iter().map(|interval| interval.rps * interval.length_s).sum::<f64>().round(), 3.0);
}

#[test]
fn jmeter_csv_without_a_header_and_with_other_delimiters() {
    for delimiter in [",", ";", "\t"] {
        let line = |at: u64, elapsed: u64, ok: bool| {
            let values = format!("{at},{elapsed},Home,200,OK,G 1-1,text,{ok},,9,9,1,1,null,1,0,1");
            values.replace(',', delimiter) + "\r\n"
        };
        let test = test(line(1_700_000_000_000, 10, true) + &line(1_700_000_000_980, 20, false));
        assert_summary(
            &test,
            Kind::Jmeter,
            (
                [Some(2), Some(1)],
                [Some(15.0), Some(10.0), Some(20.0), Some(5.0)],
                [Some(10.0), Some(20.0), Some(20.0)],
                Some(2.0),
            ),
        );
    }
}

#[test]
fn jmeter_xml_counts_samples_within_a_sample_once() {
    let xml = r#"<?xml version="1.0" encoding="UTF-8"?>
<testResults version="1.2">
<httpSample t="40" it="0" lt="38" ts="1700000000000" s="true" lb="Home &amp; more" rc="200" rm="OK" tn="G 1-1" by="9" ng="1" na="4">
  <httpSample t="7" ts="1700000000010" s="false" lb="logo.png" rc="404" rm="Not Found"/>
  <method class="java.lang.String">GET</method>
</httpSample>
<sample t="80" ts="1700000000120" s="false" lb="Query" rc="500" rm="Broken" na="4"/>
</testResults>"#;
    let test = test(xml);
    assert_summary(
        &test,
        Kind::Jmeter,
        (
            [Some(2), Some(1)],
            [Some(60.0), Some(40.0), Some(80.0), Some(20.0)],
            [Some(40.0), Some(80.0), Some(80.0)],
            Some(10.0),
        ),
    );
    assert_eq!(endpoint(&test, "GET Home & more").total_requests, Some(1));
    assert_eq!((failures(&test), test.timing.peak_users), (vec![("500 Broken", 1)], Some(4)));
}

#[test]
fn wrk_text() {
    let text = "Running 10s test @ http://127.0.0.1:8080/
  2 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.20ms  870.00us  20.00ms   90.00%
    Req/Sec    12.00k     1.00k   14.00k    70.00%
  Latency Distribution
     50%  900.00us
     75%    1.40ms
     90%    2.00ms
     99%    1.05s
  2000 requests in 1.00m, 30.00MB read
  Socket errors: connect 10, read 5, write 1, timeout 4
  Non-2xx or 3xx responses: 20
Requests/sec:     33.33
Transfer/sec:      3.00MB
";
    let test = test(text);
    assert_summary(
        &test,
        Kind::Wrk,
        (
            [Some(2016), Some(40)],
            [Some(1.2), NONE, Some(20.0), Some(0.87)],
            [Some(0.9), NONE, Some(1050.0)],
            Some(33.33),
        ),
    );
    assert_eq!((test.timing.duration_s, test.timing.peak_users), (Some(60.0), Some(32)));
    assert!(test.missing.contains(&"p95".to_owned()) && test.notes[0].contains("no p95"), "{test:?}");
}

#[test]
fn wrk2_text_has_the_whole_spectrum() {
    let text = "Running 10s test @ http://127.0.0.1:8080/
  2 threads and 10 connections
  Thread calibration: mean lat.: 1.1ms, rate sampling interval: 10ms
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.30ms    0.60ms   9.00ms   70.00%
    Req/Sec     1.05k   100.00     2.00k    70.00%
  Latency Distribution (HdrHistogram - Recorded Latency)
 50.000%    1.20ms
 75.000%    1.50ms
 99.000%    3.10ms
100.000%    9.01ms

  Detailed Percentile spectrum:
       Value   Percentile   TotalCount 1/(1-Percentile)

       0.110     0.000000            1         1.00
       1.200     0.500000         5000         2.00
       2.250     0.950000         9500        20.00
       3.100     0.990625         9907       106.67
       9.007     1.000000        10000          inf
#[Mean    =        1.305, StdDeviation   =        0.602]
#[Max     =        9.000, Total count    =        10000]
  Latency Distribution (HdrHistogram - Uncorrected Latency (measured without taking delayed starts into account))
 50.000%    0.20ms
 99.000%    0.30ms
  Detailed Percentile spectrum:
       0.010     0.000000            1         1.00
#[Mean    =        0.205, StdDeviation   =        0.002]
  10000 requests in 10.00s, 8.00MB read
Requests/sec:   1000.00
";
    assert_summary(
        &test(text),
        Kind::Wrk,
        (
            [Some(10_000), Some(0)],
            [Some(1.305), Some(0.11), Some(9.0), Some(0.602)],
            [Some(1.2), Some(2.25), Some(3.1)],
            Some(1000.0),
        ),
    );
}

#[test]
fn hey_text() {
    let text = "
Summary:
  Total:\t2.0000 secs
  Slowest:\t0.0980 secs
  Fastest:\t0.0010 secs
  Average:\t0.0030 secs
  Requests/sec:\t105.0000

  Total data:\t122400 bytes
  Size/request:\t612 bytes

Response time histogram:
  0.001 [1]\t|
  0.098 [199]\t|■■■

Latency distribution:
  50% in 0.0021 secs
  95% in 0.0500 secs
  99% in 0.0900 secs

Details (average, fastest, slowest):
  DNS+dialup:\t0.0010 secs, 0.0010 secs, 0.0098 secs

Status code distribution:
  [200]\t190 responses
  [503]\t10 responses

Error distribution:
  [10]\tGet \"http://a.example/\": dial tcp: connection refused
";
    let test = test(text);
    assert_summary(
        &test,
        Kind::Hey,
        (
            [Some(210), Some(20)],
            [Some(3.0), Some(1.0), Some(98.0), NONE],
            [Some(2.1), Some(50.0), Some(90.0)],
            Some(105.0),
        ),
    );
    assert_eq!(test.timing.duration_s, Some(2.0));
    assert_eq!(failures(&test)[0], ("status 503", 10));
}

#[test]
fn hey_csv_and_oha_csv_list_requests() {
    let hey = "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset\n\
               0.0200,0.0010,0.0000,0.0000,0.0010,0.0000,200,0.0000\n\
               0.0400,0.0000,0.0000,0.0000,0.0010,0.0000,500,0.9600\n";
    let row: Row = (
        [Some(2), Some(1)],
        [Some(30.0), Some(20.0), Some(40.0), Some(10.0)],
        [Some(20.0), Some(40.0), Some(40.0)],
        Some(2.0),
    );
    assert_summary(&test(hey), Kind::Hey, row);
    let oha = "request-start,DNS,DNS+dialup,Response-delay,request-duration,bytes,status\n\
               0,0.1,0.1,0.1,0.02,2,200\n0.96,0.1,0.1,0.1,0.04,2,404\n";
    assert_summary(&test(oha), Kind::Oha, row);
}

#[test]
fn oha_text_has_a_unit_with_each_time() {
    let text = "Summary:
  Success rate:\t100.00%
  Total:\t2.0000 sec
  Slowest:\t1.2000 sec
  Fastest:\t31.4000 µs
  Average:\t0.0787 ms
  Requests/sec:\t100.0000

Response time distribution:
  50.00% in 0.0639 ms
  95.00% in 0.1065 ms
  99.00% in 1.2294 ms

Status code distribution:
  [200] 190 responses
  [404] 10 responses

Error distribution:
  [7] aborted due to deadline
  [3] connection refused
";
    let test = test(text);
    assert_summary(
        &test,
        Kind::Oha,
        (
            [Some(203), Some(13)],
            [Some(0.0787), Some(0.0314), Some(1200.0), NONE],
            [Some(0.0639), Some(0.1065), Some(1.2294)],
            Some(100.0),
        ),
    );
    assert!(test.notes[0].starts_with("7 requests were in flight"), "{:?}", test.notes);
}

#[test]
fn oha_without_a_reply_has_no_times() {
    let text = "Summary:
  Success rate:\t0.00%
  Total:\t11686249.0000 ns
  Slowest:\t-inf ns
  Fastest:\tinf ns
  Average:\tNaN ns
  Requests/sec:\t1711.4131

Response time distribution:
  95.00% in NaN ns

Status code distribution:

Error distribution:
  [20] Connection refused (os error 111)
";
    assert_summary(&test(text), Kind::Oha, ([Some(20), Some(20)], [NONE; 4], [NONE; 3], Some(1711.4131)));
}

#[test]
fn ab_text() {
    let text = "This is ApacheBench, Version 2.3
Server Software:        nginx
Document Path:          /
Concurrency Level:      10
Time taken for tests:   0.500 seconds
Complete requests:      100
Failed requests:        5
   (Connect: 1, Receive: 1, Length: 3, Exceptions: 0)
Non-2xx responses:      4
Total transferred:      10000 bytes
Requests per second:    200.00 [#/sec] (mean)
Time per request:       50.000 [ms] (mean)
Time per request:       5.000 [ms] (mean, across all concurrent requests)

Connection Times (ms)
              min  mean[+/-sd] median   max
Connect:        0    0   0.1      0       1
Processing:     1    5   2.0      4      20
Waiting:        0    4   1.8      4      19
Total:          1    6   2.1      5      21

Percentage of the requests served within a certain time (ms)
  50%      5
  95%     12
  99%     19
 100%     21 (longest request)
";
    let test = test(text);
    assert_summary(
        &test,
        Kind::Ab,
        (
            [Some(100), Some(6)],
            [Some(6.0), Some(1.0), Some(21.0), Some(2.1)],
            [Some(5.0), Some(12.0), Some(19.0)],
            Some(200.0),
        ),
    );
    assert_eq!((test.timing.duration_s, test.timing.peak_users), (Some(0.5), Some(10)));
    assert!(test.notes[0].starts_with("3 replies differ in length"), "{:?}", test.notes);
}

#[test]
fn ab_percentiles_and_list_of_requests() {
    let percentiles = "Percentage served,Time in ms\n0,1.000\n50,2.500\n95,9.000\n99,12.250\n100,14.000\n";
    assert_summary(
        &test(percentiles),
        Kind::Ab,
        ([None, None], [NONE, Some(1.0), Some(14.0), NONE], [Some(2.5), Some(9.0), Some(12.25)], NONE),
    );
    let list = "starttime\tseconds\tctime\tdtime\tttime\twait\n\
                Mon Nov 30 10:00:00 2026\t1796032800\t0\t5\t5\t4\n\
                Mon Nov 30 10:00:01 2026\t1796032801\t0\t15\t15\t4\n";
    assert_summary(
        &test(list),
        Kind::Ab,
        (
            [Some(2), None],
            [Some(10.0), Some(5.0), Some(15.0), Some(5.0)],
            [Some(5.0), Some(15.0), Some(15.0)],
            NONE,
        ),
    );
}

#[test]
fn vegeta_json_report_is_in_nanoseconds() {
    let report = r#"{"latencies":{"total":3093920,"mean":30939,"50th":30000,"90th":41000,"95th":52000,"99th":90000,
        "max":99000,"min":20000},"bytes_in":{"total":300,"mean":3},"earliest":"2026-11-29T10:00:00.125Z",
        "duration":10000000000,"wait":5000000,"requests":100,"rate":10,"throughput":9.9,"success":0.98,
        "status_codes":{"0":1,"200":98,"500":1},"errors":["500 Internal Server Error"]}"#;
    let test = test(report);
    assert_summary(
        &test,
        Kind::Vegeta,
        (
            [Some(100), Some(2)],
            [Some(0.030939), Some(0.02), Some(0.099), NONE],
            [Some(0.03), Some(0.052), Some(0.09)],
            Some(10.0),
        ),
    );
    assert_eq!(test.timing.duration_s, Some(10.0));
    assert_eq!(failures(&test), [("no reply", 1), ("status 500", 1)]);
    assert!(test.notes[0].contains("500 Internal Server Error"), "{:?}", test.notes);
}

#[test]
fn vegeta_text_report_of_new_and_of_old_versions() {
    let new = "Requests      [total, rate, throughput]         1200, 120.00, 65.87
Duration      [total, attack, wait]             10.094965987s, 9.949883921s, 145.082066ms
Latencies     [min, mean, 50, 90, 95, 99, max]  90.438129ms, 113.172398ms, 108.272568ms, 140.18235ms, 247.771566ms, 264.815246ms, 1m0.5s
Bytes In      [total, mean]                     3714690, 3095.57
Success       [ratio]                           55.42%
Status Codes  [code:count]                      0:535  200:665
Error Set:
Get http://a.example: dial tcp: connection refused
";
    let found = test(new);
    assert_summary(
        &found,
        Kind::Vegeta,
        (
            [Some(1200), Some(535)],
            [Some(113.172398), Some(90.438129), Some(60_500.0), NONE],
            [Some(108.272568), Some(247.771566), Some(264.815246)],
            Some(120.0),
        ),
    );
    assert!(found.notes[0].contains("connection refused"), "{:?}", found.notes);
    let old = "Requests\t[total, rate]\t\t100, 50.00
Duration\t[total, attack, wait]\t2s, 1.9s, 100ms
Latencies\t[mean, 50, 95, 99, max]\t2ms, 1.5ms, 900µs, 3ms, 4ms
Success\t[ratio]\t100.00%
Status Codes\t[code:count]\t200:100
";
    let old = old.replace('\t', "  ");
    assert_summary(
        &test(old),
        Kind::Vegeta,
        (
            [Some(100), Some(0)],
            [Some(2.0), NONE, Some(4.0), NONE],
            [Some(1.5), Some(0.9), Some(3.0)],
            Some(50.0),
        ),
    );
}

#[test]
fn vegeta_histogram_has_requests_and_no_latency() {
    let text = "Bucket         #     %       Histogram\n[0s,     2ms]  6007  60.07%  ####\n[2ms,    +Inf] 3993  39.93%  ###\n";
    assert_summary(&test(text), Kind::Vegeta, ([Some(10_000), None], [NONE; 4], [NONE; 3], NONE));
}

#[test]
fn vegeta_results_as_json_and_csv() {
    let json = r#"{"attack":"","seq":0,"code":200,"timestamp":"2026-11-29T10:00:00Z","latency":20000000,"bytes_out":0,"bytes_in":2,"error":"","body":"b2s=","method":"GET","url":"http://a.example/a?x=1","headers":{}}
{"attack":"","seq":1,"code":500,"timestamp":"2026-11-29T10:00:00.96Z","latency":40000000,"bytes_out":0,"bytes_in":2,"error":"500 Internal Server Error","body":"","method":"POST","url":"http://a.example/b","headers":{}}
"#;
    let row: Row = (
        [Some(2), Some(1)],
        [Some(30.0), Some(20.0), Some(40.0), Some(10.0)],
        [Some(20.0), Some(40.0), Some(40.0)],
        Some(2.0),
    );
    let found = test(json);
    assert_summary(&found, Kind::Vegeta, row);
    assert_eq!(endpoint(&found, "GET /a").avg_response_time, Some(20.0));
    assert_eq!(found.timing.started_at.as_deref(), Some("2026-11-29T10:00:00Z"));
    let csv = "1796032800000000000,200,20000000,0,2,,b2s=,,0,GET,http://a.example/a?x=1,\n\
               1796032800960000000,500,40000000,0,2,500 Internal Server Error,,,1,POST,http://a.example/b,\n";
    let found = test(csv);
    assert_summary(&found, Kind::Vegeta, row);
    assert_eq!(failures(&found), [("500 Internal Server Error", 1)]);
}

#[test]
fn bombardier_json_is_in_microseconds_and_its_text_has_units() {
    let json = r#"{"spec":{"numberOfConnections":100,"url":"http://a.example/"},"result":{"bytesRead":2231,
        "timeTakenSeconds":10.25,"req1xx":0,"req2xx":9900,"req3xx":0,"req4xx":50,"req5xx":40,"others":10,
        "latency":{"mean":9746.5,"stddev":2822.5,"max":63193,"percentiles":{"50":5613,"95":26096,"99":28095}},
        "rps":{"mean":975.6,"stddev":83.4,"max":1544.4}}}"#;
    let found = test(json);
    assert_summary(
        &found,
        Kind::Bombardier,
        (
            [Some(10_000), Some(100)],
            [Some(9.7465), NONE, Some(63.193), Some(2.8225)],
            [Some(5.613), Some(26.096), Some(28.095)],
            Some(10_000.0 / 10.25),
        ),
    );
    assert_eq!(found.timing.peak_users, Some(100));
    let text = "Bombarding http://a.example:80/ for 10s using 125 connection(s)
[=====] 10s
Done!
Statistics        Avg      Stdev        Max
  Reqs/sec       980.50     300.10    1200.10
  Latency        2.50ms   870.00us      1.20s
  Latency Distribution
     50%     2.20ms
     75%     2.90ms
     95%     4.50ms
     99%     9.00ms
  HTTP codes:
    1xx - 0, 2xx - 9800, 3xx - 0, 4xx - 3, 5xx - 2
    others - 5
  Errors:
    dial tcp 127.0.0.1:80: connect: connection refused - 5
  Throughput:    10.00MB/s
";
    let found = test(text);
    assert_summary(
        &found,
        Kind::Bombardier,
        (
            [Some(9810), Some(10)],
            [Some(2.5), NONE, Some(1200.0), Some(0.87)],
            [Some(2.2), Some(4.5), Some(9.0)],
            Some(980.5),
        ),
    );
    assert_eq!((found.timing.duration_s, found.timing.peak_users), (Some(10.0), Some(125)));
}

#[test]
fn autocannon_json_has_no_p95_unless_it_has() {
    let json = r#"{"url":"http://a.example","connections":10,"duration":10.02,"start":"2026-11-29T10:00:00.125Z",
        "errors":3,"timeouts":2,"mismatches":0,"non2xx":7,"requests":{"average":1200,"total":12000,"sent":12010},
        "latency":{"average":0.9,"mean":0.9,"stddev":0.4,"min":0,"max":40,"p50":1,"p97_5":3,"p99":5}}"#;
    let test = test(json);
    assert_summary(
        &test,
        Kind::Autocannon,
        (
            [Some(12_003), Some(10)],
            [Some(0.9), Some(0.0), Some(40.0), Some(0.4)],
            [Some(1.0), NONE, Some(5.0)],
            Some(1200.0),
        ),
    );
    assert!(test.notes[0].contains("p97.5 is 3 ms"), "{:?}", test.notes);
    assert_eq!((test.timing.duration_s, test.timing.peak_users), (Some(10.02), Some(10)));
    let with_p95 = json.replace("\"p97_5\"", "\"p95\"");
    assert_eq!(self::test(with_p95).summary.p95, Some(3.0));
}

#[test]
fn fortio_json_is_in_seconds() {
    let json = r#"{"RunType":"HTTP","StartTime":"2026-11-29T10:00:00.125Z","RequestedQPS":"8","ActualQPS":7.9,
        "ActualDuration":5000000000,"NumThreads":4,"DurationHistogram":{"Count":40,"Min":0.001,"Max":0.02,"Sum":0.1,
        "Avg":0.0025,"StdDev":0.0005,"Percentiles":[{"Percentile":50,"Value":0.002},{"Percentile":95,"Value":0.01},
        {"Percentile":99,"Value":0.015}]},"RetCodes":{"-1":1,"200":38,"503":1}}"#;
    let test = test(json);
    assert_summary(
        &test,
        Kind::Fortio,
        (
            [Some(40), Some(2)],
            [Some(2.5), Some(1.0), Some(20.0), Some(0.5)],
            [Some(2.0), Some(10.0), Some(15.0)],
            Some(7.9),
        ),
    );
    assert_eq!((test.timing.duration_s, test.timing.peak_users), (Some(5.0), Some(4)));
    assert_eq!(failures(&test), [("no reply", 1), ("status 503", 1)]);
}

#[test]
fn nighthawk_json_has_durations_as_texts() {
    let json = r#"{"options":{},"results":[{"name":"worker_0","statistics":[],"counters":[]},{"name":"global","statistics":[
        {"id":"benchmark_http_client.request_to_response","count":"100","mean":"0.002500s","pstdev":"0.0005s",
         "percentiles":[{"percentile":0,"duration":"0.001s","count":"1"},{"percentile":0.5,"duration":"0.002s","count":"50"},
         {"percentile":0.95,"duration":"0.010s","count":"95"},{"percentile":0.990625,"duration":"0.015s","count":"100"}],
         "min":"0.001s","max":"0.020s"}],
        "counters":[{"name":"benchmark.http_2xx","value":"96"},{"name":"benchmark.http_5xx","value":"3"},
         {"name":"benchmark.stream_resets","value":"1"},{"name":"benchmark.pool_overflow","value":"5"}],
        "execution_duration":"10s","execution_start":"2026-11-29T10:00:00Z"}]}"#;
    let test = test(json);
    assert_summary(
        &test,
        Kind::Nighthawk,
        (
            [Some(100), Some(4)],
            [Some(2.5), Some(1.0), Some(20.0), Some(0.5)],
            [Some(2.0), Some(10.0), Some(15.0)],
            Some(10.0),
        ),
    );
    assert!(test.notes[0].starts_with("5 requests found no room"), "{:?}", test.notes);
}

#[test]
fn artillery_json_of_both_versions() {
    let second = r#"{"aggregate":{"counters":{"http.requests":100,"http.codes.200":95,"http.codes.500":2,
        "errors.ECONNREFUSED":3,"plugins.metrics-by-endpoint./a.codes.200":95,
        "plugins.metrics-by-endpoint./a.codes.500":2},"rates":{"http.request_rate":10},
        "firstCounterAt":1700000000000,"lastCounterAt":1700000009000,
        "summaries":{"http.response_time":{"min":1,"max":99,"count":97,"mean":12.5,"p50":10,"median":10,"p95":40,"p99":90},
        "plugins.metrics-by-endpoint.response_time./a":{"min":1,"max":99,"count":97,"p50":9,"p95":41,"p99":91}}},
        "intermediate":[{"counters":{"http.codes.200":50},"period":"1700000000000","summaries":{"http.response_time":{"p95":30}}},
        {"counters":{"http.codes.200":45,"http.codes.500":2,"errors.ECONNREFUSED":3},"period":"1700000010000"}]}"#;
    let found = test(second);
    assert_summary(
        &found,
        Kind::Artillery,
        (
            [Some(100), Some(5)],
            [Some(12.5), Some(1.0), Some(99.0), NONE],
            [Some(10.0), Some(40.0), Some(90.0)],
            Some(10.0),
        ),
    );
    assert_stats(
        endpoint(&found, "/a"),
        [Some(97), Some(2)],
        [NONE, Some(1.0), Some(99.0), NONE],
        [Some(9.0), Some(41.0), Some(91.0)],
    );
    assert_eq!(found.timing.duration_s, Some(9.0));
    let course: Vec<_> =
        found.course.iter().map(|one| (one.at_s, one.rps, one.failures_rps, one.p95_ms)).collect();
    assert_eq!(course, [(0.0, 5.0, 0.0, Some(30.0)), (10.0, 5.0, 0.5, None)]);
    let first = r#"{"aggregate":{"timestamp":"2020-01-01T00:00:00.000Z","requestsCompleted":98,"codes":{"200":96,"404":2},
        "errors":{"ETIMEDOUT":2},"latency":{"min":1.5,"max":99,"median":10,"p95":40,"p99":90},"rps":{"count":100,"mean":9.8}}}"#;
    assert_summary(
        &test(first),
        Kind::Artillery,
        (
            [Some(100), Some(4)],
            [NONE, Some(1.5), Some(99.0), NONE],
            [Some(10.0), Some(40.0), Some(90.0)],
            Some(9.8),
        ),
    );
}

#[test]
fn gatling_stats_with_groups() {
    let stats = |requests: u64, failed: u64, p95: u64| {
        format!(
            r#"{{"name":"x","numberOfRequests":{{"total":{requests},"ok":{},"ko":{failed}}},
            "minResponseTime":{{"total":1,"ok":1,"ko":5}},"maxResponseTime":{{"total":99,"ok":1,"ko":5}},
            "meanResponseTime":{{"total":12,"ok":1,"ko":5}},"standardDeviation":{{"total":4,"ok":1,"ko":5}},
            "percentiles1":{{"total":10}},"percentiles2":{{"total":20}},"percentiles3":{{"total":{p95}}},
            "percentiles4":{{"total":90,"ok":1,"ko":"-"}},"meanNumberOfRequestsPerSecond":{{"total":10.5,"ok":9,"ko":1}}}}"#,
            requests - failed
        )
    };
    let report = format!(
        r#"{{"type":"GROUP","name":"All Requests","path":"","stats":{},"contents":{{
        "a":{{"type":"REQUEST","name":"GET /a","stats":{}}},
        "g":{{"type":"GROUP","name":"shop","stats":{},"contents":{{"b":{{"type":"REQUEST","name":"b","stats":{}}}}}}}}}}}"#,
        stats(100, 2, 40),
        stats(60, 0, 30),
        stats(40, 2, 50),
        stats(40, 2, 50)
    );
    let row: Row = (
        [Some(100), Some(2)],
        [Some(12.0), Some(1.0), Some(99.0), Some(4.0)],
        [Some(10.0), Some(40.0), Some(90.0)],
        Some(10.5),
    );
    let found = test(report);
    assert_summary(&found, Kind::Gatling, row);
    assert_eq!((endpoint(&found, "GET /a").p95, endpoint(&found, "shop / b").p95), (Some(30.0), Some(50.0)));
    assert_eq!(found.endpoints.len(), 2, "a group is not an endpoint");
    assert_summary(&test(stats(100, 2, 40)), Kind::Gatling, row);
}

#[test]
fn gatling_logs_of_several_versions() {
    let logs = [
        "RUN\tsim.Basic\tbasic\t1700000000000\t \t3.9.5\nUSER\tS\tSTART\t1700000000000\n\
         REQUEST\tshop\tGET /a\t1700000000000\t1700000000020\tOK\t \n\
         REQUEST\tshop\tGET /b\t1700000000960\t1700000001000\tKO\tstatus.find.is(200), found 500\n",
        "RUN\tsim.Basic\tbasic\t1700000000000\t \t3.2.1\nREQUEST\t1\tshop\tGET /a\t1700000000000\t1700000000020\tOK\t \n\
         REQUEST\t2\tshop\tGET /b\t1700000000960\t1700000001000\tKO\tstatus.find.is(200), found 500\n",
    ];
    for log in logs {
        let test = test(log);
        assert_summary(
            &test,
            Kind::Gatling,
            (
                [Some(2), Some(1)],
                [Some(30.0), Some(20.0), Some(40.0), Some(10.0)],
                [Some(20.0), Some(40.0), Some(40.0)],
                Some(2.0),
            ),
        );
        assert_eq!(endpoint(&test, "shop / GET /a").total_requests, Some(1));
        assert_eq!(failures(&test), [("status.find.is(200), found 500", 1)]);
    }
}

#[test]
fn k6_points_as_csv_and_json() {
    let csv = "metric_name,timestamp,metric_value,check,error,error_code,expected_response,group,method,name,proto,scenario,service,status,subproto,tls_version,url,extra_tags,metadata\n\
        vus,1700000000,7.000000,,,,,,,,,,,,,,,,\n\
        http_reqs,1700000001,1.000000,,,,true,,GET,http://a.example/api/v1/item?x=1,HTTP/1.1,default,,200,,,http://a.example/api/v1/item?x=1,,\n\
        http_req_duration,1700000001,20.000000,,,,true,,GET,http://a.example/api/v1/item?x=1,HTTP/1.1,default,,200,,,http://a.example/api/v1/item?x=1,,\n\
        http_req_waiting,1700000001,19.000000,,,,true,,GET,x,HTTP/1.1,default,,200,,,x,,\n\
        checks,1700000001,1.000000,is 200,,,,,,,,,,,,,,,\n\
        http_req_duration,1700000002,40.000000,,,1500,false,,POST,login,HTTP/1.1,default,,500,,,http://a.example/login,,\n\
        checks,1700000002,0.000000,is 200,,,,,,,,,,,,,,,\n";
    let row: Row = (
        [Some(2), Some(1)],
        [Some(30.0), Some(20.0), Some(40.0), Some(10.0)],
        [Some(20.0), Some(40.0), Some(40.0)],
        Some(1.0),
    );
    let found = test(csv);
    assert_summary(&found, Kind::K6, row);
    assert_eq!(endpoint(&found, "GET /api/v1/item").p95, Some(20.0));
    assert_eq!(endpoint(&found, "POST login").total_failures, Some(1));
    assert_eq!((found.timing.peak_users, found.timing.duration_s), (Some(7), Some(2.0)));
    let check = &found.checks[0];
    assert_eq!((check.name.as_str(), check.passes, check.fails), ("is 200", 1, 1));
    let point = |metric: &str, time: &str, value: f64, tags: &str| {
        format!(
            r#"{{"type":"Point","metric":"{metric}","data":{{"time":"2026-11-29T10:00:{time}Z","value":{value},"tags":{{{tags}}}}}}}"#
        ) + "\n"
    };
    let get = r#""method":"GET","name":"http://a.example/a","url":"http://a.example/a","status":"200","expected_response":"true""#;
    let post = r#""method":"POST","name":"http://a.example/b","status":"500","expected_response":"false","error_code":"1500""#;
    let json = r#"{"type":"Metric","data":{"name":"vus","type":"gauge","contains":"default","thresholds":[],"submetrics":null},"metric":"vus"}"#
        .to_owned()
        + "\n"
        + &point("vus", "00", 7.0, "")
        + &point("http_req_duration", "01.5", 20.0, get)
        + &point("http_req_duration", "02", 40.0, post)
        + r#"{"type":"Point","metric":"http_req_du"#;
    let found = test(json);
    assert_summary(&found, Kind::K6, row);
    assert_eq!(failures(&found), [("status 500", 1)]);
    assert!(found.notes[0].contains("cut off"), "{:?}", found.notes);
}
