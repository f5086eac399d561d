//! Which step gets the time and the work.

use chrono::TimeDelta;

use super::{Board, at, call, list, shown, times};
use crate::analysis::steps::{Phase, StepStatus, Vote};

use StepStatus::{Completed, InProgress, Pending};

fn worked(board: &Board, place: usize) -> Option<i64> {
    board.steps()[place].times.worked(at(1000)).map(|worked| worked.num_seconds())
}

fn follow(board: &mut Board, phase: Phase, second: i64) {
    for _ in 0..6 {
        board.follow_phase(Vote::For(phase), at(second));
    }
}

#[test]
fn a_phase_that_is_taken_up_again_keeps_its_id_and_counts_only_its_own_time() {
    let mut board = Board::default();
    follow(&mut board, Phase::Analysis, 0);
    follow(&mut board, Phase::Implementation, 100);
    follow(&mut board, Phase::Analysis, 160);
    follow(&mut board, Phase::Implementation, 200);
    follow(&mut board, Phase::Delivery, 230);
    let expected =
        [("Analysis Phase", Completed), ("Implementation Phase", Completed), ("Delivery Phase", InProgress)];
    assert_eq!(shown(&board), expected);
    assert_eq!([worked(&board, 0), worked(&board, 1), worked(&board, 2)], [Some(140), Some(90), Some(770)]);
    assert_eq!((times(&board, 0), times(&board, 1)), ((at(0), at(200)), (at(100), at(230))));
}

#[test]
fn an_item_put_back_and_taken_up_again_counts_only_its_own_time() {
    let mut board = Board::default();
    for (second, status) in [(0, InProgress), (10, Pending), (50, InProgress), (70, Completed)] {
        board.apply_todo(&list(&[("A", status), ("B", Pending)]), at(second));
    }
    assert_eq!((worked(&board, 0), times(&board, 0)), (Some(30), (at(0), at(70))));
    assert_eq!(worked(&board, 1), None);
}

#[test]
fn an_item_that_ends_before_it_began_took_no_time() {
    let mut board = Board::default();
    board.apply_todo(&list(&[("A", InProgress)]), at(10));
    board.apply_todo(&list(&[("A", Completed)]), at(5));
    assert_eq!((worked(&board, 0), times(&board, 0)), (Some(0), (at(10), at(10))));
    assert_eq!(board.steps()[0].times.worked(None), Some(TimeDelta::zero()));
}

#[test]
fn before_the_first_item_begins_work_belongs_to_what_was_going_on() {
    let mut board = Board::default();
    call(&mut board, 0);
    board.apply_todo(&list(&[("A", Pending), ("B", Pending)]), at(5));
    call(&mut board, 6);
    assert_eq!(shown(&board)[0], ("Implementation Phase", InProgress));
    board.apply_todo(&list(&[("A", InProgress), ("B", Pending)]), at(9));
    call(&mut board, 10);
    assert_eq!(shown(&board), [("Implementation Phase", Completed), ("A", InProgress), ("B", Pending)]);
    let calls: Vec<u64> = (0..3).map(|place| board.work(place).calls).collect();
    assert_eq!((calls, worked(&board, 0)), (vec![2, 1, 0], Some(9)));
}

#[test]
fn where_nothing_has_begun_work_waits_for_the_first_step_that_does() {
    let mut board = Board::default();
    board.apply_todo(&list(&[("A", Pending), ("B", Pending)]), at(0));
    call(&mut board, 1);
    assert_eq!((board.target(), board.unplaced().calls), (None, 1));
    board.apply_todo(&list(&[("A", Pending), ("B", InProgress)]), at(2));
    board.work_mut(None).called(0);
    assert_eq!((board.work(0).calls, board.work(1).calls, board.unplaced().calls), (0, 2, 0));
}

#[test]
fn an_item_put_back_gets_no_more_work() {
    let mut board = Board::default();
    board.apply_todo(&list(&[("A", Completed), ("B", InProgress)]), at(0));
    board.apply_todo(&list(&[("A", Completed), ("B", Pending)]), at(1));
    assert_eq!(board.target(), Some(0));
}

#[test]
fn an_item_ticked_off_untouched_names_the_one_that_was_at_hand() {
    let mut board = Board::default();
    board.apply_todo(&list(&[("A", InProgress), ("B", Pending), ("C", Pending)]), at(0));
    board.apply_todo(&list(&[("A", Completed), ("B", Completed), ("C", InProgress)]), at(9));
    let along: Vec<Option<usize>> = board.steps().iter().map(|step| step.along_with).collect();
    assert_eq!(along, [None, Some(0), None]);
    assert_eq!((times(&board, 1), worked(&board, 1)), ((None, at(9)), None));
}
