//! Writes a user's requests and provides the values in them.

use super::super::look::Seen;
use super::super::plan::RequestText;
use super::super::replay;
use super::super::request::{Rendered, Request, StepIndex};
use super::super::template::Values;
use super::VirtualUser;

impl VirtualUser {
    /// Writes the request that [`Self::next`] returned last.
    pub fn render(&self, request: &Request, out: &mut Rendered) {
        if let Some(recorded) = self.recorded() {
            return replay::render(&recorded, out);
        }
        let text = self.text(request);
        out.forwarded_for.clear();
        out.host.clear();
        out.path.clear();
        text.path.write(self, &mut out.path);
        out.set_headers(text.headers.len());
        for ((name, value), (out_name, out_value)) in text.headers.iter().zip(&mut out.headers) {
            out_name.push_str(name);
            value.write(self, out_value);
        }
        out.body.clear();
        if let Some(body) = &text.body {
            let mut buffer = String::from_utf8(std::mem::take(&mut out.body)).unwrap_or_default();
            body.write(self, &mut buffer);
            out.body = buffer.into_bytes();
        }
    }

    /// Returns the statuses that are expected of a request.
    #[inline]
    pub fn expected(&self, request: &Request) -> &[u16] {
        if let Some(recorded) = self.recorded()
            && !recorded.expected.is_empty()
        {
            return recorded.expected;
        }
        &self.text(request).expect
    }

    /// Checks the reply to the request that [`Self::next`] returned last against the conditions of a step: its own, or
    /// those of its redirects. The error says which of them does not hold.
    pub fn check(&self, step: StepIndex, seen: &Seen<'_>) -> Result<(), String> {
        self.workload().plan(step).looks.check(seen, self)
    }

    fn text(&self, request: &Request) -> &RequestText {
        let plan = self.workload().plan(request.step);
        match request.injected {
            Some(error) => &plan.wrong[usize::from(error)],
            None => &plan.right,
        }
    }
}

impl Values for VirtualUser {
    /// Users take accounts in turn, so that no two use the same one at the same time if there are at
    /// least as many accounts as users. Arrivals take the accounts that follow the users' first ones.
    fn identity(&self) -> u32 {
        let session = u64::from(self.sessions.wrapping_sub(1));
        let turn = session * self.schedule.users.len() as u64 + u64::from(self.id.0);
        (turn % u64::from(self.workload().identities)) as u32
    }

    fn step_key(&self, step: u16) -> u64 {
        self.repetition_key(step)
    }

    fn row(&self, feed: usize, bits: u64) -> usize {
        self.workload().compiled.feeds[feed].pick(bits)
    }

    fn extracted(&self, slot: usize) -> (&str, bool) {
        self.kept.get(slot)
    }
}
