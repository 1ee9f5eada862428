//! Slices of a recording: how much came in each, and what each is for.

use lb_traces::read::Episode;

/// What each slice of a recording is for, in order of time. Parts for training, selection and test alternate, so that a
/// load that rises or falls does so in all of them.
const PURPOSES: [Purpose; 12] = {
    use Purpose::{Test, Training, Validation};
    [
        Training, Training, Validation, Training, Test, Training, Training, Validation, Training, Test,
        Training, Training,
    ]
};

/// Fewest requests of a slice from which its rate is known to a few per cent; slices with fewer are left out.
const FEWEST: usize = 200;

/// What a slice is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::executor) enum Purpose {
    /// Training.
    Training,
    /// The choice among policies.
    Validation,
    /// The comparison of the chosen policy with others.
    Test,
}

impl Purpose {
    /// Returns the name in reports.
    pub(in crate::executor) const fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Validation => "selection",
            Self::Test => "test",
        }
    }
}

/// A part of the time of a recording.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::executor) struct Slice {
    /// Number of the slice, from 1.
    pub(in crate::executor) number: usize,
    /// Beginning in seconds from that of the recording.
    pub(in crate::executor) from_s: f64,
    /// End in seconds.
    pub(in crate::executor) to_s: f64,
    /// Requests per second.
    pub(in crate::executor) rate: f64,
    /// Number of requests of each route.
    pub(in crate::executor) routes: Vec<f64>,
    /// What the slice is for.
    pub(in crate::executor) purpose: Purpose,
}

/// All slices of a recording that hold enough requests.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::executor) struct Timeline {
    slices: Vec<Slice>,
    /// Whether slices for the test were kept apart. If not, the recording is short, and only the draws of arrivals,
    /// sizes and failures of the test are new.
    pub(in crate::executor) kept_apart: bool,
}

impl Timeline {
    /// Divides an episode into slices. `routes` is the number of routes of the recording.
    pub(in crate::executor) fn new(episode: &Episode, routes: usize) -> Self {
        let length_s = episode.length().as_secs_f64().max(f64::MIN_POSITIVE);
        let part_s = length_s / PURPOSES.len() as f64;
        let mut counts = vec![(0usize, vec![0.0; routes]); PURPOSES.len()];
        for exchange in &episode.exchanges {
            let place = (exchange.sent.as_secs_f64() / part_s) as usize;
            let (requests, of_route) = &mut counts[place.min(PURPOSES.len() - 1)];
            *requests += 1;
            if let Some(count) = of_route.get_mut(usize::from(exchange.route)) {
                *count += 1.0;
            }
        }
        let slice = |(place, (requests, routes)): (usize, (usize, Vec<f64>))| Slice {
            number: place + 1,
            from_s: place as f64 * part_s,
            to_s: (place + 1) as f64 * part_s,
            rate: requests as f64 / part_s,
            routes,
            purpose: PURPOSES[place],
        };
        let parts = counts.into_iter().enumerate().filter(|(_, (requests, _))| *requests >= FEWEST);
        let slices: Vec<Slice> = parts.map(slice).collect();
        let has = |purpose: Purpose| slices.iter().any(|slice| slice.purpose == purpose);
        let kept_apart = [Purpose::Training, Purpose::Validation, Purpose::Test].into_iter().all(has);
        if kept_apart { Self { slices, kept_apart } } else { Self::whole(episode, routes, length_s) }
    }

    /// Returns the recording as a single slice, for all purposes.
    fn whole(episode: &Episode, routes: usize, length_s: f64) -> Self {
        let mut of_route = vec![0.0; routes];
        for exchange in &episode.exchanges {
            if let Some(count) = of_route.get_mut(usize::from(exchange.route)) {
                *count += 1.0;
            }
        }
        let rate = episode.exchanges.len() as f64 / length_s;
        let purpose = Purpose::Training;
        let slice = Slice { number: 1, from_s: 0.0, to_s: length_s, rate, routes: of_route, purpose };
        Self { slices: vec![slice], kept_apart: false }
    }

    /// Returns the slices for a purpose; at least one.
    pub(in crate::executor) fn of(&self, purpose: Purpose) -> Vec<&Slice> {
        self.slices.iter().filter(|slice| !self.kept_apart || slice.purpose == purpose).collect()
    }

    /// Returns all slices, in order of time.
    pub(in crate::executor) fn all(&self) -> &[Slice] {
        &self.slices
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_core::{Span, Time};
    use lb_traces::read::{End, Exchange, HintPlace};

    /// An episode with requests at these seconds.
    fn episode(seconds: impl Iterator<Item = f64>) -> Episode {
        let exchange = |(number, at): (usize, f64)| Exchange {
            sent: Time::ZERO + Span::from_secs_f64(at),
            latency: Some(Span::from_millis(10)),
            service: None,
            backend: 0,
            route: (number % 4 == 0).into(),
            balancer: 0,
            hints: HintPlace::default(),
            end: End::Served,
        };
        Episode { exchanges: seconds.enumerate().map(exchange).collect(), ..Episode::default() }
    }

    #[test]
    fn slices_for_training_selection_and_test_do_not_overlap() {
        // 100 per second for a minute, then 300 per second for another.
        let calm = (0..6_000).map(|number| f64::from(number) / 100.0);
        let busy = (0..=18_000).map(|number| 60.0 + f64::from(number) / 300.0);
        let timeline = Timeline::new(&episode(calm.chain(busy)), 2);
        assert!(timeline.kept_apart);
        let purposes = [Purpose::Training, Purpose::Validation, Purpose::Test];
        let counts = purposes.map(|purpose| timeline.of(purpose).len());
        assert_eq!(counts, [8, 2, 2], "every slice has one purpose");
        for pair in timeline.all().windows(2) {
            assert!((pair[0].to_s - pair[1].from_s).abs() < 1e-9, "they follow each other: {pair:?}");
        }
        for purpose in purposes {
            let rates: Vec<f64> = timeline.of(purpose).iter().map(|slice| slice.rate.round()).collect();
            assert!(
                rates.contains(&100.0) && rates.contains(&300.0),
                "{purpose:?} has both loads: {rates:?}"
            );
        }
        let first = &timeline.all()[0];
        assert_eq!(first.routes, [750.0, 250.0], "every fourth request was of the other route");
    }

    #[test]
    fn slices_with_hardly_a_request_are_left_out() {
        let calm = (0..60).map(f64::from);
        let busy = (0..=18_000).map(|number| 60.0 + f64::from(number) / 300.0);
        let timeline = Timeline::new(&episode(calm.chain(busy)), 2);
        assert!(timeline.kept_apart, "the second half has slices for everything");
        assert!(timeline.all().iter().all(|slice| slice.from_s >= 60.0), "{:?}", timeline.all());
    }

    #[test]
    fn a_short_recording_is_one_slice_and_says_so() {
        let timeline = Timeline::new(&episode((0..1_000).map(|number| f64::from(number) / 100.0)), 2);
        assert!(!timeline.kept_apart);
        let [only] = timeline.of(Purpose::Test)[..] else { panic!("one slice: {timeline:?}") };
        assert!((only.rate - 100.0).abs() < 1.0, "{only:?}");
        assert_eq!(timeline.of(Purpose::Training), [only], "it serves all purposes");
    }
}
