//! Measures how busy the CPUs are that this process may use, with the work of all processes: other processes
//! on the same cores are what most often spoils a measurement. CPUs that the process may not use do not
//! count.

use rustix::thread::{CpuSet, sched_getaffinity};

/// CPU time since the machine started, of the CPUs that this process may use, in clock ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MachineCpu {
    busy: u64,
    all: u64,
}

impl MachineCpu {
    /// Reads the figures now; `None` if the system does not provide them.
    pub fn now() -> Option<Self> {
        let allowed = sched_getaffinity(None).ok()?;
        let may_use = |cpu: usize| cpu < CpuSet::MAX_CPU && allowed.is_set(cpu);
        Self::parse(&std::fs::read_to_string("/proc/stat").ok()?, may_use)
    }

    /// Share of this CPU time that was in use since `before`, from 0 to 1; `None` if no time has passed.
    pub fn busy_share_since(&self, before: &Self) -> Option<f64> {
        let all = self.all.checked_sub(before.all).filter(|all| *all > 0)?;
        // Waiting for a disk can be counted back (proc(5)), so the difference is not always positive.
        Some(self.busy.saturating_sub(before.busy) as f64 / all as f64)
    }

    /// Reads `proc_stat(5)`, whose lines `cpu0`, `cpu1` and so on hold one CPU each.
    fn parse(stat: &str, may_use: impl Fn(usize) -> bool) -> Option<Self> {
        let cpus = stat.lines().filter_map(|line| {
            let (name, ticks) = line.split_once(' ')?;
            let cpu = name.strip_prefix("cpu")?.parse().ok()?;
            may_use(cpu).then(|| Self::of_cpu(ticks))
        });
        let sum = |sum: Self, cpu: Self| Self { busy: sum.busy + cpu.busy, all: sum.all + cpu.all };
        cpus.collect::<Option<Vec<Self>>>()?.into_iter().reduce(sum)
    }

    /// Reads user, nice, system, idle, iowait, irq, softirq, steal. A core that waits for a disk is free for
    /// others; one that the hypervisor has taken is not. Guest time, the last two figures, is already part of
    /// user and nice.
    fn of_cpu(ticks: &str) -> Option<Self> {
        let ticks = ticks.split_whitespace().take(8).map(|tick| tick.parse().ok());
        let ticks: Vec<u64> = ticks.collect::<Option<_>>()?;
        let [user, nice, system, idle, rest @ ..] = ticks.as_slice() else { return None };
        let busy = user + nice + system + rest.iter().skip(1).sum::<u64>();
        Some(Self { busy, all: busy + idle + rest.first().unwrap_or(&0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  9 9 9 9\ncpu0 100 20 30 800 50 1 4 5 60 0\ncpu1 7 0 0 3\nintr 5 6\n";

    #[test]
    fn waiting_for_a_disk_is_idle_and_stolen_time_is_busy() {
        let cpu = MachineCpu::parse(STAT, |cpu| cpu == 0).expect("a line for the CPU");
        assert_eq!(cpu, MachineCpu { busy: 100 + 20 + 30 + 1 + 4 + 5, all: 1_010 }, "guests count once");
        let later = MachineCpu { busy: 160 + 30, all: 1_010 + 120 };
        assert_eq!(later.busy_share_since(&cpu), Some(0.25));
        assert_eq!(cpu.busy_share_since(&cpu), None, "no time, no share");
    }

    #[test]
    fn only_cpus_that_the_process_may_use_count() {
        let of = |may_use: fn(usize) -> bool| MachineCpu::parse(STAT, may_use);
        assert_eq!(of(|_| true), Some(MachineCpu { busy: 167, all: 1_020 }), "both");
        assert_eq!(of(|cpu| cpu == 1), Some(MachineCpu { busy: 7, all: 10 }), "CPU 0 is not allowed");
        assert_eq!(of(|_| false), None, "no CPU is allowed");
        assert!(MachineCpu::now().is_some(), "this machine reports it");
    }

    #[test]
    fn odd_systems_tell_nothing() {
        for odd in ["", "cpu\n", "cpu0 1 2 x 4\n", "cpu0 1 2 3\n", "cpu  1 2 3 4\n"] {
            assert_eq!(MachineCpu::parse(odd, |_| true), None, "`{odd}`");
        }
    }
}
