//! A browser that is driven as a person drives it: pages are opened, keys pressed, buttons clicked, pictures taken.
//!
//! Each [`Page`] has a browser context of its own, unless it is opened beside another one: cookies and storage of one test
//! are not those of the next.

#[path = "wire.rs"]
mod wire;

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use wire::Wire;

pub(crate) use wire::Browser;

/// How often a page is looked at before a test gives up.
const LOOKS: usize = 1200;
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

impl Browser {
    /// Opens a page that shares nothing with other pages.
    pub(crate) fn open(&self, url: &str) -> Page {
        let context = self.wire.call(None, "Target.createBrowserContext", json!({ "disposeOnDetach": true }));
        let context = context["browserContextId"].as_str().expect("a context").to_owned();
        Page::open(Arc::clone(&self.wire), context, url)
    }
}

/// What the page in a browser looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) dark: bool,
}

/// A page in a window of its own.
pub(crate) struct Page {
    wire: Arc<Wire>,
    context: String,
    target: String,
    session: String,
}

impl Page {
    fn open(wire: Arc<Wire>, context: String, url: &str) -> Self {
        let wanted = json!({ "url": "about:blank", "browserContextId": context, "newWindow": true });
        let target =
            wire.call(None, "Target.createTarget", wanted)["targetId"].as_str().expect("a page").to_owned();
        let wanted = json!({ "targetId": target, "flatten": true });
        let session = wire.call(None, "Target.attachToTarget", wanted)["sessionId"]
            .as_str()
            .expect("a session")
            .to_owned();
        let page = Self { wire, context, target, session };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        page.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
        page.show(Look { width: 1400, height: 1000, dark: false });
        page.go(url);
        page
    }

    /// Opens a second page that shares cookies and storage with this one.
    pub(crate) fn beside(&self, url: &str) -> Self {
        Self::open(Arc::clone(&self.wire), self.context.clone(), url)
    }

    /// Sends a command of the protocol to this page.
    pub(crate) fn call(&self, method: &str, params: Value) -> Value {
        self.wire.call(Some(&self.session), method, params)
    }

    /// Loads an address, and returns once the page's scripts have run.
    pub(crate) fn go(&self, url: &str) {
        self.run("window.old = true");
        self.call("Page.navigate", json!({ "url": url }));
        self.until(&format!("{url} is loaded"), "!window.old && document.readyState === 'complete'");
    }

    /// Loads the page again.
    pub(crate) fn reload(&self) {
        self.run("window.old = true");
        self.call("Page.reload", json!({}));
        self.until("the page is loaded again", "!window.old && document.readyState === 'complete'");
    }

