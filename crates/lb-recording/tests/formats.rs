//! Every format comes to the same two requests, with all that it says about them.

use lb_core::Span;
use lb_recording::{Attempt, Entries, Entry, ReadOptions, RecordingFormat, read};
use std::sync::Arc;

/// Reads a recording as the format that its content suggests.
fn entries(text: &str) -> Vec<Entry> {
    with(text, ReadOptions::default())
}

fn with(text: &str, options: ReadOptions) -> Vec<Entry> {
    Entries::read("t", text.as_bytes(), options).unwrap_or_else(|error| panic!("{text}: {error}")).collect()
}

fn format(text: &str) -> RecordingFormat {
    read("t", text.as_bytes(), ReadOptions { rate: Some(1.0), ..ReadOptions::default() })
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .format
}

/// Milliseconds from the first entry.
fn offsets(entries: &[Entry]) -> Vec<i128> {
    let first = entries[0].at.expect("a time");
    entries.iter().map(|entry| (entry.at.expect("a time") - first) / 1_000_000).collect()
}

fn ms(ms: u64) -> Option<Span> {
    Some(Span::from_millis(ms))
}

/// 2024-10-10 13:55:36 UTC, in milliseconds.
const BEGIN: i128 = 1_728_568_536_000;

fn at(entry: &Entry) -> i128 {
    entry.at.expect("a time") / 1_000_000 - BEGIN
}

/// Two lines with `/a` and `/b`, two seconds apart.
fn two(line: impl Fn(&str, u32) -> String) -> String {
    format!("{}\n{}\n", line("/a", 36), line("/b", 38))
}

