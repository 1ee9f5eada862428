//! A recorded list of requests, kept compactly: recordings have millions of rows that repeat few texts, so each
//! text is kept once, and a row takes 24 bytes.

use super::texts::{Index, Texts};
use crate::rng::hash_name;
use crate::time::Span;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// One recorded request, for building a [`Replay`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplayRequest {
    /// Offset from the start of the stage, with the speed factor applied.
    pub at: Span,
    /// Name of its action: the method and the pattern of the path, such as `GET /api/user/{id}`.
    pub action: String,
    /// Path and query as recorded; replaces the path of the step.
    pub path: String,
    /// The client, as `X-Forwarded-For` names it. `None` lets the driver name one.
    pub client: Option<String>,
    /// The host that is asked for. `None` means that of the target.
    pub host: Option<String>,
    /// Headers as recorded, in order: name and value.
    pub headers: Vec<(String, String)>,
    /// Body as recorded; empty if there was none.
    pub body: Vec<u8>,
    /// Statuses that count as a success. Empty means every status from 200 to 399.
    pub expected: Vec<u16>,
}

/// One request of a [`Replay`]; its fields are those of [`ReplayRequest`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Recorded<'a> {
    /// Offset from the start of the stage.
    pub at: Span,
    /// Name of its action.
    pub action: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// The client, as `X-Forwarded-For` names it.
    pub client: Option<&'a str>,
    /// The host that is asked for.
    pub host: Option<&'a str>,
    /// Headers in order: name and value.
    pub headers: &'a [(String, String)],
    /// Body; empty if there is none.
    pub body: &'a [u8],
    /// Statuses that count as a success. Empty means every status from 200 to 399.
    pub expected: &'a [u16],
}

impl ReplayRequest {
    /// Returns the request in the form that a [`ReplayBuilder`] takes.
    pub fn as_recorded(&self) -> Recorded<'_> {
        Recorded {
            at: self.at,
            action: &self.action,
            path: &self.path,
            client: self.client.as_deref(),
            host: self.host.as_deref(),
            headers: &self.headers,
            body: &self.body,
            expected: &self.expected,
        }
    }
}

/// A recorded list of requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    rows: Vec<Row>,
    actions: Texts,
    /// The path of each distinct pair of action and path.
    paths: Texts,
    /// The position in `actions` of the action of each of these pairs.
    path_actions: Vec<u16>,
    clients: Texts,
    hosts: Texts,
    contents: Vec<Content>,
    /// Distinct lists of statuses that count as a success.
    expected: Vec<Box<[u16]>>,
    extras: Vec<Extra>,
}

/// A row; its numbers are positions in the lists of the recording. For client and content, 0 means that there is none, and
/// numbers begin at 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    at: Span,
    target: u32,
    client: u32,
    content: u32,
    extra: u32,
}

