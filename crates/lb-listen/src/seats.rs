//! A bounded number of connections. When all seats are taken, the connection that has been idle for longest
//! makes room: a stranger that holds connections open cannot keep others out.

use crate::activity::{Activity, Phase};
use parking_lot::Mutex;
use std::sync::Arc;

/// The seats of one or several listeners.
#[derive(Debug)]
pub struct Seats {
    most: usize,
    taken: Mutex<Taken>,
}

/// The connections by the number of their seat. A seat whose connection was told to end is already free.
#[derive(Debug, Default)]
struct Taken {
    by_number: Vec<Option<Arc<Activity>>>,
    free: Vec<usize>,
}

/// One connection's seat; dropping it gives it back.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Seats>,
    number: usize,
    pub(crate) activity: Arc<Activity>,
}

impl Seats {
    /// Makes `most` seats.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: most.max(1), taken: Mutex::default() })
    }

    /// Returns the number of seats that are taken.
    pub fn taken(&self) -> usize {
        self.taken.lock().count()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.taken() >= self.most
    }

    /// Takes a seat. If there is none, the connection that has been idle for longest is told to end; `None` if
    /// all connections have a request.
    pub fn take(self: &Arc<Self>) -> Option<Seat> {
        let mut taken = self.taken.lock();
        if taken.count() >= self.most && !taken.dismiss_idlest() {
            return None;
        }
        let activity = Arc::new(Activity::new());
        let number = taken.add(Arc::clone(&activity));
        Some(Seat { seats: Arc::clone(self), number, activity })
    }

    /// Tells the connection that has been idle for longest to end. Returns whether there is one.
    pub fn make_room(&self) -> bool {
        self.taken.lock().dismiss_idlest()
    }
}

impl Taken {
    fn count(&self) -> usize {
        self.by_number.len() - self.free.len()
    }

    fn add(&mut self, activity: Arc<Activity>) -> usize {
        if let Some(number) = self.free.pop() {
            self.by_number[number] = Some(activity);
            return number;
        }
        self.by_number.push(Some(activity));
        self.by_number.len() - 1
    }

    fn dismiss_idlest(&mut self) -> bool {
        let idle = self.by_number.iter().enumerate().filter_map(|(number, activity)| {
            activity
                .as_ref()
                .filter(|activity| activity.phase() != Phase::Busy)
                .map(|idle| (number, idle.since()))
        });
        let Some((number, _)) = idle.min_by_key(|(_, since)| *since) else { return false };
        if let Some(activity) = self.by_number[number].take() {
            self.free.push(number);
            activity.dismiss();
        }
        true
    }

    /// Frees a seat, unless it is no longer that of this connection.
    fn remove(&mut self, number: usize, activity: &Arc<Activity>) {
        let seat = &mut self.by_number[number];
        if seat.as_ref().is_some_and(|seated| Arc::ptr_eq(seated, activity)) {
            *seat = None;
            self.free.push(number);
        }
    }
}

impl Seat {
    /// Marks the connection as occupied until it ends: it makes no room for others, as one with a request. For
    /// connections that go on with another protocol.
    pub fn occupy(&self) {
        self.activity.begin();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken.lock().remove(self.number, &self.activity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_connection_that_is_idle_for_longest_makes_room_and_none_with_a_request_does() {
        let seats = Seats::new(3);
        let [first, second, third] = [(); 3].map(|()| seats.take().expect("there is room"));
        // The first has a request, and the second began to be idle after the third.
        first.activity.begin();
        second.activity.begin();
        while second.activity.since() <= third.activity.since() {
            second.activity.end();
        }
        let newcomer = seats.take().expect("the third makes room");
        let dismissed = [&first, &second, &third].map(|seat| seat.activity.is_dismissed());
        assert_eq!(dismissed, [false, false, true]);
        drop(third);
        assert_eq!(seats.taken(), 3, "the seat of one that was told to go is given back once");
        newcomer.activity.begin();
        second.activity.begin();
        assert!(seats.take().is_none(), "all of them have a request");
        drop(first);
        assert!(seats.take().is_some(), "one has left");
    }
}
