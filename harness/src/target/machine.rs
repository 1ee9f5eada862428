//! How busy the whole machine is, whoever keeps it busy: neighbours on the same cores are what most
//! often spoils a measurement.

/// CPU time of all cores since the machine started, in clock ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineCpu {
    busy: u64,
    all: u64,
}

impl MachineCpu {
    /// The figures now; none where the system does not tell.
    pub fn now() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    /// Share of all CPU time that was in use since `before`, from 0 to 1; none when no time has passed.
    pub fn busy_share_since(&self, before: &Self) -> Option<f64> {
        let all = self.all.checked_sub(before.all).filter(|all| *all > 0)?;
        // Waiting for a disk can be counted back (proc(5)), so the difference is not always positive.
        Some(self.busy.saturating_sub(before.busy) as f64 / all as f64)
    }

    /// Reads `proc_stat(5)`: user, nice, system, idle, iowait, irq, softirq, steal. A core that waits for
    /// a disk is free for others; one that the hypervisor has taken is not. Guests, the last two figures,
    /// are in user and nice already.
    fn parse(stat: &str) -> Option<Self> {
        let all = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks: Vec<u64> = all.split_whitespace().take(8).map_while(|tick| tick.parse().ok()).collect();
        let [user, nice, system, idle, rest @ ..] = ticks.as_slice() else { return None };
        let busy = user + nice + system + rest.iter().skip(1).sum::<u64>();
        Some(Self { busy, all: busy + idle + rest.first().unwrap_or(&0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  100 20 30 800 50 1 4 5 60 0\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 5 6\n";

    #[test]
    fn waiting_for_a_disk_is_idle_and_stolen_time_is_busy() {
        let cpu = MachineCpu::parse(STAT).expect("a line for all cores");
        assert_eq!(cpu, MachineCpu { busy: 100 + 20 + 30 + 1 + 4 + 5, all: 1_010 }, "guests count once");
        let later = MachineCpu { busy: 160 + 30, all: 1_010 + 120 };
        assert_eq!(later.busy_share_since(&cpu), Some(0.25));
        assert_eq!(cpu.busy_share_since(&cpu), None, "no time, no share");
    }

    #[test]
    fn old_and_odd_systems_tell_less_or_nothing() {
        let old = MachineCpu::parse("cpu  1 2 3 4\n");
        assert_eq!(old, Some(MachineCpu { busy: 6, all: 10 }), "the first four are always there");
        for odd in ["", "cpu\n", "cpu  1 2 x 4\n", "cpu0 1 2 3 4\n"] {
            assert_eq!(MachineCpu::parse(odd), None, "`{odd}`");
        }
    }
}
