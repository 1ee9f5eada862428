//! A browser, and the pipes over which it is told what to do.
//!
//! Chromium speaks its DevTools protocol over two pipes (`--remote-debugging-pipe`: JSON messages that end with a zero
//! byte, commands on descriptor 3, replies and events on descriptor 4), so that no port is opened, and the browser ends
//! with the test.

use crate::chromium;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Longest wait for a reply of the browser.
const PATIENCE: Duration = Duration::from_secs(120);
/// Started by `sh` with the browser's command line, so that the pipes lie on the descriptors that the protocol wants.
const PIPES: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#;

/// A running Chromium.
pub(crate) struct Browser {
    pub(crate) wire: Arc<Wire>,
    child: Child,
    _profile: tempfile::TempDir,
}

/// The connection to the browser.
pub(crate) struct Wire {
    commands: Mutex<(ChildStdin, u64)>,
    heard: Mutex<Heard>,
    news: Condvar,
}

/// What the browser said and nobody has taken yet.
#[derive(Default)]
struct Heard {
    replies: HashMap<u64, Value>,
    /// Events by session.
    events: HashMap<String, Vec<Value>>,
    over: bool,
}

impl Browser {
    /// Starts a browser for which these names are on this machine, and nothing else is anywhere.
    pub(crate) fn start(program: &Path, names: &[&str]) -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        let mut child = Command::new("sh")
            .args(["-c", PIPES])
            .arg(program)
            .args(chromium::arguments(profile.path(), names))
            .args(["--remote-debugging-pipe", "--hide-scrollbars", "--force-color-profile=srgb"])
            .args(["--disable-background-timer-throttling", "--disable-renderer-backgrounding"])
            .args(["--disable-backgrounding-occluded-windows", "--lang=en-US", "about:blank"])
            .env("HOME", profile.path())
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the browser starts");
        let commands = Mutex::new((child.stdin.take().expect("standard input"), 0));
        let wire = Arc::new(Wire { commands, heard: Mutex::default(), news: Condvar::new() });
        let replies = BufReader::new(child.stdout.take().expect("standard output"));
        let listening = Arc::clone(&wire);
        std::thread::spawn(move || listening.listen(replies));
        Self { wire, child, _profile: profile }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.wire.send(None, "Browser.close", json!({}));
        for _ in 0..100 {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Wire {
    /// Keeps what the browser says until it ends.
    fn listen(&self, mut replies: impl BufRead) {
        let mut message = Vec::new();
        while replies.read_until(0, &mut message).is_ok_and(|read| read > 0) {
            message.pop();
            if let Ok(said) = serde_json::from_slice::<Value>(&message) {
                let mut heard = self.heard.lock().expect("no test panics here");
                if let Some(id) = said["id"].as_u64() {
                    heard.replies.insert(id, said);
                } else if let Some(session) = said["sessionId"].as_str() {
                    heard.events.entry(session.to_owned()).or_default().push(said);
                }
                self.news.notify_all();
            }
            message.clear();
        }
        self.heard.lock().expect("no test panics here").over = true;
        self.news.notify_all();
    }

    /// Sends a command and gives its number.
    fn send(&self, session: Option<&str>, method: &str, params: Value) -> u64 {
        let mut commands = self.commands.lock().expect("no test panics here");
        commands.1 += 1;
        let id = commands.1;
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        // A browser that is gone answers nothing, which the wait for its reply says.
        let _ = commands.0.write_all(&bytes).and_then(|()| commands.0.flush());
        id
    }

    /// Sends a command and waits for what came of it.
    pub(crate) fn try_call(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, String> {
        let id = self.send(session, method, params);
        let heard = self.heard.lock().expect("no test panics here");
        let waiting = |heard: &mut Heard| !heard.over && !heard.replies.contains_key(&id);
        let (mut heard, _) =
            self.news.wait_timeout_while(heard, PATIENCE, waiting).expect("no test panics here");
        let mut reply = heard.replies.remove(&id).ok_or("the browser gave no answer")?;
        match reply["error"].take() {
            Value::Null => Ok(reply["result"].take()),
            error => Err(error.to_string()),
        }
    }

    /// As [`Self::try_call`], for a command that must succeed.
    pub(crate) fn call(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        self.try_call(session, method, params).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Takes the events of a kind that a session had since the last time.
    pub(crate) fn events(&self, session: &str, method: &str) -> Vec<Value> {
        let mut heard = self.heard.lock().expect("no test panics here");
        let Some(events) = heard.events.get_mut(session) else { return Vec::new() };
        let (wanted, others) = std::mem::take(events).into_iter().partition(|one| one["method"] == method);
        *events = others;
        wanted
    }
}
