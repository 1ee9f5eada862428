//! Forms and the command lines that they stand for.

use super::*;
use crate::program::ModeChoice;
use crate::words::in_words;

fn choices() -> Choices {
    let named = |name: &str| Choice { name: name.to_owned(), ..Choice::default() };
    let mode = |name: &str| ModeChoice { name: name.to_owned(), ..ModeChoice::default() };
    Choices {
        packs: vec![PackChoice {
            name: "boutique".to_owned(),
            modes: vec![mode("steady"), mode("baseline")],
            profiles: vec![named("slow")],
            ..PackChoice::default()
        }],
        configs: vec![
            named("quick_test_config.json"),
            Choice { word: Some("mine/own.json".to_owned()), ..named("own.json") },
        ],
        load_balancers: vec!["reference".to_owned(), "haproxy".to_owned()],
        ..Choices::default()
    }
}

fn line(form: &str, purpose: Purpose) -> Result<String, Misfit> {
    Form::read(form.as_bytes())?.arguments(&choices(), purpose).map(|words| in_words("bench", &words))
}

#[test]
fn a_form_stands_for_one_command_line() {
    for (form, run, check) in [
        (r#"{"kind":"pack","pack":"boutique"}"#, "bench pack boutique", "bench pack boutique --plan"),
        (
            r#"{"kind":"pack","pack":"boutique","mode":"baseline","users":10,"spawn_rate":2.5,"duration":"forever","profile":"slow"}"#,
            "bench pack boutique baseline --profile=slow --users=10 --spawn-rate=2.5 --duration=forever",
            "bench pack boutique baseline --profile=slow --plan --users=10 --spawn-rate=2.5 --duration=forever",
        ),
        (
            r#"{"kind":"config","config":"quick_test_config.json","algorithms":["p2c"," rl "],"load_balancer":"haproxy","repetitions":3,"seed":7}"#,
            "bench --config=quick_test_config.json --algorithms=p2c,rl --load-balancer=haproxy --repetitions=3 --seed=7",
            "bench plan --config=quick_test_config.json --algorithms=p2c,rl --load-balancer=haproxy --repetitions=3 --seed=7",
        ),
        (
            r#"{"kind":"config","config":"own.json","url":"http://127.0.0.1:8080","mode":"ignored"}"#,
            "bench --config=mine/own.json --url=http://127.0.0.1:8080",
            "bench plan --config=mine/own.json --url=http://127.0.0.1:8080",
        ),
        (
            r#"{"kind":"url","url":"http://ann:secret@h/x?a=1&b=2","label":"v 1","duration":"","users":null}"#,
            "bench '--url=http://ann:***@h/x?a=1&b=2' '--label=v 1'",
            "bench plan '--url=http://ann:***@h/x?a=1&b=2' '--label=v 1'",
        ),
        (
            r#"{"kind":"url","url":"http://h","algorithms":"p2c, rl","thresholds":"p95<200; errors<1%\navg<=50;http_reqs: rate>5"}"#,
            "bench --url=http://h --algorithms=p2c,rl '--threshold=http_req_duration: p(95)<200' \
             '--threshold=http_req_failed: rate<0.01' '--threshold=http_req_duration: avg<=50' '--threshold=http_reqs: rate>5'",
            "bench plan --url=http://h --algorithms=p2c,rl '--threshold=http_req_duration: p(95)<200' \
             '--threshold=http_req_failed: rate<0.01' '--threshold=http_req_duration: avg<=50' '--threshold=http_reqs: rate>5'",
        ),
    ] {
        assert_eq!(line(form, Purpose::Run).as_deref(), Ok(run), "{form}");
        assert_eq!(line(form, Purpose::Check).as_deref(), Ok(check), "{form}");
    }
}

#[test]
fn a_value_can_not_become_a_flag() {
    let form = r#"{"kind":"url","url":"--out=/etc","users":"--resume=x","label":"-v"}"#;
    let words = Form::read(form.as_bytes()).and_then(|form| form.arguments(&choices(), Purpose::Run));
    assert_eq!(
        words.as_deref(),
        Ok(&["--url=--out=/etc", "--users=--resume=x", "--label=-v"].map(str::to_owned)[..])
    );
}

#[test]
fn what_is_not_offered_is_refused_with_its_field() {
    for (form, field, part) in [
        (r#"{"kind":"pack"}"#, Some("pack"), "the pack is missing; choose one of boutique"),
        (r#"{"kind":"pack","pack":"../evil"}"#, Some("pack"), "no pack `../evil`"),
        (r#"{"kind":"pack","pack":"--help"}"#, Some("pack"), "no pack `--help`"),
        (
            r#"{"kind":"pack","pack":"boutique","mode":"--help"}"#,
            Some("mode"),
            "choose one of steady, baseline",
        ),
        (r#"{"kind":"pack","pack":"boutique","profile":"x"}"#, Some("profile"), "choose one of slow"),
        (r#"{"kind":"config","config":"/etc/passwd"}"#, Some("config"), "no config `/etc/passwd`"),
        (r#"{"kind":"config"}"#, Some("config"), "the config is missing"),
        (r#"{"kind":"url"}"#, Some("url"), "the address is missing"),
        (
            r#"{"kind":"url","url":"http://h","load_balancer":"x.json"}"#,
            Some("load_balancer"),
            "choose one of reference",
        ),
        (r#"{"kind":"url","url":"http://h\u0000"}"#, Some("url"), "control character"),
        (r#"{"kind":"url","url":"http://h","label":"a\nb"}"#, Some("label"), "control character"),
        (r#"{"kind":"url","url":["x"]}"#, Some("url"), "`url` is `[\"x\"]`; write a text or a number"),
        (r#"{"kind":"pack","users":true}"#, Some("users"), "`users` is `true`; write a text or a number"),
        (r#"{"kind":"pack","algorithms":[{}]}"#, Some("algorithms"), "`algorithms` is `{}`"),
        (r#"{"kind":"url","color":"x"}"#, None, "no field `color`; its fields are kind, pack"),
        (r#"{"kind":"shell"}"#, Some("kind"), "`shell` is no kind of run; write `pack`, `config` or `url`"),
        (r#"{"kind":""}"#, Some("kind"), "`` is no kind of run"),
        ("{}", Some("kind"), "the kind is missing; write `pack`"),
        ("[]", None, "a form is an object; send one such as"),
        ("{", None, "the form is not JSON"),
    ] {
        let error = line(form, Purpose::Run).expect_err(form);
        assert_eq!(error.field, field, "{form}: {error}");
        assert!(error.text.contains(part), "{form}: the message holds `{part}`: {error}");
    }
}

#[test]
fn a_message_of_the_command_line_is_about_the_first_flag_that_it_names() {
    for (message, field) in [
        ("error: invalid value 'abc' for '--users <N>': not a number", Some("users")),
        ("error: --spawn-rate 0: must be more", Some("spawn_rate")),
        ("error: --user-class x: unknown; see --users", Some("users")),
        ("error: --duration 1s is too short for --users 5", Some("duration")),
        ("error: the disk is full", None),
    ] {
        assert_eq!(field_of(message), field, "{message}");
    }
}

#[test]
fn words_are_quoted_as_a_shell_needs_it() {
    let words = ["a", "it's", "$(x)", "", "--threshold=p(95)<2"].map(str::to_owned);
    assert_eq!(in_words("bench", &words), r"bench a 'it'\''s' '$(x)' '' '--threshold=p(95)<2'");
}

#[test]
fn a_long_value_is_repeated_in_part() {
    let form = format!(r#"{{"kind":"pack","pack":"{}"}}"#, "x\\u0007".repeat(500));
    let error = line(&form, Purpose::Run).expect_err("it is no pack");
    assert!(error.text.len() < 400, "{error}");
}
