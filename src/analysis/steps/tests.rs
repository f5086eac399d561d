//! Identity of items and attribution of work, with lists of our own.

use chrono::{DateTime, Utc};

use super::todo::TodoItem;
use super::{Board, Phase, PhaseTracker, StepSource, StepStatus, TaskChange, TodoSnapshot, Vote};

use StepStatus::{Completed, InProgress, Pending, Skipped};

fn at(second: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(1_760_000_000 + second, 0)
}

fn list(items: &[(&str, StepStatus)]) -> TodoSnapshot {
    let item =
        |(name, status): &(&str, StepStatus)| TodoItem { name: (*name).into(), status: *status, id: None };
    TodoSnapshot { items: items.iter().map(item).collect() }
}

fn board(lists: &[&[(&str, StepStatus)]]) -> Board {
    let mut board = Board::default();
    for (second, items) in (0..).step_by(10).zip(lists) {
        board.apply_todo(&list(items), at(second));
    }
    board
}

fn shown(board: &Board) -> Vec<(&str, StepStatus)> {
    board.steps().iter().map(|step| (step.name.as_str(), step.status)).collect()
}

#[test]
fn an_item_renamed_in_place_keeps_its_id_and_its_times() {
    let board = board(&[
        &[("Read the code", Completed), ("Verify CI and finalize", InProgress)],
        &[("Read the code", Completed), ("Mark it as ready", Completed)],
    ]);
    assert_eq!(shown(&board), [("Read the code", Completed), ("Mark it as ready", Completed)]);
    assert_eq!((board.steps()[1].started_at, board.steps()[1].completed_at), (at(0), at(10)));
}

#[test]
fn items_keep_their_ids_when_the_list_is_reordered() {
    let board = board(&[&[("A", Pending), ("B", Pending)], &[("B", InProgress), ("A", Pending)]]);
    assert_eq!(shown(&board), [("A", Pending), ("B", InProgress)]);
}

#[test]
fn a_replaced_list_leaves_its_open_items_skipped_and_its_done_items_done() {
    let board = board(&[
        &[("Study the lexer", Completed), ("Draw the plan", InProgress)],
        &[("Ship packages", Pending), ("Email everybody", Pending)],
    ]);
    assert_eq!(
        shown(&board),
        [
            ("Study the lexer", Completed),
            ("Draw the plan", Skipped),
            ("Ship packages", Pending),
            ("Email everybody", Pending)
        ]
    );
}

#[test]
fn a_done_item_never_becomes_another_one_that_is_not() {
    let board = board(&[
        &[("Read", Completed), ("Build the parser", Completed), ("End", Pending)],
        &[("Read", Completed), ("Deploy to production", Pending), ("End", Pending)],
    ]);
    assert_eq!(board.steps().len(), 4);
    assert_eq!(shown(&board)[1], ("Build the parser", Completed));
}

#[test]
fn an_item_that_comes_back_under_its_name_is_the_same() {
    let board = board(&[
        &[("A", InProgress), ("B", Pending)],
        &[("B", Pending)],
        &[("A", Completed), ("B", Pending)],
    ]);
    assert_eq!(shown(&board), [("A", Completed), ("B", Pending)]);
}

#[test]
fn several_items_in_progress_are_kept_and_the_newest_takes_the_work() {
    let board = board(&[&[("A", InProgress), ("B", Pending)], &[("A", InProgress), ("B", InProgress)]]);
    assert_eq!(shown(&board), [("A", InProgress), ("B", InProgress)]);
    assert_eq!(board.target(), Some(1));
}

#[test]
fn work_before_the_list_has_a_step_of_its_own_that_ends_with_the_list() {
    let mut board = Board::default();
    board.follow_phase(Vote::For(Phase::Analysis), at(0));
    board.apply_todo(&list(&[("A", InProgress)]), at(5));
    board.follow_phase(Vote::For(Phase::Delivery), at(6));
    assert_eq!(shown(&board), [("Analysis Phase", Completed), ("A", InProgress)]);
    assert_eq!(board.steps()[0].completed_at, at(5));
}

#[test]
fn tasks_change_by_id_and_a_deleted_one_is_skipped() {
    let mut board = Board::default();
    board.create_task("1", "Add logos", at(0));
    board.create_task("2", "Add styles", at(1));
    let change = |id: &str, status, subject: Option<&str>| TaskChange {
        task_id: id.into(),
        status,
        subject: subject.map(str::to_owned),
    };
    board.change_task(&change("1", Some(InProgress), None), at(2));
    board.change_task(&change("1", None, Some("Add all logos")), at(3));
    board.change_task(&change("1", Some(Completed), None), at(4));
    board.change_task(&change("2", Some(Skipped), None), at(5));
    board.change_task(&change("9", Some(Skipped), None), at(6));
    assert_eq!(shown(&board), [("Add all logos", Completed), ("Add styles", Skipped)]);
    assert!(board.steps().iter().all(|step| step.source == StepSource::Task));
}

#[test]
fn a_read_in_the_midst_of_editing_is_no_new_phase_but_six_are() {
    let mut tracker = PhaseTracker::default();
    let read = Vote::For(Phase::Analysis);
    assert_eq!(tracker.vote(read), Phase::Analysis);
    assert_eq!(tracker.vote(Vote::For(Phase::Implementation)), Phase::Implementation);
    let phases: Vec<Phase> = (0..6).map(|_| tracker.vote(read)).collect();
    assert_eq!(phases[..5], [Phase::Implementation; 5]);
    assert_eq!(phases[5], Phase::Analysis);
}
