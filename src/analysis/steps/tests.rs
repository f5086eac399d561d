//! Identity of items and attribution of work, with lists of our own.

mod attribution;

use chrono::{DateTime, Utc};

use super::todo::TodoItem;
use super::{Board, ListState, Phase, PhaseTracker, StepSource, StepStatus, TaskChange, TodoSnapshot, Vote};

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

fn times(board: &Board, place: usize) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
    let times = &board.steps()[place].times;
    (times.started_at(), times.ended_at())
}

#[test]
fn an_item_renamed_in_place_keeps_its_id_and_its_times() {
    let board = board(&[
        &[("Read the code", Completed), ("Verify CI and finalize", InProgress)],
        &[("Read the code", Completed), ("Mark it as ready", Completed)],
    ]);
    assert_eq!(shown(&board), [("Read the code", Completed), ("Mark it as ready", Completed)]);
    assert_eq!(times(&board, 1), (at(0), at(10)));
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
fn time_that_was_another_items_is_not_given_to_one_that_was_never_begun() {
    let known = board(&[&[("A", InProgress), ("B", Pending)], &[("A", Completed), ("B", Completed)]]);
    assert_eq!((times(&known, 0), times(&known, 1)), ((at(0), at(10)), (None, at(10))));
    let open = board(&[&[("A", Pending), ("B", Pending)], &[("A", Completed), ("B", Pending)]]);
    assert_eq!(times(&open, 0), (at(0), at(10)));
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
    assert_eq!(times(&board, 0).1, at(5));
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

/// Says each text, with a call after it, ten seconds apart.
fn announcing(texts: &[&str]) -> Board {
    let mut board = Board::default();
    for (second, text) in (0..).step_by(10).zip(texts) {
        board.said(text, at(second));
        call(&mut board, second + 1);
    }
    board
}

fn call(board: &mut Board, second: i64) {
    board.begin_announced();
    board.follow_phase(Vote::For(Phase::Implementation), at(second));
    board.work_mut(board.target()).called(0);
}

#[test]
fn two_headings_in_rising_order_are_steps_with_their_own_work_and_times() {
    let board =
        announcing(&["Let me look.", "## Step 1: Read", "Reading on.", "## Step 2: Write", "Written."]);
    assert_eq!(
        shown(&board),
        [("Implementation Phase", Completed), ("Step 1: Read", Completed), ("Step 2: Write", InProgress)]
    );
    assert!(board.steps()[1..].iter().all(|step| step.source == StepSource::Heading));
    let calls: Vec<u64> = (0..3).map(|place| board.work(place).calls).collect();
    assert_eq!(calls, [1, 2, 2]);
    assert_eq!(times(&board, 1), (at(10), at(30)));
}

#[test]
fn one_heading_alone_leaves_the_phases_as_they_are() {
    let board = announcing(&["Let me look.", "## Step 1: Read", "Reading on."]);
    assert_eq!(shown(&board), [("Implementation Phase", InProgress)]);
    assert_eq!(board.work(0).calls, 3);
    let unrelated = announcing(&["Let me look.", "## Step 3: Read", "## Step 1: Write", "**Fix 2: typo**"]);
    assert_eq!(shown(&unrelated), [("Implementation Phase", InProgress)]);
    assert_eq!(unrelated.work(0).calls, 4);
}

#[test]
fn the_first_words_of_a_run_may_name_its_first_step() {
    let board = announcing(&["Step 1: Read", "Step 2: Write", "Step 2: Write", "Step 5: Ship"]);
    let names: Vec<&str> = shown(&board).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["Step 1: Read", "Step 2: Write", "Step 5: Ship"]);
    assert_eq!(board.list(), ListState::default());
}

#[test]
fn a_heading_that_no_work_follows_is_none() {
    let mut board = announcing(&["Let me look.", "## Step 1: Read"]);
    board.said("## Step 2: Summary of the code", at(60));
    board.said("That was all.", at(61));
    call(&mut board, 62);
    assert_eq!(shown(&board), [("Implementation Phase", InProgress)]);
}

#[test]
fn after_much_work_without_a_second_heading_phases_go_on() {
    let mut board = announcing(&["Let me look.", "## Step 1: Read"]);
    (0..60).for_each(|second| call(&mut board, 100 + second));
    board.follow_phase(Vote::For(Phase::Delivery), at(200));
    assert_eq!(shown(&board), [("Implementation Phase", Completed), ("Delivery Phase", InProgress)]);
    assert_eq!(board.work(0).calls, 62);
}

#[test]
fn a_list_takes_over_from_headings_and_keeps_their_steps() {
    let mut board = announcing(&["Step 1: Read", "Step 2: Write"]);
    board.apply_todo(&list(&[("A", InProgress)]), at(50));
    board.said("Step 3: Ship", at(60));
    call(&mut board, 61);
    assert_eq!(shown(&board), [("Step 1: Read", Completed), ("Step 2: Write", Completed), ("A", InProgress)]);
    assert!(board.list().share() < 0.6 && board.list().source == Some(StepSource::Todo));
}

#[test]
fn a_step_keeps_its_own_last_words_and_not_those_that_announce_the_next() {
    let board = announcing(&[
        "Step 1: Read",
        "All 9 pass. Now step 2 — the docs.",
        "The docs are there.",
        "Step 3: Ship",
    ]);
    let said = |place: usize| board.work(place).said;
    assert_eq!(said(0).as_deref(), Some("All 9 pass."));
    assert_eq!(said(1).as_deref(), Some("The docs are there."));
}

#[test]
fn a_task_made_elsewhere_gets_its_subject_from_a_look_at_it() {
    use super::told_subjects;
    let told = told_subjects(
        "#7 [pending] Add logos (ui-dev) [blocked by #2]\n#8 [pending] Add (all) styles\nTask #9: A: b",
    );
    let told: Vec<(&str, &str)> = told.iter().map(|(id, subject)| (id.as_str(), subject.as_str())).collect();
    assert_eq!(told, [("7", "Add logos"), ("8", "Add (all) styles"), ("9", "A: b")]);
    let mut board = Board::default();
    let begun = |id: &str| TaskChange { task_id: id.into(), status: Some(InProgress), subject: None };
    board.change_task(&begun("7"), at(0));
    board.learn_subjects(told_subjects("#7 [pending] Add logos\n#8 [pending] Add styles"));
    board.change_task(&begun("8"), at(1));
    assert_eq!(shown(&board), [("Add logos", InProgress), ("Add styles", InProgress)]);
}

#[test]
fn a_numbered_plan_that_is_followed_gives_the_steps() {
    let board = announcing(&[
        "I will:\n1. Read the old parser\n2. Write a lexer\n3. Update the docs",
        "Let me read the old parser.",
        "It is small.",
        "Now I'll write a lexer.",
        "Now the docs: let me update them.",
    ]);
    let expected = [
        ("Implementation Phase", Completed),
        ("Read the old parser", Completed),
        ("Write a lexer", Completed),
        ("Update the docs", InProgress),
    ];
    assert_eq!(shown(&board), expected);
}

#[test]
fn headings_of_no_series_do_not_hold_back_the_phases_for_long() {
    let mut board = announcing(&["Let me look."]);
    for second in 0..20 {
        board.said(&format!("**Fix {}: typo**", 90 - 4 * second), at(100 + second));
        board.begin_announced();
        board.follow_phase(Vote::For(Phase::Delivery), at(100 + second));
    }
    assert_eq!(shown(&board), [("Implementation Phase", Completed), ("Delivery Phase", InProgress)]);
}
