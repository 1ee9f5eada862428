//! Takes one step of a declaration: fills in its placeholders, runs or sends it, and holds what comes back
//! against what is expected.

use super::command::{self, Ran, Trouble};
use super::output::last_lines;
use super::period;
use super::request::{self, Answer, method};
use super::spec::{Answered, Call, Step};
use super::template::{Values, fill};
use crate::error::AdminError;
use reqwest::Client;
use std::time::Duration;

/// The longest time of a step that does not give its own.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A step and its place in the declaration.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    pub(super) step: &'a Step,
    /// Such as `switch[0]`.
    pub(super) place: &'a str,
}

/// Takes all steps of a list, in order. Captured values are added to `values`.
pub(super) async fn take_all(
    client: &Client,
    list: &str,
    steps: &[Step],
    values: &mut Values,
) -> Result<(), AdminError> {
    for (number, step) in steps.iter().enumerate() {
        let place = format!("{list}[{number}]");
        let limit = period::or(step.timeout.as_deref(), TIMEOUT);
        Placed { step, place: &place }.take(client, values, limit).await?;
    }
    Ok(())
}

impl Placed<'_> {
    /// Takes the step within `limit`, and adds what it captures to `values`.
    pub(super) async fn take(
        self,
        client: &Client,
        values: &mut Values,
        limit: Duration,
    ) -> Result<(), AdminError> {
        let output = match (&self.step.run, &self.step.http) {
            (Some(words), _) => {
                let words: Vec<String> = words.iter().map(|word| fill(word, values)).collect();
                self.run(&words, values, limit).await?
            }
            (None, Some(call)) => self.call(client, call, values, limit).await?,
            (None, None) => Vec::new(),
        };
        if let Some(name) = &self.step.capture {
            values.insert(name.clone(), String::from_utf8_lossy(&output).trim().to_owned());
        }
        Ok(())
    }

    async fn run(self, words: &[String], values: &Values, limit: Duration) -> Result<Vec<u8>, AdminError> {
        let what = format!("`{}`", shown(words));
        let Ran { status, stdout, stderr } = match command::run(words, limit).await {
            Ok(ran) => ran,
            Err(Trouble::Start(error)) => {
                return Err(self.fault(what, format!("could not be started: {error}"), b"", false));
            }
            Err(Trouble::TooSlow(said)) => {
                return Err(self.fault(
                    what,
                    format!("did not end within {limit:?}, and was ended"),
                    &said,
                    false,
                ));
            }
        };
        let said = [stdout.as_slice(), stderr.as_slice()].concat();
        tracing::info!(step = self.place, command = what, %status, said = last_lines(&said), "command ended");
        if !status.success() {
            return Err(self.fault(what, format!("ended with {status}"), &said, true));
        }
        if let Some(expected) = self.step.expect.as_ref().map(|expect| fill(&expect.stdout, values))
            && !String::from_utf8_lossy(&stdout).contains(&expected)
        {
            return Err(self.fault(what, format!("did not print `{expected}`"), &said, true));
        }
        Ok(stdout)
    }

    async fn call(
        self,
        client: &Client,
        call: &Call,
        values: &Values,
        limit: Duration,
    ) -> Result<Vec<u8>, AdminError> {
        let what = format!("`{} {}`", method(call), fill(&call.url, values));
        let answer = request::send(client, call, values, limit).await;
        let Answer { status, body } =
            answer.map_err(|error| self.fault(what.clone(), format!("failed to {error}"), b"", false))?;
        tracing::info!(
            step = self.place,
            request = what,
            status,
            said = last_lines(&body),
            "request answered"
        );
        let default = Answered::default();
        let expect = call.expect.as_ref().unwrap_or(&default);
        let fits = match expect.status.as_slice() {
            [] => (200..300).contains(&status),
            listed => listed.contains(&status),
        };
        if !fits {
            return Err(self.fault(what, format!("was answered with {status}"), &body, true));
        }
        if let Some(expected) = expect.body.as_ref().map(|text| fill(text, values))
            && !String::from_utf8_lossy(&body).contains(&expected)
        {
            return Err(self.fault(what, format!("was answered without `{expected}`"), &body, true));
        }
        Ok(body)
    }

    /// Returns the error of this step. `answered` says whether there was an answer, only not the expected one.
    fn fault(self, action: String, fault: String, said: &[u8], answered: bool) -> AdminError {
        let said = last_lines(said);
        let said = if said.is_empty() { "it said nothing".to_owned() } else { format!("it said: {said}") };
        AdminError::Step { place: self.place.to_owned(), action, fault, said, answered }
    }
}

