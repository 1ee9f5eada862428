//! Who is there: what workers said last, and when. No clock and no network, so that it can be tested.

use crate::clock::Offset;
use crate::message::{FromWorker, News, PhaseNumber};
use lb_record::Snapshot;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A worker that says nothing for this long is lost. It says something every second.
pub(super) const SILENT: Duration = Duration::from_secs(5);

/// What a worker has said.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: String,
    /// Number of threads that it works with.
    pub(super) threads: usize,
    heard: Instant,
    /// Why it is gone; `None` while it is there.
    pub(super) gone: Option<String>,
    /// The last phase that it said something of, and what.
    about: Option<(PhaseNumber, About)>,
    /// How far it is.
    pub(super) now: Snapshot,
}

/// What a worker said of a phase.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum About {
    Ready { schedule_sha256: String, clock: Offset },
    Finished { object: String, begun_ns: u64, clock: Offset, cpu_s: f64 },
    Failed { why: String },
}

/// A look this long after the one before was made by a leader that was stopped meanwhile, and has heard nobody.
const STOPPED: Duration = Duration::from_secs(2);

/// All workers that ever said something, in the order in which they came.
#[derive(Debug)]
pub(super) struct Roster {
    members: Vec<Member>,
    places: BTreeMap<String, usize>,
    looked: Instant,
}

impl Roster {
    /// Makes a roster with nobody on it.
    pub(super) fn new(now: Instant) -> Self {
        Self { members: Vec::new(), places: BTreeMap::new(), looked: now }
    }

    /// Notes what a worker said.
    pub(super) fn note(&mut self, said: FromWorker, now: Instant) {
        let FromWorker { worker, news } = said;
        if let News::Here { name, version, threads, .. } = &news
            && !self.places.contains_key(&worker)
        {
            self.places.insert(worker.clone(), self.members.len());
            self.members.push(Member {
                id: worker.clone(),
                name: name.clone(),
                version: version.clone(),
                threads: *threads,
                heard: now,
                gone: None,
                about: None,
                now: Snapshot::default(),
            });
        }
        let Some(member) = self.places.get(&worker).map(|place| &mut self.members[*place]) else { return };
        member.heard = now;
        // What a worker says late of an earlier phase is of no use.
        let is_late = |phase: PhaseNumber| member.about.as_ref().is_some_and(|(known, _)| phase < *known);
        match news {
            News::Ready { phase, .. } | News::Finished { phase, .. } | News::Failed { phase, .. }
                if is_late(phase) => {}
            News::Here { now, .. } => {
                // One that was silent for a while and speaks again can be used again.
                member.gone = None;
                member.now = now.0;
            }
            News::Ready { phase, schedule_sha256, clock } => {
                member.about = Some((phase, About::Ready { schedule_sha256, clock }));
            }
            News::Finished { phase, object, begun_ns, clock, cpu_s } => {
                member.about = Some((phase, About::Finished { object, begun_ns, clock, cpu_s }));
            }
            News::Failed { phase, why } => member.about = Some((phase, About::Failed { why })),
            News::Leaving { why } => member.gone = Some(why),
        }
    }

    /// Marks those that have been silent for too long. Nobody is while nobody could be heard: because the server was away, or
    /// because the leader was stopped.
    pub(super) fn look(&mut self, now: Instant, is_connected: bool) {
        let was_stopped = now.duration_since(self.looked) > STOPPED;
        self.looked = now;
        if was_stopped || !is_connected {
            self.members.iter_mut().for_each(|member| member.heard = now);
        }
        for member in &mut self.members {
            let silent = now.duration_since(member.heard);
            if member.gone.is_none() && silent > SILENT {
                member.gone = Some(format!("it has said nothing for {:.0} s", silent.as_secs_f64()));
            }
        }
    }

    /// Returns the workers that are there, of this version or of others.
    pub(super) fn there(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.gone.is_none())
    }

    pub(super) fn get(&self, id: &str) -> Option<&Member> {
        self.places.get(id).map(|place| &self.members[*place])
    }
}

impl Member {
    /// Returns what the worker said of a phase.
    pub(super) fn about(&self, phase: PhaseNumber) -> Option<&About> {
        self.about.as_ref().filter(|(of, _)| *of == phase).map(|(_, about)| about)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Progress;

    fn here(worker: &str) -> FromWorker {
        let (name, version) = (format!("host-{worker}"), "1".to_owned());
        let now = Progress(Snapshot::default());
        let news = News::Here { name, version, threads: 1, phase: None, now };
        FromWorker { worker: worker.to_owned(), news }
    }

    fn said(worker: &str, news: News) -> FromWorker {
        FromWorker { worker: worker.to_owned(), news }
    }

    fn names(roster: &Roster) -> Vec<&str> {
        roster.there().map(|member| member.name.as_str()).collect()
    }

    /// Looks each second up to a time, as the leader does.
    fn look(roster: &mut Roster, from: Instant, seconds: u64, is_connected: bool) -> Instant {
        (1..=seconds).for_each(|second| roster.look(from + Duration::from_secs(second), is_connected));
        from + Duration::from_secs(seconds)
    }

    #[test]
    fn workers_that_are_silent_or_leave_are_gone_and_may_come_back() {
        let begin = Instant::now();
        let mut roster = Roster::new(begin);
        ["a", "b", "c"].iter().for_each(|worker| roster.note(here(worker), begin));
        roster.note(said("c", News::Leaving { why: "it was told to end".to_owned() }), begin);
        assert_eq!(names(&roster), ["host-a", "host-b"]);
        let later = look(&mut roster, begin, 4, true);
        roster.note(here("b"), later);
        let later = look(&mut roster, later, 2, true);
        assert_eq!(names(&roster), ["host-b"]);
        let gone = roster.get("a").and_then(|member| member.gone.clone());
        assert_eq!(gone.as_deref(), Some("it has said nothing for 6 s"));
        roster.note(here("a"), later);
        roster.note(here("b"), later);
        assert_eq!(names(&roster), ["host-a", "host-b"], "in the order in which they came");
        let later = look(&mut roster, later, 60, false);
        assert_eq!(names(&roster), ["host-a", "host-b"], "the server was away");
        let later = look(&mut roster, later, 5, true);
        let later = later + 10 * SILENT;
        roster.look(later, true);
        assert_eq!(names(&roster), ["host-a", "host-b"], "the leader was stopped");
        look(&mut roster, later, 6, true);
        assert!(names(&roster).is_empty());
    }

    #[test]
    fn what_is_said_of_an_earlier_phase_does_not_count() {
        let now = Instant::now();
        let mut roster = Roster::new(now);
        let failed = |phase| News::Failed { phase, why: "no".to_owned() };
        roster.note(said("a", failed(1)), now);
        assert!(roster.get("a").is_none(), "a worker first says that it is there");
        roster.note(here("a"), now);
        roster.note(said("a", failed(2)), now);
        roster.note(said("a", failed(1)), now);
        let member = roster.get("a").expect("it is there");
        assert_eq!(member.about(2), Some(&About::Failed { why: "no".to_owned() }), "the other came late");
        assert_eq!(member.about(1), None);
        assert_eq!(member.about(3), None);
    }
}