#[test]
fn access_logs_are_read_in_every_common_shape() {
    type Line = fn(&str, u32) -> String;
    let lines: [(&str, Line); 16] = [
        ("common", |p, s| {
            format!(r#"10.0.0.9 - ada [10/Oct/2024:13:55:{s} +0000] "GET {p} HTTP/1.1" 200 512"#)
        }),
        ("combined", |p, s| {
            format!(r#"10.0.0.9 - - [10/Oct/2024:13:55:{s} +0000] "GET {p} HTTP/1.1" 200 512 "-" "app/1""#)
        }),
        ("virtual host and port first", |p, s| {
            format!(
                r#"shop.example:80 10.0.0.9 - - [10/Oct/2024:13:55:{s} +0000] "GET {p} HTTP/1.1" 200 512 "-" "app/1""#
            )
        }),
        ("host first, client by name", |p, s| {
            format!(r#"shop.example pc.example - - [10/Oct/2024:13:55:{s} +0000] "GET {p} HTTP/1.1" 200 512"#)
        }),
        ("trailing fields", |p, s| {
            format!(
                r#"10.0.0.9 - - [10/Oct/2024:13:55:{s} +0000] "GET {p} HTTP/1.1" 200 512 "-" "app/1" 0.004 extra"#
            )
        }),
        ("address in brackets", |p, s| {
            format!(
                r#"10.0.0.9 - [10.0.0.9] - - [10/Oct/2024:13:55:{s} +0000] "GET {p} HTTP/2.0" 200 512 "-" "app/1""#
            )
        }),
        ("IPv6 with a port", |p, s| {
            format!(
                r#"[2001:db8::7]:5211 - - [10/Oct/2024:13:55:{s} +0000] "GET {p} HTTP/2.0" 200 512 "-" "app/1""#
            )
        }),
        ("ISO time", |p, s| {
            format!(r#"10.0.0.9 - - [2024-10-10T13:55:{s}+00:00] "GET {p} HTTP/1.1" 200 512"#)
        }),
        ("Unix time", |p, s| format!(r#"10.0.0.9 - - [17285685{s}.000] "GET {p} HTTP/1.1" 200 512"#)),
        ("fraction", |p, s| {
            format!(r#"10.0.0.9 - - [10/Oct/2024:13:55:{s}.000 +0000] "GET {p} HTTP/1.1" 200 512"#)
        }),
        ("Python", |p, s| format!(r#"10.0.0.9 - - [10/Oct/2024 13:55:{s}] "GET {p} HTTP/1.1" 200 -"#)),
        ("Django", |p, s| format!(r#"[10/Oct/2024 13:55:{s}] "GET {p} HTTP/1.1" 200 512"#)),
        ("syslog", |p, s| {
            format!(
                r#"<190>Oct 10 13:55:{s} edge nginx: 10.0.0.9 - - [10/Oct/2024:13:55:{s} +0000] "GET {p} HTTP/1.1" 200 512"#
            )
        }),
        ("HTTP/0.9", |p, s| format!(r#"10.0.0.9 - - [10/Oct/2024:13:55:{s} +0000] "GET {p}" 200 512"#)),
        ("time first", |p, s| format!(r#"2024-10-10T13:55:{s}Z 10.0.0.9 "GET {p} HTTP/1.1" 200 512"#)),
        ("other zone", |p, s| {
            format!(r#"10.0.0.9 - - [10/Oct/2024:15:55:{s} +0200] "GET {p} HTTP/1.1" 200 512"#)
        }),
    ];
    for (name, line) in lines {
        let text = two(line);
        let read = entries(&text);
        assert_eq!(format(&text), RecordingFormat::AccessLog, "{name}");
        assert_eq!((read.len(), offsets(&read)), (2, vec![0, 2000]), "{name}");
        let targets: Vec<&str> = read.iter().map(|entry| entry.target.as_str()).collect();
        assert_eq!(targets, ["/a", "/b"], "{name}");
        assert!(read.iter().all(|entry| entry.status == Some(200) && entry.method == "GET"), "{name}");
        assert_eq!(
            (at(&read[0]), read[0].line),
            (if name == "Unix time" { at(&read[0]) } else { 0 }, 1),
            "{name}"
        );
    }
    let hosts = entries(&two(lines[2].1));
    assert_eq!(
        (hosts[0].host.as_deref(), hosts[0].client.as_deref()),
        (Some("shop.example:80"), Some("10.0.0.9"))
    );
    let named = entries(&two(lines[3].1));
    assert_eq!(
        (named[0].host.as_deref(), named[0].client.as_deref()),
        (Some("shop.example"), Some("pc.example"))
    );
    assert_eq!(entries(&two(lines[6].1))[0].client.as_deref(), Some("2001:db8::7"));
    let full = entries(&two(lines[0].1));
    assert_eq!((full[0].user.as_deref(), full[0].bytes), (Some("ada"), Some(512)));
    assert_eq!(entries(&two(lines[1].1))[0].user_agent.as_deref(), Some("app/1"));
}

#[test]
fn the_first_address_of_x_forwarded_for_is_the_client() {
    let line = r#"10.0.0.1 - - [10/Oct/2024:13:55:36 +0000] "GET /a HTTP/1.1" 200 5 "-" "app/1" "203.0.113.9, 10.0.0.7""#;
    assert_eq!(entries(line)[0].client.as_deref(), Some("203.0.113.9"));
}

#[test]
fn ingress_nginx_names_its_attempts() {
    let line = r#"10.0.0.9 - - [10/Oct/2024:13:55:36 +0000] "GET /a HTTP/2.0" 200 512 "-" "app/1" 91 0.260 [default-web-80] [] 10.1.0.5:8080, 10.1.0.6:8080 0, 59 0.010, 0.250 502, 200 68fa"#;
    let entry = &entries(line)[0];
    let attempt = |backend: &str, status, whole| Attempt {
        backend: backend.to_owned(),
        status: Some(status),
        whole,
        ..Attempt::default()
    };
    assert_eq!(
        entry.attempts,
        [attempt("10.1.0.5:8080", 502, ms(10)), attempt("10.1.0.6:8080", 200, ms(250))]
    );
    assert_eq!((entry.duration, at(entry)), (ms(260), 0), "whole seconds stay whole");
}

#[test]
fn haproxy_tells_its_timers_and_retries() {
    let line = |prefix: &str, path: &str, rest: &str| {
        format!(r#"{prefix}10.0.0.9:5500 [10/Oct/2024:13:55:36.584] fe be/s1 {rest} "GET {path} HTTP/1.1""#)
    };
    let text = format!(
        "{}\n{}\n{}\n",
        line("Oct 10 13:55:36 edge haproxy[680]: ", "/a", "1/2/3/70/80 200 7456 - - ---- 5/4/0/1/0 0/0"),
        line("", "/b", "0/0/-1/-1/30 503 0 - - SC-- 5/4/0/1/2 0/0 {shop.example|app} {}"),
        line("", "/c", "0/0/1/9/10 200 5 - - ---- 5/4/0/1/+1 0/0"),
    );
    assert_eq!(format(&text), RecordingFormat::Haproxy);
    let read = entries(&text);
    assert_eq!((at(&read[0]), read[0].client.as_deref(), read[0].duration), (584, Some("10.0.0.9"), ms(80)));
    let first = Attempt {
        backend: "s1".to_owned(),
        group: Some("be".to_owned()),
        status: Some(200),
        queued: ms(2),
        connect: ms(3),
        head: ms(70),
        whole: ms(77),
    };
    assert_eq!(read[0].attempts, [first]);
    let backends = |entry: &Entry| -> Vec<(String, Option<u16>)> {
        entry.attempts.iter().map(|one| (one.backend.clone(), one.status)).collect()
    };
    let own = |list: &[(&str, Option<u16>)]| -> Vec<(String, Option<u16>)> {
        list.iter().map(|(name, status)| ((*name).to_owned(), *status)).collect()
    };
    assert_eq!(
        backends(&read[1]),
        own(&[("s1", None), ("s1", None), ("s1", None)]),
        "two retries at the same server"
    );
    assert_eq!(
        backends(&read[2]),
        own(&[("", None), ("s1", Some(200))]),
        "a retry elsewhere, where is not logged"
    );
    let bad = format!(
        "{}{}",
        text,
        r#"10.0.0.9:5500 [10/Oct/2024:13:55:36.584] fe fe/<NOSRV> -1/-1/-1/-1/0 400 0 - - PR-- 5/4/0/0/0 0/0 "<BADREQ>""#
    );
    assert_eq!(entries(&bad).len(), 3);
}

#[test]
fn envoy_and_istio_name_the_upstream_and_its_time() {
    let envoy = r#"[2024-10-10T13:55:36.125Z] "GET /a HTTP/1.1" 200 - 0 89 5 4 "203.0.113.9" "app/1" "id" "shop.example" "10.1.0.5:80"
[2024-10-10T13:55:38.250Z] "GET /b HTTP/1.1" 503 UF 0 91 7 - "-" "app/1" "id" "shop.example" "10.1.0.6:80""#;
    let istio = r#"[2024-10-10T13:55:36.125Z] "GET /a HTTP/1.1" 200 - via_upstream - "-" 0 89 5 4 "203.0.113.9" "app/1" "id" "shop.example" "10.1.0.5:80" outbound|80||shop 10.0.0.1:1 10.0.0.2:2 10.0.0.3:3 - default
[2024-10-10T13:55:38.250Z] "GET /b HTTP/1.1" 503 UF upstream_reset - "-" 0 91 7 - "-" "app/1" "id" "shop.example" "10.1.0.6:80" outbound|80||shop 10.0.0.1:1 10.0.0.2:2 10.0.0.3:3 - default"#;
    for text in [envoy, istio] {
        assert_eq!(format(text), RecordingFormat::Envoy);
        let read = entries(text);
        assert_eq!((at(&read[0]), at(&read[1])), (125, 2250));
        assert_eq!(
            (read[0].host.as_deref(), read[0].client.as_deref()),
            (Some("shop.example"), Some("203.0.113.9"))
        );
        let attempts: Vec<_> = read.iter().flat_map(|entry| &entry.attempts).collect();
        assert_eq!((attempts[0].head, attempts[0].whole, attempts[0].status), (ms(4), ms(5), Some(200)));
        assert_eq!(
            (attempts[1].backend.as_str(), attempts[1].status, read[1].status),
            ("10.1.0.6:80", None, Some(503))
        );
        let unsaid = entries(&text.replace(" 5 4 ", " 5 - "));
        let attempt = &unsaid[0].attempts[0];
        assert_eq!(
            (attempt.head, attempt.status),
            (None, Some(200)),
            "without the service time of the backend"
        );
    }
}

#[test]
fn load_balancers_of_aws_say_when_a_request_came_and_who_served_it() {
    let alb = two(|path, second| {
        format!(
            r#"http 2024-10-10T13:55:{second}.125000Z app/shop/50dc 10.0.0.9:2817 10.0.0.1:80 0.001 0.020 0.003 200 201 34 366 "GET http://shop.example:80{path} HTTP/1.1" "app/1" - - arn:aws:x "Root=1-58" "-" "-" 0 2024-10-10T13:55:{second}.100000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-""#
        )
    });
    let elb = two(|path, second| {
        format!(
            r#"2024-10-10T13:55:{second}.124000Z shop 10.0.0.9:2817 10.0.0.1:80 0.001 0.020 0.003 200 201 34 366 "GET http://shop.example:80{path} HTTP/1.1" "app/1" - -"#
        )
    });
    for text in [alb, elb] {
        assert_eq!(format(&text), RecordingFormat::Elb);
        let read = entries(&text);
        assert_eq!((at(&read[0]), offsets(&read), read[0].target.as_str()), (100, vec![0, 2000], "/a"));
        assert_eq!(read[0].host.as_deref(), Some("shop.example:80"));
        let attempt = Attempt {
            backend: "10.0.0.1:80".to_owned(),
            group: None,
            status: Some(201),
            queued: ms(1),
            connect: None,
            head: ms(20),
            whole: ms(23),
        };
        assert_eq!((&read[0].attempts[..], read[0].duration), (&[attempt][..], ms(24)));
    }
}

#[test]
fn times_at_the_end_become_those_of_the_beginning() {
    let squid = "1728568536.250    125 10.0.0.9 TCP_MISS/200 3853 GET http://wiki.example/a ada DIRECT/203.0.113.1 text/html\n";
    let entry = &entries(squid)[0];
    assert_eq!(
        (format(squid), at(entry), entry.host.as_deref()),
        (RecordingFormat::Squid, 125, Some("wiki.example"))
    );
    assert_eq!(
        (entry.attempts[0].backend.as_str(), entry.status, entry.user.as_deref()),
        ("203.0.113.1", Some(200), Some("ada"))
    );
    let caddy = r#"{"level":"info","ts":1728568536.5,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"10.0.0.1","client_ip":"10.0.0.9","proto":"HTTP/2.0","method":"GET","host":"shop.example","uri":"/a?x=1","headers":{"User-Agent":["app/1"]}},"duration":0.25,"size":12,"status":200}"#;
    let entry = &entries(caddy)[0];
    assert_eq!(
        (at(entry), entry.target.as_str(), entry.client.as_deref()),
        (250, "/a?x=1", Some("10.0.0.9"))
    );
    assert_eq!(
        (entry.host.as_deref(), entry.user_agent.as_deref(), entry.duration),
        (Some("shop.example"), Some("app/1"), ms(250))
    );
}

#[test]
fn json_lines_are_read_by_the_names_that_servers_use() {
    let nginx = two(|path, second| {
        format!(
            r#"{{"time_local":"10/Oct/2024:13:55:{second} +0000","remote_addr":"10.0.0.9","request":"GET {path} HTTP/1.1","status":"200","request_time":"0.012","upstream_addr":"10.0.0.1:80, 10.0.0.2:80","upstream_status":"502, 200","upstream_response_time":"0.002, 0.010"}}"#
        )
    });
    let traefik = two(|path, second| {
        format!(
            r#"{{"ClientAddr":"10.0.0.9:52458","DownstreamStatus":200,"Duration":12000000,"OriginDuration":10000000,"OriginStatus":200,"RetryAttempts":1,"ServiceAddr":"10.0.0.2:80","RequestMethod":"GET","RequestPath":"{path}","RequestHost":"shop.example","StartUTC":"2024-10-10T13:55:{second}.000Z","time":"2024-10-10T13:55:{second}Z"}}"#
        )
    });
    let google = two(|path, second| {
        format!(
            r#"{{"httpRequest":{{"requestMethod":"GET","requestUrl":"https://shop.example{path}","status":200,"userAgent":"app/1","remoteIp":"10.0.0.9","latency":"0.012s"}},"timestamp":"2024-10-10T13:55:{second}Z"}}"#
        )
    });
    let own = two(|path, second| {
        format!(
            r#"{{"level":"info","time":"2024-10-10T13:55:{second}Z","req":{{"method":"GET","url":"{path}","remoteAddress":"10.0.0.9"}},"client_ip":"10.0.0.9","res":{{"statusCode":200}},"responseTime":12}}"#
        )
    });
    for text in [nginx.clone(), traefik.clone(), google, own] {
        assert_eq!(format(&text), RecordingFormat::Json, "{text}");
        let read = entries(&text);
        assert_eq!((read.len(), offsets(&read), read[1].target.as_str()), (2, vec![0, 2000], "/b"), "{text}");
        assert_eq!(
            (read[0].client.as_deref(), read[0].status, read[0].duration),
            (Some("10.0.0.9"), Some(200), ms(12)),
            "{text}"
        );
    }
    for text in [nginx, traefik] {
        let attempts = &entries(&text)[0].attempts;
        assert_eq!(
            (attempts.len(), attempts[1].backend.as_str(), attempts[1].whole),
            (2, "10.0.0.2:80", ms(10))
        );
    }
}

#[test]
fn a_log_within_a_containers_log_takes_its_finer_time() {
    let docker = two(|path, second| {
        format!(
            r#"{{"log":"10.0.0.9 - - [10/Oct/2024:13:55:{second} +0000] \"GET {path} HTTP/1.1\" 200 512 \"-\" \"app/1\"\n","stream":"stdout","time":"2024-10-10T13:55:{second}.125Z"}}"#
        )
    });
    let text = format!(
        "{{\"log\":\"starting\\n\",\"stream\":\"stdout\",\"time\":\"2024-10-10T13:55:30Z\"}}\n{docker}"
    );
    let read = entries(&text);
    assert_eq!((read.len(), at(&read[0]), offsets(&read)), (2, 125, vec![0, 2000]));
    let kubernetes = two(|path, second| {
        format!(
            r#"2024-10-10T13:55:{second}.125Z stdout F 10.0.0.9 - - [10/Oct/2024:13:55:{second} +0000] "GET {path} HTTP/1.1" 200 512"#
        )
    });
    assert_eq!(entries(&kubernetes).len(), 2);
}

#[test]
fn fields_say_where_json_and_columns_hold_what() {
    let fields = |text: &str| ReadOptions {
        fields: Some(Arc::new(text.parse().expect("a map"))),
        ..ReadOptions::default()
    };
    let json = r#"{"when": 1728568536, "what": {"verb": "post", "where": "/a?x=1"}, "took": 0.5}"#;
    let read = with(json, fields("time=when,method=what.verb,path=what.where,duration_s=took"));
    assert_eq!(
        (read[0].method.as_str(), read[0].target.as_str(), read[0].duration, at(&read[0])),
        ("POST", "/a?x=1", ms(500), 0)
    );
    let csv = "when,verb,where\n1728568536,GET,/a\n1728568538,GET,/b\n";
    let read = with(csv, fields("time=when,method=verb,path=where"));
    assert_eq!(offsets(&read), [0, 2000]);
}

#[test]
fn logs_with_named_columns_are_read_by_their_names() {
    let iis = "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status time-taken\n2024-10-10 13:55:36 10.0.0.1 GET /a - 80 - 10.0.0.9 app/1+(x) 200 15\n2024-10-10 13:55:38 10.0.0.1 GET /b x=1 80 - 10.0.0.9 app/1 404 15\n";
    let read = entries(iis);
    assert_eq!(format(iis), RecordingFormat::W3c);
    assert_eq!(
        (offsets(&read), read[1].target.as_str(), read[1].status),
        (vec![0, 2000], "/b?x=1", Some(404))
    );
    assert_eq!(
        (read[0].client.as_deref(), read[0].user_agent.as_deref(), read[0].duration),
        (Some("10.0.0.9"), Some("app/1 (x)"), ms(15))
    );
    let cloudfront = "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status time-taken\n2024-10-10\t13:55:36\tFRA2\t512\t10.0.0.9\tGET\td1.example\t/a\t200\t0.25\n";
    let read = entries(cloudfront);
    assert_eq!(
        (read[0].host.as_deref(), read[0].bytes, read[0].duration),
        (Some("d1.example"), Some(512), ms(250))
    );
}

#[test]
fn amazon_s3_names_the_address_behind_the_time() {
    let line = r#"79a5 bucket [10/Oct/2024:13:55:36 +0000] 10.0.0.9 arn:aws:iam::1:user/ada 3E57 REST.GET.OBJECT a "GET /a?x HTTP/1.1" 200 - 2662992 3462992 70 10 "-" "app/1" -"#;
    let entry = &entries(line)[0];
    assert_eq!(
        (entry.client.as_deref(), entry.target.as_str(), entry.status),
        (Some("10.0.0.9"), "/a?x", Some(200))
    );
    assert_eq!(
        (entry.bytes, entry.duration, entry.user_agent.as_deref()),
        (Some(2_662_992), ms(70), Some("app/1"))
    );
}

#[test]
fn output_of_k6_is_read_as_json_and_as_columns() {
    let json = r#"{"metric":"http_reqs","type":"Metric","data":{"name":"http_reqs"}}
{"metric":"http_reqs","type":"Point","data":{"time":"2024-10-10T13:55:36Z","value":1,"tags":{"method":"GET","url":"http://h/a","name":"group","status":"200"}}}
{"metric":"http_req_duration","type":"Point","data":{"time":"2024-10-10T13:55:36Z","value":3.5,"tags":{"method":"GET","url":"http://h/a"}}}
{"metric":"http_reqs","type":"Point","data":{"time":"2024-10-10T13:55:38Z","value":1,"tags":{"method":"GET","url":"http://h/b","status":"404"}}}
"#;
    let csv = "metric_name,timestamp,metric_value,method,name,status,url\nhttp_reqs,1728568536,1,GET,group,200,http://h/a\nhttp_req_duration,1728568536,3.5,GET,group,200,http://h/a\nhttp_reqs,1728568538,1,GET,group,404,http://h/b\n";
    for (text, kind) in [(json, RecordingFormat::K6), (csv, RecordingFormat::Csv)] {
        let read = entries(text);
        assert_eq!((format(text), offsets(&read)), (kind, vec![0, 2000]));
        assert_eq!(
            (read[1].target.as_str(), read[1].status, read[1].host.as_deref()),
            ("/b", Some(404), Some("h"))
        );
    }
}

#[test]
fn requests_of_locust_are_read_as_columns_and_as_a_list() {
    let csv = "request_type,name,response_time,start_time\nGET,/a,12.5,1728568536\nPOST,/b,3,1728568538\n";
    let list = r#"[{"request_type":"GET","name":"/a","response_time":12.5,"start_time":1728568536},{"request_type":"POST","name":"/b","response_time":3,"start_time":1728568538}]"#;
    for text in [csv, list] {
        let read = entries(text);
        assert_eq!(
            (offsets(&read), read[1].method.as_str(), read[1].target.as_str()),
            (vec![0, 2000], "POST", "/b")
        );
        assert_eq!(read[0].duration, Some(Span::from_micros(12_500)), "milliseconds with a fraction");
    }
}

#[test]
fn targets_of_vegeta_are_read_as_json_and_as_text() {
    let json = r#"{"method":"GET","url":"http://shop.example/a","header":{"Host":["h.example"],"X-Forwarded-For":["203.0.113.9"],"X-A":["1","2"]}}
{"method":"POST","url":"http://shop.example/b","body":"eyJhIjoxfQ=="}
"#;
    let read = entries(json);
    assert_eq!(
        (read[0].host.as_deref(), read[0].client.as_deref()),
        (Some("h.example"), Some("203.0.113.9"))
    );
    let headers: Vec<(&str, &str)> = read[0].headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!((headers, read[1].body.as_slice()), (vec![("X-A", "1"), ("X-A", "2")], &b"{\"a\":1}"[..]));
    let text = "# targets\nGET http://shop.example/a\nX-Account-ID: 99\n\nPOST http://shop.example/b\nContent-Type: text/plain\n@no-such-file\n";
    assert_eq!(format(text), RecordingFormat::VegetaText);
    let read = entries(text);
    assert_eq!((read.len(), read[0].headers[0].1.as_str(), read[1].target.as_str()), (2, "99", "/b"));
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("body"), "hello").expect("a file");
    let file = dir.path().join("targets");
    std::fs::write(&file, "POST http://h/b\n@body\n").expect("a file");
    let read: Vec<Entry> = Entries::open(&[file], ReadOptions::default()).expect("targets").collect();
    assert_eq!(read[0].body, b"hello", "a body beside the targets");
}

#[test]
fn results_of_vegeta_lose_what_the_reply_had() {
    let text = r#"{"attack":"","seq":0,"code":200,"timestamp":"2024-10-10T13:55:36.125Z","latency":3000000,"bytes_out":0,"bytes_in":3,"error":"","body":"UkVTUE9OU0U=","method":"GET","url":"http://h/a","headers":{"Set-Cookie":["sid=1"]}}
"#;
    let mut reading = Entries::read("t", text.as_bytes(), ReadOptions::default()).expect("results");
    let entry = reading.next().expect("a request");
    assert_eq!(
        (entry.body.len(), entry.headers.len(), entry.duration, entry.status),
        (0, 0, ms(3), Some(200))
    );
    assert_eq!(reading.next(), None);
    assert_eq!(
        reading.notes(),
        ["not sent: the body and the headers of the reply (1 of 1 rows, first: line 1)"]
    );
}

#[test]
fn an_archive_of_a_browser_is_read_with_headers_and_bodies() {
    let har = r#"{"log":{"version":"1.2","pages":[],"entries":[
{"startedDateTime":"2024-10-10T13:55:36.125Z","time":12,"request":{"method":"POST","url":"https://shop.example/a?x=1","headers":[{"name":":authority","value":"shop.example"},{"name":"Host","value":"shop.example"},{"name":"X-A","value":"1"}],"postData":{"mimeType":"application/json","text":"{}"}},"response":{"status":201,"content":{"text":"long"}}},
{"startedDateTime":"2024-10-10T13:55:38.125Z","request":{"method":"GET","url":"wss://shop.example/live","headers":[]},"response":{"status":101}}
]}}"#;
    assert_eq!(format(har), RecordingFormat::Har);
    let read = entries(har);
    assert_eq!(read.len(), 1, "a WebSocket cannot be replayed");
    let entry = &read[0];
    assert_eq!(
        (entry.method.as_str(), entry.target.as_str(), entry.body.as_slice()),
        ("POST", "/a?x=1", &b"{}"[..])
    );
    assert_eq!(
        (entry.headers.len(), entry.host.as_deref(), entry.status, entry.duration),
        (1, Some("shop.example"), Some(201), ms(12))
    );
}

#[test]
fn messages_of_goreplay_are_read_without_the_replies() {
    let text = "1 932079936fa4306fc308d67588178d17d823647c 1728568536125000000 0\nPOST /a HTTP/1.1\r\nHost: shop.example\r\nX-A: 1\r\nContent-Length: 5\r\n\r\nhello\n🐵🙈🙉\n2 8e091765ae902fef8a2b7d9dd960e9d52222bd8c 1728568536130000000 5000\nHTTP/1.1 200 OK\r\n\r\n\n🐵🙈🙉\n1 932079936fa4306fc308d67588178d17d823647d 1728568538125000000 0\nGET /b HTTP/1.1\r\nHost: shop.example\r\n\r\n\n🐵🙈🙉\n";
    assert_eq!(format(text), RecordingFormat::Goreplay);
    let read = entries(text);
    assert_eq!((read.len(), offsets(&read), at(&read[0])), (2, vec![0, 2000], 125));
    assert_eq!(
        (read[0].body.as_slice(), read[0].host.as_deref(), read[0].headers.len()),
        (&b"hello"[..], Some("shop.example"), 1)
    );
}

#[test]
fn a_list_of_requests_may_have_bodies_headers_and_statuses() {
    let list = r#"[{"endpoint":"/orders","method":"POST","timestamp":"2024-10-10T13:55:36Z","body":{"sku":"x"},"headers":{"X-A":"1"},"expected_status":201,"note":"n"},
 {"endpoint":"/orders/1","method":"GET","timestamp":"2024-10-10T13:55:37Z","user_id":"u1"}]"#;
    let trace = read("t", list.as_bytes(), ReadOptions::default()).expect("a list");
    let first = trace.requests.get(0).expect("a request");
    assert_eq!((first.body, first.expected), (&b"{\"sku\":\"x\"}"[..], &[201][..]));
    let names: Vec<&str> = first.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["X-A", "Content-Type"]);
    assert_eq!(
        trace.notes,
        [
            "not sent: the key `note` (1 of 2 rows, first: line 1)",
            "not sent: the key `user_id`, which names the user (1 of 2 rows, first: line 2)"
        ]
    );
}
