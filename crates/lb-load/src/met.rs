//! Which backends answered on a connection: one, if a balancer of connections stands in between.

use lb_record::ConnectionTimes;

/// The backends that answered on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Met {
    /// No reply named a backend yet.
    #[default]
    Nobody,
    /// All replies that named a backend named this one.
    One(u16),
    /// Replies named several backends.
    Several,
}

impl Met {
    /// Returns whether a reply from this backend changes nothing, as nearly always.
    #[inline]
    pub(crate) fn is_settled(self, backend: Option<u16>) -> bool {
        match (self, backend) {
            (Self::Several, _) | (_, None) => true,
            (Self::One(known), Some(backend)) => known == backend,
            (Self::Nobody, Some(_)) => false,
        }
    }

    /// Takes in a reply from this backend, and counts the connection accordingly.
    #[cold]
    pub(crate) fn meet(&mut self, backend: u16, counts: &mut ConnectionTimes) {
        match *self {
            Self::Nobody => {
                counts.met_first(backend);
                *self = Self::One(backend);
            }
            Self::One(first) => {
                counts.met_another(first);
                *self = Self::Several;
            }
            Self::Several => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_counted_once_under_its_only_backend_or_as_one_of_several() {
        let mut counts = ConnectionTimes::default();
        let mut met = [Met::default(), Met::default()];
        for (connection, backend) in
            [(0, None), (0, Some(1)), (1, Some(1)), (0, Some(1)), (1, Some(0)), (1, Some(1))]
        {
            if let Some(backend) = backend.filter(|_| !met[connection].is_settled(backend)) {
                met[connection].meet(backend, &mut counts);
            }
        }
        assert_eq!(met, [Met::One(1), Met::Several]);
        assert_eq!((counts.by_backend.as_slice(), counts.several), ([0, 1].as_slice(), 1));
    }
}
