//! Whether the process that a run's log names still lives, on the host that gloss runs on.
//!
//! A number in a log may be another host's or another container's, and numbers are used again. So a process counts as the
//! run's only where it began shortly before the log named it, and its end only where this gloss has seen it alive.
//! Without `/proc`, or where it hides others' processes, nothing can be said.

#![expect(clippy::disallowed_methods, reason = "part of the shell: it reads what the kernel tells")]

use std::fs;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moka::sync::Cache;

use crate::analysis::LoggedProcess;

/// A process is begun, and then named; the kernel tells its own time to a hundredth of a second, and when it booted to a
/// second.
const BEGAN_BEFORE: TimeDelta = TimeDelta::seconds(60);
const CLOCKS_DIFFER: TimeDelta = TimeDelta::seconds(3);
/// Some 100 bytes each.
const REMEMBERED: u64 = 20_000;
const KEPT: Duration = Duration::from_hours(24);
/// What the kernel calls a second in `/proc` (`USER_HZ`), on every architecture that Rust's standard library is for.
const TICKS_A_SECOND: i64 = 100;

/// The processes that were seen alive.
#[derive(Debug)]
pub struct Processes {
    /// When each began, in ticks after boot.
    seen: Cache<(u32, DateTime<Utc>), i64>,
}

/// What the kernel says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Living {
    /// In ticks after boot.
    began: i64,
    /// It has ended, and nobody has asked how.
    is_zombie: bool,
}

impl Processes {
    /// None was seen yet.
    pub fn new() -> Self {
        Self { seen: Cache::builder().max_capacity(REMEMBERED).time_to_idle(KEPT).build() }
    }

    /// Whether this process of a run lives; `None` where nothing can be said.
    pub fn alive(&self, process: LoggedProcess) -> Option<bool> {
        let key = (process.pid, process.at);
        let living = living(&fs::read_to_string(format!("/proc/{}/stat", process.pid)).unwrap_or_default());
        if let Some(began) = self.seen.get(&key) {
            return Some(living.is_some_and(|living| living.began == began && !living.is_zombie));
        }
        let living = living.filter(|living| !living.is_zombie)?;
        let booted = booted(&fs::read_to_string("/proc/stat").ok()?)?;
        let began = booted + TimeDelta::milliseconds(living.began * 1000 / TICKS_A_SECOND);
        let fits = began <= process.at + CLOCKS_DIFFER && began >= process.at - BEGAN_BEFORE;
        fits.then(|| {
            self.seen.insert(key, living.began);
            true
        })
    }
}

impl Default for Processes {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads `/proc/PID/stat` (proc(5)): the state is the third field, the beginning the twenty-second. The second, the
/// program's name, is in parentheses and may hold anything.
fn living(stat: &str) -> Option<Living> {
    let (_, behind_name) = stat.rsplit_once(") ")?;
    let mut fields = behind_name.split(' ');
    let is_zombie = matches!(fields.next()?, "Z" | "X" | "x");
    Some(Living { began: fields.nth(18)?.parse().ok()?, is_zombie })
}

/// Reads the line `btime` of `/proc/stat`.
fn booted(stat: &str) -> Option<DateTime<Utc>> {
    let seconds = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    DateTime::from_timestamp(seconds.trim().parse().ok()?, 0)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    fn sleeper() -> (Child, LoggedProcess) {
        let child = Command::new("sleep").arg("600").spawn().unwrap();
        let process = LoggedProcess { pid: child.id(), at: Utc::now() };
        (child, process)
    }

    #[test]
    fn a_process_that_was_seen_is_known_to_have_ended() {
        let (mut child, process) = sleeper();
        let processes = Processes::new();
        assert_eq!(processes.alive(process), Some(true));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(processes.alive(process), Some(false));
        assert_eq!(Processes::new().alive(process), None, "it was never seen");
    }

    #[test]
    fn a_process_that_nobody_asks_after_has_ended() {
        let (mut child, process) = sleeper();
        let processes = Processes::new();
        assert_eq!(processes.alive(process), Some(true));
        child.kill().unwrap();
        // It stays in the table until its parent has asked.
        let ended =
            std::iter::repeat_with(|| processes.alive(process)).take(1_000_000).any(|a| a == Some(false));
        assert!(ended);
        child.wait().unwrap();
    }

    #[test]
    fn a_number_that_is_another_processs_says_nothing() {
        let (mut child, process) = sleeper();
        let before = LoggedProcess { at: process.at - TimeDelta::minutes(5), ..process };
        let long_after = LoggedProcess { at: process.at + TimeDelta::minutes(5), ..process };
        assert_eq!(Processes::new().alive(before), None, "it began after it was named");
        assert_eq!(Processes::new().alive(long_after), None, "it began long before");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_programs_name_may_hold_anything() {
        let stat = "12 (a) R 1 (b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        assert_eq!(living(stat), Some(Living { began: 4711, is_zombie: false }));
        assert_eq!(living(""), None);
        assert_eq!(booted("cpu 1 2\nbtime 1700000000\n"), DateTime::from_timestamp(1_700_000_000, 0));
    }
}
