//! Whether the machine was alone: how many processors others kept busy meanwhile. A median forgives what comes and goes, but
//! not a neighbour that stays.

/// Less is what every system does beside.
const BUSY_MIN: f64 = 0.2;

/// Ticks of all processors so far, and of this process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ticks {
    processors: f64,
    /// Idle or not, on all processors together.
    all: f64,
    /// Not idle; what a hypervisor took away counts, too.
    busy: f64,
    own: f64,
}

impl Ticks {
    /// None where there is no `/proc`.
    pub(super) fn now() -> Option<Self> {
        let read = |path| std::fs::read_to_string(path).ok();
        Self::parse(&read("/proc/stat")?, &read("/proc/self/stat")?)
    }

    /// The line `cpu` has user, nice, system, idle, iowait, irq, softirq, steal and two that are parts of the first ones; the
    /// 14th and 15th field of a process are its user and system time.
    fn parse(stat: &str, own: &str) -> Option<Self> {
        let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().take(8);
        let fields: Vec<f64> = fields.map(str::parse).collect::<Result<_, _>>().ok()?;
        let all: f64 = fields.iter().sum();
        let idle = fields.get(3)? + fields.get(4)?;
        let is_processor = |line: &&str| {
            line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
        };
        let processors = stat.lines().filter(is_processor).count() as f64;
        let (_, own) = own.rsplit_once(')')?;
        let own = own.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        let own = own.sum::<Result<f64, _>>().ok()?;
        Some(Self { processors, all, busy: all - idle, own })
    }

    /// Processors that others kept busy from then till now, on average.
    fn others_since(&self, then: &Self) -> f64 {
        let (all, busy, own) = (self.all - then.all, self.busy - then.busy, self.own - then.own);
        if all > 0.0 { ((busy - own) / all * self.processors).max(0.0) } else { 0.0 }
    }
}

/// What to say of it, if it was not alone since `then`.
pub(super) fn company(then: Option<Ticks>) -> Option<String> {
    let (then, now) = (then?, Ticks::now()?);
    let others = now.others_since(&then);
    (others >= BUSY_MIN).then(|| {
        format!("other processes kept {others:.1} of {} processors busy meanwhile: figures are too low", now.processors)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_what_is_busy_and_not_own() {
        let ticks = |user: u32, idle: u32, own: u32| {
            let stat = format!("cpu  {user} 0 10 {idle} 5 0 0 20 7 0\ncpu0 1 2 3\ncpu1 1 2 3\nintr 5\ncpufreq 1\n");
            Ticks::parse(&stat, &format!("12 (a b) c) S 1 2 3 4 5 6 7 8 9 10 {own} 3 0 0\n")).unwrap()
        };
        let then = ticks(100, 1000, 50);
        assert_eq!((then.processors, then.all, then.busy, then.own), (2.0, 1135.0, 130.0, 53.0));
        // Of 2 × 100 ticks 150 were busy, 100 of them own.
        assert_eq!(ticks(250, 1050, 150).others_since(&then), 0.5);
        assert_eq!(then.others_since(&then), 0.0);
        assert_eq!(Ticks::parse("", ""), None);
    }
}
