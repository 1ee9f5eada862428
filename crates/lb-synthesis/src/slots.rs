//! Time zones, and the 168 hours of a week in one: the slots that rates are learned for.

use jiff::civil::{DateTime, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan};

/// Nanoseconds of a second.
pub(crate) const SECOND: i64 = 1_000_000_000;
/// Nanoseconds of a quarter of an hour. Every time zone in use begins its hours on one.
pub(crate) const QUARTER: i64 = 900 * SECOND;
/// Hours of a week.
pub(crate) const SLOTS: usize = 168;
/// Hours of a working day, then those of a day at the weekend.
pub(crate) const CLASS_HOURS: usize = 48;

/// A time zone, with the name under which it was given.
#[derive(Clone, Debug)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

impl Zone {
    /// Returns the zone UTC.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// Parses a time zone: `UTC`, an offset such as `+02:00`, or a name of the system's time zone database such as
    /// `Europe/Berlin`.
    ///
    /// # Errors
    /// The text is none of them.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("utc") || text == "Z" {
            return Ok(Self::utc());
        }
        let zone = offset(text).map(Offset::to_time_zone).or_else(|| TimeZone::get(text).ok());
        match zone {
            Some(zone) => Ok(Self { name: text.to_owned(), zone }),
            None => Err(format!(
                "`{text}` is not a time zone; use `UTC`, an offset such as `+02:00`, or a name such as `Europe/Berlin`"
            )),
        }
    }

    /// Returns the name under which the zone was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the local date and time at a Unix time in nanoseconds.
    pub(crate) fn local(&self, at: i64) -> DateTime {
        let time = Timestamp::from_nanosecond(i128::from(at)).unwrap_or(Timestamp::UNIX_EPOCH);
        self.zone.to_datetime(time)
    }

    /// Returns the slot at a Unix time in nanoseconds.
    pub(crate) fn slot(&self, at: i64) -> Slot {
        let local = self.local(at);
        let weekday = local.weekday().to_monday_zero_offset() as u8;
        Slot(weekday * 24 + local.hour().unsigned_abs())
    }

    /// Returns the Unix time of a local date and time, in nanoseconds. `None` beyond the year 2262.
    pub(crate) fn instant(&self, local: DateTime) -> Option<i64> {
        let zoned = local.to_zoned(self.zone.clone()).ok()?;
        i64::try_from(zoned.timestamp().as_nanosecond()).ok()
    }

    /// Returns midnight of the first day after `at`.
    pub(crate) fn next_midnight(&self, at: i64) -> Option<i64> {
        let tomorrow = self.local(at).date().checked_add(1.day()).ok()?;
        self.instant(tomorrow.at(0, 0, 0, 0))
    }

    /// Returns midnight of the first day after `at` that is this weekday.
    pub(crate) fn next_weekday(&self, at: i64, weekday: Weekday) -> Option<i64> {
        let day = self.local(at).date().nth_weekday(1, weekday).ok()?;
        self.instant(day.at(0, 0, 0, 0))
    }
}

/// Parses an offset from UTC, such as `+02:00` or `-0330`.
fn offset(text: &str) -> Option<Offset> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    let is_whole = matches!(digits.len(), 2 | 4) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let hours: i32 = is_whole.then(|| digits[..2].parse().ok())??;
    let minutes: i32 = if digits.len() == 4 { digits[2..].parse().ok()? } else { 0 };
    (minutes < 60).then(|| Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok())?
}

/// An hour of the week: 0 is Monday from 00:00, 167 is Sunday from 23:00.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(u8);

impl Slot {
    /// Returns the slot of a weekday (0 is Monday) and an hour.
    pub(crate) const fn new(weekday: u8, hour: u8) -> Self {
        Self((weekday % 7) * 24 + hour % 24)
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..SLOTS as u8).map(Self)
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Returns the weekday; 0 is Monday.
    pub(crate) const fn weekday(self) -> u8 {
        self.0 / 24
    }

