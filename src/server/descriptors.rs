//! Room for connections in the process's table of open files.
//!
//! Services are often started with a soft limit of 1024 and a hard one far above: the soft one is raised. Where even
//! that is not enough, accepting waits (see the module above) and the operator is told at the start.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A client's connection, and the upstream's for it.
const PER_CONNECTION: u64 = 2;

/// Listeners, logs, the runtime's own.
const BESIDES: u64 = 256;

/// Raises the limit on open files as far as `max_connections` need it and the system allows.
///
/// What is missing, as a sentence for the log; `None` when there is room.
pub fn make_room(max_connections: usize) -> Option<String> {
    let needed = (max_connections as u64).saturating_mul(PER_CONNECTION).saturating_add(BESIDES);
    let limit = getrlimit(Resource::Nofile);
    let soft = limit.current?;
    if soft >= needed {
        return None;
    }
    let wanted = limit.maximum.map_or(needed, |hard| needed.min(hard));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum });
    let allowed = if raised.is_ok() { wanted } else { soft };
    (allowed < needed).then(|| {
        format!(
            "server.max_connections: {max_connections} connections need {needed} open files, and only {allowed} are \
             allowed; raise the limit (ulimit -n, LimitNOFILE) or lower the number"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_system_allows_is_told_and_less_is_not() {
        let missing = make_room(usize::MAX / 4).unwrap_or_default();
        assert!(missing.contains("server.max_connections") && missing.contains("LimitNOFILE"), "{missing}");
        assert_eq!(make_room(1), None);
    }
}