/// What few rows differ in: the host, where 0 means that there is none, and the position of the expected statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Extra {
    host: u32,
    expected: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Content {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Replay {
    /// Returns the number of requests.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns whether there are no requests.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the request at a position; `None` after the last one.
    pub fn get(&self, position: usize) -> Option<Recorded<'_>> {
        self.rows.get(position).map(|row| self.view(row))
    }

    /// Returns all requests, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Recorded<'_>> + Clone {
        self.rows.iter().map(|row| self.view(row))
    }

    /// Returns the times of all requests, in order.
    pub fn times(&self) -> impl ExactSizeIterator<Item = Span> + Clone {
        self.rows.iter().map(|row| row.at)
    }

    /// Returns the names of all actions.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        (0..self.actions.len()).map(|number| self.actions.get(number))
    }

    /// Returns the position in [`Self::actions`] of the action of each request.
    pub(super) fn action_numbers(&self) -> impl Iterator<Item = u16> {
        self.rows.iter().map(|row| self.path_actions[row.target as usize])
    }

    /// Sorts the requests by time; those at the same time keep their order.
    pub fn sort(&mut self) {
        // A stable sort takes memory for half of the rows, and most recordings are in order.
        if !self.rows.is_sorted_by_key(|row| row.at) {
            self.rows.sort_by_key(|row| row.at);
        }
    }

    /// Changes the time of each request: `change` gets its position and its time.
    pub fn retime(&mut self, mut change: impl FnMut(usize, Span) -> Span) {
        for (position, row) in self.rows.iter_mut().enumerate() {
            row.at = change(position, row.at);
        }
    }

    /// Removes the requests at `end` and later.
    pub fn cut(&mut self, end: Span) {
        self.rows.retain(|row| row.at < end);
    }

    /// Appends the first requests again, in order, until there are `count`. Their times are to be set.
    pub fn cycle(&mut self, count: usize) {
        let own = self.rows.len();
        if own > 0 {
            self.rows.reserve_exact(count.saturating_sub(own));
            (own..count).for_each(|number| self.rows.push(self.rows[number % own]));
        }
    }

    /// Gives each kind a new action: `numbers` has a position in `names` for each of [`Self::kinds`]. At most 65,536
    /// names are told apart.
    pub fn rename(&mut self, names: &[String], numbers: &[u32]) {
        self.path_actions.clear();
        self.path_actions.extend(numbers.iter().map(|number| *number as u16));
        self.path_actions.resize(self.paths.len(), 0);
        self.actions = Texts::default();
        for name in names {
            self.actions.push(name);
        }
    }

    /// Returns each distinct pair of action and path with the number of its requests, in the order in which they were added.
    pub fn kinds(&self) -> impl ExactSizeIterator<Item = (&str, &str, u64)> {
        let mut counts = vec![0_u32; self.paths.len()];
        for row in &self.rows {
            counts[row.target as usize] += 1;
        }
        counts.into_iter().enumerate().map(|(number, count)| {
            let action = self.actions.get(usize::from(self.path_actions[number]));
            (action, self.paths.get(number), u64::from(count))
        })
    }

    fn view(&self, row: &Row) -> Recorded<'_> {
        let content = (row.content as usize).checked_sub(1).map(|number| &self.contents[number]);
        let extra = self.extras[row.extra as usize];
        Recorded {
            at: row.at,
            action: self.actions.get(usize::from(self.path_actions[row.target as usize])),
            path: self.paths.get(row.target as usize),
            client: (row.client as usize).checked_sub(1).map(|number| self.clients.get(number)),
            host: (extra.host as usize).checked_sub(1).map(|number| self.hosts.get(number)),
            headers: content.map_or(&[], |content| &content.headers),
            body: content.map_or(&[], |content| &content.body),
            expected: &self.expected[extra.expected as usize],
        }
    }
}

impl FromIterator<ReplayRequest> for Replay {
    fn from_iter<I: IntoIterator<Item = ReplayRequest>>(requests: I) -> Self {
        let mut builder = ReplayBuilder::default();
        requests.into_iter().for_each(|request| builder.push(&request.as_recorded()));
        builder.finish()
    }
}

/// Builds a [`Replay`] request by request.
#[derive(Debug, Default)]
pub struct ReplayBuilder {
    replay: Replay,
    actions: Index,
    paths: Index,
    clients: Index,
    hosts: Index,
    contents: HashMap<u64, u32>,
    extras: HashMap<Extra, u32>,
}

impl ReplayBuilder {
    /// Adds a request. At most 65,536 actions are told apart.
    pub fn push(&mut self, request: &Recorded<'_>) {
        let replay = &mut self.replay;
        let action = self.actions.number(&mut replay.actions, request.action, |_| true) as u16;
        // The same path under another action is another target.
        let is_same = |number: u32| replay.path_actions[number as usize] == action;
        let target = self.paths.number(&mut replay.paths, request.path, is_same);
        if target as usize == replay.path_actions.len() {
            replay.path_actions.push(action);
        }
        let extra = Extra {
            host: request.host.map_or(0, |host| self.hosts.number(&mut replay.hosts, host, |_| true) + 1),
            expected: number_of_statuses(&mut replay.expected, request.expected),
        };
        let row = Row {
            at: request.at,
            target,
            client: request
                .client
                .map_or(0, |client| self.clients.number(&mut replay.clients, client, |_| true) + 1),
            content: match (request.headers, request.body) {
                ([], []) => 0,
                (headers, body) => content(&mut self.contents, &mut replay.contents, headers, body),
            },
            extra: *self.extras.entry(extra).or_insert_with(|| {
                replay.extras.push(extra);
                replay.extras.len() as u32 - 1
            }),
        };
        replay.rows.push(row);
    }

    /// Returns the number of requests so far.
    pub fn len(&self) -> usize {
        self.replay.rows.len()
    }

