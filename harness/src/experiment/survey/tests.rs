//! What is said about replies that were made up.

use super::*;

fn reply(headers: &[(&str, &str)]) -> SurveyedReply {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    SurveyedReply { status: 200, headers, keeps_open: true, arrived: Timestamp::UNIX_EPOCH }
}

fn survey_of(replies: Vec<SurveyedReply>) -> Survey {
    Survey {
        addresses: vec![("127.0.0.1:80".parse().expect("an address"), None)],
        tls: None,
        http2: false,
        path: "/".to_owned(),
        requests: replies.len(),
        replies,
    }
}

/// Returns what is said about eight replies, of which every other one has the second list of headers.
fn said(even: &[(&str, &str)], odd: &[(&str, &str)]) -> Vec<String> {
    let replies = (0..REQUESTS).map(|number| reply(if number % 2 == 0 { even } else { odd })).collect();
    findings(&survey_of(replies), Timestamp::UNIX_EPOCH).iter().map(ToString::to_string).collect()
}

fn has(lines: &[String], part: &str) {
    assert!(lines.iter().any(|line| line.contains(part)), "`{part}` is said: {lines:#?}");
}

#[test]
fn a_header_with_few_values_that_repeat_names_the_backend() {
    let lines = said(&[("x-served-by", "a"), ("x-other", "1")], &[("x-served-by", "b"), ("x-other", "2")]);
    has(&lines, "  ok    the header `x-served-by` names 2 backends in 8 replies (a: 4, b: 4)");
    has(&lines, "--backend-from header:x-served-by");
    let lines = said(&[("x-backend", "a"), ("x-pod", "p")], &[("x-backend", "b"), ("x-pod", "q")]);
    has(
        &lines,
        "the header `x-backend` names 2 backends in 8 replies (a: 4, b: 4); shares are counted by it",
    );
    let lines = said(&[("x-shard", "one")], &[("x-shard", "two")]);
    has(&lines, "the header `x-shard` seems to name 2 backends");
    let lines = said(&[("x-served-by", "a")], &[("x-served-by", "a")]);
    has(
        &lines,
        "names `a` in all 8 replies: --backend-from header:x-served-by counts by it; either it is the only",
    );
    let lines = said(&[("content-type", "a")], &[("content-type", "b")]);
    has(&lines, "  note  nothing in 8 replies seems to name the backend");
}

#[test]
fn a_value_that_is_new_each_time_names_nothing() {
    let replies =
        (0..REQUESTS).map(|number| reply(&[("x-request-id", number.to_string().as_str())])).collect();
    let lines: Vec<String> =
        findings(&survey_of(replies), Timestamp::UNIX_EPOCH).iter().map(ToString::to_string).collect();
    has(&lines, "nothing in 8 replies seems to name the backend");
}

#[test]
fn cookies_are_told_by_name_and_values_of_sessions_are_not_shown() {
    let lines = said(&[("set-cookie", "SERVERID=a; Path=/")], &[("set-cookie", "SERVERID=b; Path=/")]);
    has(&lines, "the cookie `SERVERID` names 2 backends in 8 replies (a: 4, b: 4)");
    has(
        &lines,
        "the cookie `SERVERID` looks like a sticky session (--backend-from cookie:SERVERID counts by it)",
    );
    let replies = (0..REQUESTS)
        .map(|number| reply(&[("set-cookie", format!("sid=secret{number}; HttpOnly").as_str())]))
        .collect();
    let lines: Vec<String> =
        findings(&survey_of(replies), Timestamp::UNIX_EPOCH).iter().map(ToString::to_string).collect();
    has(&lines, "replies set the cookie `sid`; users keep cookies for a session");
    assert!(!lines.iter().any(|line| line.contains("secret")), "the value is a secret: {lines:#?}");
}

#[test]
fn what_spoils_a_run_is_a_warning_with_the_way_out() {
    let mut survey =
        survey_of(vec![reply(&[("location", "https://u:p@shop.example/"), ("date", "nonsense")])]);
    survey.replies[0].status = 301;
    survey.replies[0].keeps_open = false;
    survey.requests = 3;
    survey.addresses.push(("[::1]:80".parse().expect("an address"), Some("refused".to_owned())));
    let lines: Vec<String> =
        findings(&survey, Timestamp::UNIX_EPOCH).iter().map(ToString::to_string).collect();
    has(&lines, "  ok    addresses: 127.0.0.1:80, [::1]:80 (1 of IPv4, 1 of IPv6)");
    has(&lines, "  warning  [::1]:80 does not accept connections (refused)");
    has(&lines, "  warning  2 of 3 requests for / got no reply");
    has(
        &lines,
        "  warning  GET /: 301 for 1 of 3 requests on new connections, a redirect to https://u:***@shop.example/",
    );
    has(&lines, "  note  the server closes the connection after 1 of 1 replies");
    assert!(!lines.iter().any(|line| line.contains("clock")), "no date, no clock: {lines:#?}");
}

#[test]
fn clocks_and_certificates_are_compared_with_this_machine() {
    for (date, expected) in [
        ("Thu, 01 Jan 1970 00:00:01 GMT", "  ok    clock: agrees"),
        ("Thu, 01 Jan 1970 00:01:00 GMT", "  note  clock: the server's is 60 s ahead"),
    ] {
        has(&said(&[("date", date)], &[("date", date)]), expected);
    }
    let day = 24 * 60 * 60;
    for (days, expected) in [
        (-1, "  warning  the certificate expired at 1969-12-31 00:00 UTC"),
        (3, "  warning  the certificate expires in 3 days"),
        (90, "  ok    the certificate expires in 90 days"),
    ] {
        let expires = Some(Timestamp::from_second(days * day).expect("a time"));
        let tls = TlsFacts {
            version: "TLSv1_3".to_owned(),
            cipher: "X".to_owned(),
            http1_by_alpn: Some(true),
            certificate: lb_load::CertificateFacts { expires, ..Default::default() },
        };
        let survey = Survey { tls: Some(tls), http2: true, ..survey_of(vec![reply(&[])]) };
        let lines: Vec<String> =
            findings(&survey, Timestamp::UNIX_EPOCH).iter().map(ToString::to_string).collect();
        has(&lines, expected);
        has(&lines, "  ok    protocols: HTTP/1.1, and HTTP/2 by ALPN");
    }
}