    pub(crate) const fn hour(self) -> u8 {
        self.0 % 24
    }

    /// Returns whether the day is a Saturday or a Sunday.
    pub(crate) const fn is_weekend(self) -> bool {
        self.weekday() >= 5
    }

    /// Returns the hour within its class of days: 0 to 23 on working days, 24 to 47 at weekends.
    pub(crate) fn class_hour(self) -> usize {
        usize::from(self.hour()) + if self.is_weekend() { 24 } else { 0 }
    }
}

/// A stretch of time within one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Unix time in nanoseconds.
    pub(crate) from: i64,
    /// Unix time in nanoseconds, not included.
    pub(crate) to: i64,
    pub(crate) slot: Slot,
}

impl Piece {
    pub(crate) fn seconds(self) -> f64 {
        (self.to - self.from) as f64 / SECOND as f64
    }
}

/// Cuts a stretch of time at the hours of a zone.
pub(crate) fn cut(zone: &Zone, from: i64, to: i64) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut at = from;
    while at < to {
        let end = ((at.div_euclid(QUARTER) + 1) * QUARTER).min(to);
        let slot = zone.slot(at);
        match pieces.last_mut() {
            Some(last) if last.slot == slot && end - last.from <= 4 * QUARTER => last.to = end,
            _ => pieces.push(Piece { from: at, to: end, slot }),
        }
        at = end;
    }
    pieces
}

/// Returns how long each slot was observed, in seconds.
pub(crate) fn exposures(pieces: &[Piece]) -> Vec<f64> {
    let mut seconds = vec![0.0; SLOTS];
    for piece in pieces {
        seconds[piece.slot.index()] += piece.seconds();
    }
    seconds
}

/// Visits each piece with the events in it. Events must be in order of time, and so must pieces.
pub(crate) fn events_of<'a, E>(
    pieces: &'a [Piece],
    events: &'a [E],
    at: impl Fn(&E) -> i64 + Copy + 'a,
) -> impl Iterator<Item = (Piece, &'a [E])> {
    pieces.iter().map(move |piece| {
        let first = events.partition_point(|event| at(event) < piece.from);
        let end = first + events[first..].partition_point(|event| at(event) < piece.to);
        (*piece, &events[first..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-05 00:00 UTC, a Monday.
    const MONDAY: i64 = 1_767_571_200 * SECOND;

    #[test]
    fn hours_belong_to_weekdays_of_the_zone() {
        let utc = Zone::utc();
        assert_eq!(utc.slot(MONDAY), Slot::new(0, 0));
        assert_eq!(utc.slot(MONDAY - 1), Slot::new(6, 23));
        let berlin = Zone::parse("+01:00").expect("an offset");
        assert_eq!(berlin.slot(MONDAY), Slot::new(0, 1));
        let india = Zone::parse("+0530").expect("an offset");
        let pieces = cut(&india, MONDAY, MONDAY + 3600 * SECOND);
        assert_eq!(pieces.iter().map(|piece| piece.slot.hour()).collect::<Vec<_>>(), [5, 6]);
        assert_eq!(pieces[0].seconds(), 1800.0);
        for wrong in ["", "+", "+2", "+25:99", "Mars/Base"] {
            assert!(Zone::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_week_is_cut_into_168_hours() {
        let pieces = cut(&Zone::utc(), MONDAY, MONDAY + 168 * 3600 * SECOND);
        assert_eq!(pieces.len(), 168);
        assert!(exposures(&pieces).iter().all(|seconds| *seconds == 3600.0));
        assert_eq!(Zone::utc().next_midnight(MONDAY), Some(MONDAY + 24 * 3600 * SECOND));
        assert_eq!(Zone::utc().next_weekday(MONDAY, Weekday::Monday), Some(MONDAY + 168 * 3600 * SECOND));
    }
}