    /// Returns whether there are no requests yet.
    pub fn is_empty(&self) -> bool {
        self.replay.rows.is_empty()
    }

    /// Returns the requests in the order in which they were added.
    pub fn finish(self) -> Replay {
        let mut replay = self.replay;
        replay.paths.shrink();
        replay.clients.shrink();
        replay
    }
}

/// Returns the position of a list of statuses, which is added if it is new. There are few.
fn number_of_statuses(known: &mut Vec<Box<[u16]>>, statuses: &[u16]) -> u32 {
    let position = known.iter().position(|one| **one == *statuses);
    position.unwrap_or_else(|| {
        known.push(statuses.into());
        known.len() - 1
    }) as u32
}

/// Returns the number of a content from 1, the same for equal ones.
fn content(
    index: &mut HashMap<u64, u32>,
    contents: &mut Vec<Content>,
    headers: &[(String, String)],
    body: &[u8],
) -> u32 {
    let texts = headers.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
    let mut hash = texts.chain([body]).fold(0_u64, |hash, text| hash.rotate_left(5) ^ hash_name(text));
    loop {
        match index.get(&hash) {
            None => {
                contents.push(Content { headers: headers.to_vec(), body: body.to_vec() });
                let number = contents.len() as u32;
                index.insert(hash, number);
                return number;
            }
            Some(number) => {
                let known = &contents[*number as usize - 1];
                if known.headers == headers && known.body == body {
                    return *number;
                }
                hash = hash.wrapping_add(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(at: u64, path: &str, client: Option<&str>) -> ReplayRequest {
        ReplayRequest {
            at: Span::from_secs(at),
            action: "GET".to_owned(),
            path: path.to_owned(),
            client: client.map(str::to_owned),
            ..ReplayRequest::default()
        }
    }

    #[test]
    fn what_was_put_in_comes_out_again() {
        let full = ReplayRequest {
            host: Some("shop.example".to_owned()),
            headers: vec![("A".to_owned(), "b".to_owned())],
            body: b"x".to_vec(),
            expected: vec![404],
            ..request(3, "/b", Some("10.0.0.1"))
        };
        let given = [request(1, "/a", None), full.clone(), request(2, "/a", Some("10.0.0.1")), full];
        let replay: Replay = given.iter().cloned().collect();
        let expected: Vec<Recorded<'_>> = given.iter().map(ReplayRequest::as_recorded).collect();
        assert_eq!(replay.iter().collect::<Vec<_>>(), expected);
        assert_eq!((replay.paths.len(), replay.contents.len(), replay.clients.len()), (2, 1, 1), "once each");
        assert_eq!(size_of::<Row>(), 24, "a million rows take 24 MB");
    }

    #[test]
    fn one_path_under_two_actions_is_two_kinds() {
        let post = ReplayRequest { action: "POST".to_owned(), ..request(2, "/a", None) };
        let replay: Replay = [request(1, "/a", None), post, request(3, "/a", None)].into_iter().collect();
        assert_eq!(replay.kinds().collect::<Vec<_>>(), [("GET", "/a", 2), ("POST", "/a", 1)]);
    }

    #[test]
    fn rows_can_be_sorted_renamed_cut_and_repeated() {
        let mut replay: Replay =
            [request(2, "/b", None), request(1, "/a", None), request(1, "/c", None)].into_iter().collect();
        replay.sort();
        let paths: Vec<&str> = replay.iter().map(|row| row.path).collect();
        assert_eq!(paths, ["/a", "/c", "/b"], "the sort is stable");
        let names: Vec<String> = replay.kinds().map(|(action, path, _)| format!("{action} {path}")).collect();
        replay.rename(&names, &[0, 1, 2]);
        assert_eq!(replay.get(2).map(|row| row.action), Some("GET /b"));
        let mut kinds: Vec<(&str, &str, u64)> = replay.kinds().collect();
        kinds.sort_unstable();
        assert_eq!(kinds, [("GET /a", "/a", 1), ("GET /b", "/b", 1), ("GET /c", "/c", 1)]);
        replay.cut(Span::from_secs(2));
        replay.cycle(5);
        let paths: Vec<&str> = replay.iter().map(|row| row.path).collect();
        assert_eq!(paths, ["/a", "/c", "/a", "/c", "/a"]);
    }
}