/// Returns a command as a line for people: words with white space or quotes are quoted.
pub(super) fn shown(words: &[String]) -> String {
    let plain =
        |word: &str| !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c == '\'' || c == '"');
    let word = |word: &String| {
        if plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) }
    };
    let line = words.iter().map(word).collect::<Vec<_>>().join(" ");
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declared::spec::Printed;
    use axum::Router;
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::{get, put};
    use serde_json::json;
    use std::net::SocketAddr;

    const LIMIT: Duration = Duration::from_secs(20);

    fn values() -> Values {
        [("algorithm".to_owned(), "p2c".to_owned())].into()
    }

    fn shell(script: &str) -> Step {
        Step {
            run: Some(["sh", "-c", script, "sh", "{algorithm}"].map(str::to_owned).to_vec()),
            ..Step::default()
        }
    }

    fn call(call: serde_json::Value) -> Step {
        Step { http: Some(serde_json::from_value(call).expect("a call")), ..Step::default() }
    }

    async fn take(step: &Step, values: &mut Values, limit: Duration) -> Result<(), AdminError> {
        let client = request::client().expect("a client");
        Placed { step, place: "switch[0]" }.take(&client, values, limit).await
    }

    async fn refusal(step: &Step, limit: Duration) -> (String, bool) {
        match take(step, &mut values(), limit).await {
            Err(error @ AdminError::Step { answered, .. }) => (error.to_string(), answered),
            other => panic!("the step fails: {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_command_gets_its_placeholders_and_is_held_against_what_it_prints() {
        let mut echo = shell("echo \"now $1\"");
        echo.expect = Some(Printed { stdout: "now {algorithm}".to_owned() });
        take(&echo, &mut values(), LIMIT).await.expect("it prints that");
        echo.expect = Some(Printed { stdout: "then {algorithm}".to_owned() });
        let (message, answered) = refusal(&echo, LIMIT).await;
        assert!(message.contains("did not print `then p2c`; it said: now p2c"), "{message}");
        assert!(answered, "it ran, but not as expected");
    }

    #[tokio::test]
    async fn a_command_that_fails_hangs_or_is_missing_is_shown_with_what_it_said() {
        let (message, answered) = refusal(&shell("echo no such ingress >&2; exit 7"), LIMIT).await;
        for part in ["`switch[0]`", "sh -c", "exit status: 7", "it said: no such ingress"] {
            assert!(message.contains(part), "the message holds `{part}`: {message}");
        }
        assert!(answered);
        let (message, answered) = refusal(&shell("echo begun; sleep 600"), Duration::from_millis(300)).await;
        assert!(message.contains("did not end within 300ms") && message.contains("begun"), "{message}");
        assert!(!answered, "it gave no answer");
        let missing = Step { run: Some(vec!["/nonexistent/tool".to_owned()]), ..Step::default() };
        let (message, _) = refusal(&missing, LIMIT).await;
        assert!(message.contains("could not be started") && message.contains("it said nothing"), "{message}");
    }

    async fn server() -> SocketAddr {
        let routes = Router::new()
            .route("/version", get(|| async { " 17\n" }))
            .route(
                "/backend",
                put(|headers: HeaderMap, body: String| async move {
                    let token = headers.get("authorization").and_then(|value| value.to_str().ok());
                    let json = headers.get("content-type").and_then(|value| value.to_str().ok());
                    format!("{} {} {body}", token.unwrap_or("none"), json.unwrap_or("none"))
                }),
            )
            .route("/busy", get(|| async { (StatusCode::CONFLICT, "version mismatch") }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, routes).await });
        address
    }

    #[tokio::test]
    async fn a_call_sends_headers_and_body_and_later_steps_use_what_was_captured() {
        let address = server().await;
        let version = Step {
            capture: Some("version".to_owned()),
            ..call(json!({ "url": format!("http://{address}/version") }))
        };
        let change = call(json!({
            "method": "PUT", "url": format!("http://{address}/backend?version={{version}}"),
            "headers": { "Authorization": "Bearer t" },
            "body": { "balance": "{algorithm}", "version": "{version}" },
            "expect": { "status": [200], "body": r#"Bearer t application/json {"balance":"{algorithm}","version":"17"}"# }
        }));
        let client = request::client().expect("a client");
        let mut values = values();
        take_all(&client, "switch", &[version, change], &mut values).await.expect("both are answered so");
        assert_eq!(values["version"], "17", "without white space");
    }

    #[tokio::test]
    async fn an_answer_that_is_not_expected_is_shown_without_what_was_sent() {
        let address = server().await;
        let busy = call(
            json!({ "url": format!("http://{address}/busy"), "headers": { "Authorization": "secret" } }),
        );
        let (message, answered) = refusal(&busy, LIMIT).await;
        assert!(message.contains("was answered with 409; it said: version mismatch"), "{message}");
        assert!(answered && !message.contains("secret"), "{message}");
        let other =
            call(json!({ "url": format!("http://{address}/version"), "expect": { "body": "{algorithm}" } }));
        let (message, _) = refusal(&other, LIMIT).await;
        assert!(message.contains("was answered without `p2c`; it said: 17"), "{message}");
        let closed = call(json!({ "url": "http://127.0.0.1:9/" }));
        let (message, answered) = refusal(&closed, LIMIT).await;
        assert!(message.contains("failed to reach http://127.0.0.1:9/") && !answered, "{message}");
    }

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let words = ["sh", "-c", "echo it's", ""].map(str::to_owned);
        assert_eq!(shown(&words), r"sh -c 'echo it'\''s' ''");
    }
}
