//! What the demo's own clients ask for, and when: enough of everything that the operators' page has something to show after
//! a minute. Pure; whoever asks is `commands`'.

use std::collections::VecDeque;
use std::time::Duration;

use super::script::SampleRun;

/// So many runs that the load has started are polled; the oldest goes when another comes.
const STARTED_POLLED: usize = 6;
/// A run is started every so many turns, with the first of them: the shorter recordings are polled to their end.
const START_EVERY: u64 = 100;
/// Of so many polls one wants notes of a version that there is none of, as a client of the future might.
const FUTURE_EVERY: u64 = 45;

/// How a client asks for the status of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// For nothing in particular: the basic answer.
    Basic,
    /// For notes.
    Enhanced,
    /// For the basic answer, with notes made beside it.
    Shadow,
    /// For both answers in one, to see what differs.
    Compare,
    /// For notes of a version that this gloss does not write, which is a fallback.
    Future,
}

/// One thing to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// The status of the run with this id.
    Status(String, Manner),
    /// Another run of this workflow.
    Start(&'static str),
}

/// The load's schedule.
#[derive(Debug)]
pub struct Load {
    runs: &'static [SampleRun],
    turn: u64,
    polls: u64,
    started: VecDeque<String>,
}

impl Load {
    /// The pause between two turns: gentle, for a service that reads the whole log for each answer.
    pub const PACE: Duration = Duration::from_millis(400);

    /// A load on these runs, of which there has to be one at least.
    pub fn on(runs: &'static [SampleRun]) -> Self {
        Self { runs, turn: 0, polls: 0, started: VecDeque::new() }
    }

    /// What is to be asked for in the next turn.
    pub fn next_ask(&mut self) -> Ask {
        let turn = self.turn;
        self.turn += 1;
        if turn.is_multiple_of(START_EVERY) {
            return Ask::Start(self.pick(turn / START_EVERY + 2).workflow);
        }
        let poll = self.polls;
        self.polls += 1;
        // One run after the other, each in another manner every time.
        let known = self.runs.len() + self.started.len();
        let place = usize::try_from(poll).unwrap_or(0) % known;
        let round = usize::try_from(poll).unwrap_or(0) / known;
        let manner = match (place + round) % 6 {
            _ if poll % FUTURE_EVERY == FUTURE_EVERY - 1 => Manner::Future,
            0 | 2 => Manner::Enhanced,
            4 => Manner::Shadow,
            5 => Manner::Compare,
            _ => Manner::Basic,
        };
        let run = match place.checked_sub(self.runs.len()) {
            None => self.runs[place].id.to_owned(),
            Some(started) => self.started[started].clone(),
        };
        Ask::Status(run, manner)
    }

    /// A run that was asked for has been started under this id.
    pub fn learn(&mut self, run_id: String) {
        self.started.push_back(run_id);
        if self.started.len() > STARTED_POLLED {
            self.started.pop_front();
        }
    }

    fn pick(&self, number: u64) -> &'static SampleRun {
        &self.runs[usize::try_from(number).unwrap_or(0) % self.runs.len()]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::demo::runs;

    fn turns_of(time: Duration) -> usize {
        usize::try_from(time.as_millis() / Load::PACE.as_millis()).unwrap()
    }

    #[test]
    fn within_half_a_minute_every_run_is_asked_for_in_every_manner() {
        let mut load = Load::on(runs());
        let asked: HashSet<_> = (0..turns_of(Duration::from_secs(30)))
            .filter_map(|_| match load.next_ask() {
                Ask::Status(run, manner) => Some((run, format!("{manner:?}"))),
                Ask::Start(_) => None,
            })
            .collect();
        for run in runs() {
            for manner in ["Basic", "Enhanced", "Shadow", "Compare"] {
                assert!(asked.contains(&(run.id.to_owned(), manner.to_owned())), "{} {manner}", run.id);
            }
        }
        assert!(asked.iter().any(|(_, manner)| manner == "Future"));
    }

    #[test]
    fn runs_are_started_polled_and_forgotten() {
        let mut load = Load::on(runs());
        let mut workflows = HashSet::new();
        let mut polled = HashSet::new();
        let mut started = 0;
        for _ in 0..turns_of(Duration::from_mins(5)) {
            match load.next_ask() {
                Ask::Start(workflow) => {
                    workflows.insert(workflow);
                    load.learn(format!("run_started_{started}"));
                    started += 1;
                }
                Ask::Status(run, _) => drop(polled.insert(run)),
            }
            assert!(load.started.len() <= STARTED_POLLED);
        }
        assert_eq!(started, 8);
        assert_eq!(workflows.len(), runs().len());
        assert_eq!(polled.len(), runs().len() + started);
    }
}
