//! Patterns on a timeline: how many users are active at once, how many a cap allows, where the gaps are, and
//! how users are scaled. Pure arithmetic over seconds.

/// Minimum length of a pattern, in seconds.
pub(super) const SHORTEST_S: f64 = 0.1;

/// A number of users from one offset to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Block {
    /// Start in seconds.
    pub(super) start: f64,
    /// End in seconds, exclusive.
    pub(super) end: f64,
    /// Number of concurrent users.
    pub(super) users: u32,
}

impl Block {
    /// Blocks that overlap by less than this many seconds only touch: the overlap is a rounding error.
    const TOUCH: f64 = 1e-6;

    fn holds(&self, moment: f64) -> bool {
        self.start <= moment && moment < self.end - Self::TOUCH
    }
}

/// Returns the busiest moment and its number of users. The number only rises where a block starts, so only
/// those moments are checked.
fn busiest(blocks: &[Block], among: impl Fn(f64) -> bool) -> Option<(f64, u64)> {
    let users_at = |moment: f64| -> u64 {
        blocks.iter().filter(|block| block.holds(moment)).map(|block| u64::from(block.users)).sum()
    };
    let moments = blocks.iter().map(|block| block.start).filter(|start| among(*start));
    moments.map(|moment| (moment, users_at(moment))).max_by(|a, b| a.1.cmp(&b.1).then(b.0.total_cmp(&a.0)))
}

/// Returns the number of users at the busiest moment.
pub(super) fn peak(blocks: &[Block]) -> u64 {
    busiest(blocks, |_| true).map_or(0, |(_, users)| users)
}

/// Returns the number of users that `cap` leaves for `block` in addition to `others`.
pub(super) fn room(block: &Block, others: &[Block], cap: u32) -> u32 {
    // An empty block also counts the others at the start of `block`, because they may have started earlier.
    let marker = Block { users: 0, ..*block };
    let with_marker: Vec<Block> = others.iter().copied().chain([marker]).collect();
    let within = |moment: f64| block.holds(moment);
    let taken = busiest(&with_marker, within).map_or(0, |(_, users)| users);
    u32::try_from(u64::from(cap).saturating_sub(taken)).unwrap_or(0)
}

/// Scales the users of each block so that the busiest moment has `wanted` users and proportions are kept.
/// Every block keeps at least one user, so the peak may be higher than a very small `wanted`.
pub(super) fn scale_users(blocks: &[Block], wanted: u32) -> Vec<u32> {
    let now = peak(blocks).max(1) as f64;
    let exact: Vec<f64> =
        blocks.iter().map(|block| f64::from(block.users) * f64::from(wanted) / now).collect();
    let mut scaled: Vec<Block> = blocks
        .iter()
        .zip(&exact)
        .map(|(block, users)| Block { users: (users.floor() as u32).max(1), ..*block })
        .collect();
    // Rounding down leaves a few users, which go to the largest remainders at the busiest moment.
    let moment = busiest(blocks, |_| true).map_or(0.0, |(moment, _)| moment);
    let mut there: Vec<usize> = (0..blocks.len()).filter(|&i| blocks[i].holds(moment)).collect();
    there.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()).then(a.cmp(&b)));
    for index in there {
        scaled[index].users += 1;
        if peak(&scaled) > u64::from(wanted) {
            scaled[index].users -= 1;
        }
    }
    scaled.iter().map(|block| block.users).collect()
}

/// Returns the gaps between 0 and the last end, each as its start and end.
pub(super) fn gaps(blocks: &[Block]) -> Vec<(f64, f64)> {
    let mut sorted: Vec<&Block> = blocks.iter().collect();
    sorted.sort_by(|a, b| a.start.total_cmp(&b.start));
    let mut covered = 0.0_f64;
    let mut gaps = Vec::new();
    for block in sorted {
        if block.start > covered {
            gaps.push((covered, block.start));
        }
        covered = covered.max(block.end);
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(start: f64, end: f64, users: u32) -> Block {
        Block { start, end, users }
    }

    #[test]
    fn overlaps_add_up_and_touching_blocks_do_not() {
        assert_eq!(peak(&[block(0.0, 10.0, 95), block(10.0, 20.0, 52)]), 95, "ends are exclusive");
        assert_eq!(peak(&[block(25.0, 60.0, 52), block(30.0, 50.0, 84), block(50.0, 90.0, 42)]), 136);
        assert_eq!(peak(&[]), 0);
    }

    #[test]
    fn a_cap_leaves_what_the_busiest_shared_moment_does_not_take() {
        let others = [block(0.0, 30.0, 50), block(20.0, 40.0, 30)];
        assert_eq!(room(&block(10.0, 15.0, 99), &others, 100), 50, "only the first is there");
        assert_eq!(room(&block(10.0, 25.0, 99), &others, 100), 20, "from 20 on both are there");
        assert_eq!(room(&block(35.0, 45.0, 99), &others, 100), 70, "the second began before");
        assert_eq!(room(&block(20.0, 21.0, 1), &others, 60), 0, "a cap that is exceeded leaves none");
    }

    #[test]
    fn scaled_users_meet_the_wanted_peak_in_proportion() {
        let blocks = [block(0.0, 25.0, 95), block(25.0, 60.0, 52), block(30.0, 50.0, 84)];
        assert_eq!(scale_users(&blocks, 136), vec![95, 52, 84], "the same peak changes nothing");
        let half = scale_users(&blocks, 67);
        assert_eq!(half[1] + half[2], 67, "the busiest moment has the wanted users");
        assert_eq!(scale_users(&blocks, 1), vec![1, 1, 1], "each pattern keeps a user");
        assert_eq!(scale_users(&blocks, 1360), vec![950, 520, 840], "it scales up as well");
    }

    #[test]
    fn gaps_lie_where_no_block_does() {
        let blocks = [block(180.0, 240.0, 5), block(0.0, 60.0, 5)];
        assert_eq!(gaps(&blocks), vec![(60.0, 180.0)]);
        assert_eq!(gaps(&[block(0.0, 60.0, 5), block(30.0, 90.0, 5)]), vec![], "overlaps have none");
        assert_eq!(gaps(&[block(5.0, 6.0, 1)]), vec![(0.0, 5.0)], "a late start is a gap too");
    }
}
