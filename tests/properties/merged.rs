//! Several logs of one run tell of it what one of them does, each event once, whoever read how much of them when.

use gloss::analysis::{Analysis, Limits, Merged, PartRole, Prior};
use proptest::prelude::*;

use crate::laws::{facts, said};
use crate::log;

/// Feeds both logs up to these lengths, anew where they ask for it.
fn catch_up(merged: &mut Merged, roles: &[PartRole], logs: [&[u8]; 2], piece: usize) {
    for _ in 0..2 {
        loop {
            let left = |n: usize| logs[n].len() - usize::try_from(merged.offset(n)).expect("short");
            let mut has_more = [left(0) > 0, left(1) > 0];
            let Some(next) = merged.next(&has_more) else { break };
            let from = logs[next].len() - left(next);
            let to = logs[next].len().min(from + piece);
            has_more[next] = to < logs[next].len();
            merged.feed(next, &logs[next][from..to], &has_more);
        }
        merged.refresh();
        if !merged.is_disordered() {
            return;
        }
        *merged = fresh(roles);
    }
    panic!("in order, nothing is out of order");
}

fn fresh(roles: &[PartRole]) -> Merged {
    Merged::new(Limits::default(), Prior::shipped(), roles.to_vec())
}

fn read(lines: &[String]) -> Analysis {
    let mut analysis = Analysis::default();
    analysis.feed(&log::bytes(lines));
    analysis
}

proptest! {
    #[test]
    fn two_logs_of_a_run_in_different_dialects_tell_what_each_tells(dialects in log::in_all_dialects(12)) {
        let [upstream, _, transcript, answer, sdk] = <[_; 5]>::try_from(dialects).expect("five dialects");
        for (leads, fills) in [(&upstream, PartRole::Run), (&answer, PartRole::Run), (&sdk, PartRole::Transcript)] {
            let roles = [PartRole::Run, fills];
            let mut merged = fresh(&roles);
            let (one, other) = (log::bytes(leads), log::bytes(&transcript));
            catch_up(&mut merged, &roles, [&one, &other], 1 << 20);
            prop_assert_eq!(facts(merged.analysis()), facts(&read(leads)), "{:?}\n{:?}", leads, transcript);
        }
    }

    #[test]
    fn however_far_two_logs_are_read_when_the_state_is_the_same(
        dialects in log::in_all_dialects(12),
        looks in prop::collection::vec((0..=100_usize, 0..=100_usize), 0..6),
        piece in 40..2000_usize,
    ) {
        let (one, other) = (log::bytes(&dialects[0]), log::bytes(&dialects[2]));
        let roles = [PartRole::Run, PartRole::Transcript];
        let mut polled = fresh(&roles);
        let (mut first, mut second) = (0, 0);
        for (more, and_more) in looks {
            first = first.max(one.len() * more / 100);
            second = second.max(other.len() * and_more / 100);
            catch_up(&mut polled, &roles, [&one[..first], &other[..second]], piece);
        }
        catch_up(&mut polled, &roles, [&one, &other], piece);
        let mut at_once = fresh(&roles);
        catch_up(&mut at_once, &roles, [&one, &other], 1 << 20);
        prop_assert_eq!(said(polled.analysis()), said(at_once.analysis()));
    }
}