    /// Gives the window a size and a colour scheme.
    pub(crate) fn show(&self, look: Look) {
        let Look { width, height, dark } = look;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" }
        ]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    /// Runs a script and returns its value, a promise's once it is kept.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.try_run(script).unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    fn try_run(&self, script: &str) -> Result<Value, String> {
        let wanted = json!({
            "expression": script, "awaitPromise": true, "returnByValue": true, "userGesture": true
        });
        let mut said = self.wire.try_call(Some(&self.session), "Runtime.evaluate", wanted)?;
        match said.get("exceptionDetails") {
            Some(problem) => Err(problem.to_string()),
            None => Ok(said["result"]["value"].take()),
        }
    }

    /// Looks until a script gives something that counts as true, and returns it.
    pub(crate) fn until(&self, what: &str, script: &str) -> Value {
        let mut last = String::new();
        for _ in 0..LOOKS {
            match self.try_run(script) {
                Ok(value) if is_true(&value) => return value,
                Ok(value) => last = value.to_string(),
                // A page that is being replaced cannot run scripts.
                Err(error) => last = error,
            }
            std::thread::sleep(PAUSE);
        }
        let shown = self.try_run("document.body.innerText").unwrap_or_default();
        let shown = shown.as_str().unwrap_or_default();
        panic!("{what} within two minutes; `{script}` gave {last}; the page shows:\n{shown}");
    }

    /// Returns the text that an element shows, as a person can copy it; empty if it is hidden or not there.
    pub(crate) fn text(&self, selector: &str) -> String {
        self.run(&shown(selector)).as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an element shows a text that holds these words.
    pub(crate) fn until_text(&self, selector: &str, words: &str) {
        let script = format!("{}.includes({})", shown(selector), quoted(words));
        self.until(&format!("`{selector}` shows `{words}`"), &script);
    }

    /// Waits until an element can be seen and used.
    pub(crate) fn until_usable(&self, selector: &str) {
        let selector = quoted(selector);
        let script = format!(
            "(() => {{ const one = document.querySelector({selector}); \
             return !!one && one.checkVisibility({{ visibilityProperty: true }}) && !one.disabled; }})()"
        );
        self.until(&format!("{selector} can be used"), &script);
    }

    /// Clicks into the middle of an element, as soon as it can be used.
    pub(crate) fn click(&self, selector: &str) {
        self.until_usable(selector);
        let script = format!(
            "(() => {{ const one = document.querySelector({}); one.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
             const box = one.getBoundingClientRect(); \
             return [box.x + box.width / 2, box.y + box.height / 2]; }})()",
            quoted(selector)
        );
        let at = self.run(&script);
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let button = if kind == "mouseMoved" { "none" } else { "left" };
            let event = json!({ "type": kind, "x": at[0], "y": at[1], "button": button, "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Puts a text into a field in place of what is there, as by typing.
    pub(crate) fn fill(&self, selector: &str, text: &str) {
        self.click(selector);
        self.run(&format!("document.querySelector({}).select()", quoted(selector)));
        self.write(text);
    }

    /// Types a text where the focus is; an empty one deletes what is selected.
    pub(crate) fn write(&self, text: &str) {
        if text.is_empty() {
            self.press("Delete");
        } else {
            self.call("Input.insertText", json!({ "text": text }));
        }
    }

    /// Chooses an entry of a list, as by hand: the list tells its listeners.
    pub(crate) fn choose(&self, selector: &str, value: &str) {
        self.until_usable(selector);
        let (list, wanted) = (quoted(selector), quoted(value));
        self.until(
            &format!("{list} offers {wanted}"),
            &format!("[...document.querySelector({list}).options].some((one) => one.value === {wanted})"),
        );
        self.run(&format!(
            "(() => {{ const list = document.querySelector({list}); list.focus(); list.value = {wanted}; \
             for (const kind of ['input', 'change']) list.dispatchEvent(new Event(kind, {{ bubbles: true }})); }})()"
        ));
    }

    /// Presses and releases a key: `Tab`, `Enter`, `Space`, `Delete`, `ArrowDown`, or a letter or digit.
    pub(crate) fn press(&self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Space" => (32, " "),
            "Delete" => (46, ""),
            "ArrowDown" => (40, ""),
            other => (i32::from(other.to_ascii_uppercase().as_bytes()[0]), other),
        };
        let name = if key == "Space" { " " } else { key };
        let physical = match key.as_bytes() {
            [digit @ b'0'..=b'9'] => format!("Digit{}", char::from(*digit)),
            [letter] => format!("Key{}", char::from(letter.to_ascii_uppercase())),
            _ => key.to_owned(),
        };
        let mut event = json!({
            "type": if text.is_empty() { "rawKeyDown" } else { "keyDown" },
            "key": name, "code": physical, "windowsVirtualKeyCode": code,
        });
        if !text.is_empty() {
            event["text"] = text.into();
        }
        self.call("Input.dispatchKeyEvent", event.clone());
        event["type"] = "keyUp".into();
        self.call("Input.dispatchKeyEvent", event);
    }

    /// Returns the bytes of a PNG of what is seen, or of the whole page.
    pub(crate) fn picture(&self, whole: bool) -> Vec<u8> {
        let wanted = json!({ "format": "png", "captureBeyondViewport": whole, "optimizeForSpeed": false });
        let taken = self.call("Page.captureScreenshot", wanted);
        BASE64.decode(taken["data"].as_str().expect("a picture")).expect("base64")
    }

    /// Takes the events of a kind that came since the last time.
    pub(crate) fn events(&self, method: &str) -> Vec<Value> {
        self.wire.events(&self.session, method)
    }

    /// Closes the page, as a person does who goes away.
    pub(crate) fn close(self) {
        drop(self);
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.wire.try_call(None, "Target.closeTarget", json!({ "targetId": self.target }));
    }
}

/// Returns the script that gives what an element shows. What is hidden would give all that it holds.
fn shown(selector: &str) -> String {
    let selector = quoted(selector);
    format!(
        "((one) => one?.checkVisibility({{ visibilityProperty: true }}) ? one.innerText : '')(document.querySelector({selector}))"
    )
}

/// Returns whether a value counts as true in a script.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// Returns a text as a script writes it.
pub(crate) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
