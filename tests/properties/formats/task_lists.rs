//! Both generations of task lists.

use gloss::analysis::StepStatus::{Completed, InProgress, Pending, Skipped};
use serde_json::{Value, json};

use super::{answered, called, done, ended, failed, outcome, report, steps};

fn list(id: &str, items: &Value) -> [Value; 2] {
    done(id, "TodoWrite", &json!({"todos": items}), "Todos have been modified successfully.")
}

fn items(of: &[(&str, &str)]) -> Value {
    of.iter()
        .map(|(content, status)| json!({"content": content, "status": status, "activeForm": content}))
        .collect()
}

fn create(id: &str, subject: &str, number: u32) -> [Value; 2] {
    let answer = format!("Task #{number} created successfully: {subject}");
    done(id, "TaskCreate", &json!({"subject": subject, "description": "…"}), &answer)
}

fn update(id: &str, input: &Value) -> [Value; 2] {
    done(id, "TaskUpdate", input, "Updated task #1 status")
}

#[test]
fn all_three_shapes_of_items_are_items() {
    let newer = json!([{"content": "Plan", "status": "completed", "activeForm": "Planning"},
        {"content": "Build", "status": "in_progress", "activeForm": "Building"}]);
    let older = json!([{"content": "Plan", "status": "completed", "id": "1", "priority": "high"},
        {"content": "Build", "status": "in_progress", "id": "2", "priority": "low"}]);
    for items in [newer, older] {
        assert_eq!(steps(&report(&list("c1", &items))), [("Plan", Completed), ("Build", InProgress)]);
    }
    assert_eq!(
        steps(&report(&list("c1", &json!(["Plan", "Build"])))),
        [("Plan", Pending), ("Build", Pending)]
    );
}

#[test]
fn each_list_replaces_the_one_before() {
    let mut lines = Vec::from(list("c1", &items(&[("Plan", "in_progress"), ("Build", "pending")])));
    let grown = [("Plan", "completed"), ("Build", "in_progress"), ("Measure", "in_progress")];
    lines.extend(list("c2", &items(&grown)));
    assert_eq!(
        steps(&report(&lines)),
        [("Plan", Completed), ("Build", InProgress), ("Measure", InProgress)],
        "several may be in progress"
    );
    lines.extend(list("c3", &items(&[("Rewrite all of it", "in_progress")])));
    let expected =
        [("Plan", Completed), ("Build", Skipped), ("Measure", Skipped), ("Rewrite all of it", InProgress)];
    assert_eq!(steps(&report(&lines)), expected, "what was dropped keeps its history");
}

#[test]
fn an_item_that_is_renamed_in_place_stays_the_same_step() {
    let mut lines = Vec::from(list(
        "c1",
        &items(&[("Plan", "completed"), ("Verify the checks and finish", "in_progress")]),
    ));
    lines.extend(list("c2", &items(&[("Plan", "completed"), ("Mark it as ready", "completed")])));
    assert_eq!(steps(&report(&lines)), [("Plan", Completed), ("Mark it as ready", Completed)]);
}

#[test]
fn a_success_leaves_open_items_open() {
    let mut lines = Vec::from(list(
        "c1",
        &items(&[("Plan", "completed"), ("Build", "in_progress"), ("Ship", "pending")]),
    ));
    lines.push(ended("Done."));
    let report = report(&lines);
    assert_eq!(outcome(&report), "success");
    assert_eq!(steps(&report), [("Plan", Completed), ("Build", InProgress), ("Ship", Pending)]);
    let success = report
        .step_by_step_results
        .expect("the run has ended")
        .iter()
        .map(|step| step.success)
        .collect::<Vec<_>>();
    assert_eq!(success, [true, false, false]);
}

#[test]
fn a_tasks_id_is_only_in_the_answer() {
    let mut noted = answered("c2", &json!("Created."));
    noted["tool_use_result"] = json!({"task": {"id": "7", "subject": "Build"}});
    let mut lines = Vec::from(create("c1", "Plan", 1));
    lines.extend([called("c2", "TaskCreate", &json!({"subject": "Build"})), noted]);
    lines.extend(update("c3", &json!({"taskId": "7", "status": "completed"})));
    assert_eq!(steps(&report(&lines)), [("Plan", Pending), ("Build", Completed)]);
}

#[test]
fn an_update_changes_only_what_it_names() {
    let mut lines = Vec::from(create("c1", "Plan", 1));
    lines.extend(update("c2", &json!({"taskId": "1", "status": "in_progress"})));
    lines.extend(update("c3", &json!({"taskId": "1", "owner": "me"})));
    lines.extend(update("c4", &json!({"taskId": "1", "addBlockedBy": ["2"]})));
    assert_eq!(steps(&report(&lines)), [("Plan", InProgress)]);
    lines.extend(update("c5", &json!({"taskId": "1", "subject": "Plan it all"})));
    assert_eq!(steps(&report(&lines)), [("Plan it all", InProgress)]);
}

#[test]
fn a_deleted_task_is_skipped_and_a_failed_update_does_not_count() {
    let mut lines = Vec::from(create("c1", "Plan", 1));
    lines.extend(create("c2", "Build", 2));
    lines.extend(update("c3", &json!({"taskId": "1", "status": "deleted"})));
    let refused = [
        failed("c4", "<tool_use_error>InputValidationError</tool_use_error>"),
        answered("c5", &json!("Task not found")),
        {
            let mut line = answered("c6", &json!("Not done."));
            line["tool_use_result"] = json!({"success": false, "taskId": "2"});
            line
        },
    ];
    for (id, refusal) in ["c4", "c5", "c6"].into_iter().zip(refused) {
        lines.push(called(id, "TaskUpdate", &json!({"taskId": "2", "status": "completed"})));
        lines.push(refusal);
    }
    assert_eq!(steps(&report(&lines)), [("Plan", Skipped), ("Build", Pending)]);
}

#[test]
fn an_update_that_is_refused_after_the_others_of_its_batch_does_not_count() {
    let mut lines = Vec::from(create("c1", "Plan", 1));
    lines.extend(create("c2", "Build", 2));
    for (id, task) in [("c3", "1"), ("c4", "2")] {
        lines.push(called(id, "TaskUpdate", &json!({"taskId": task, "status": "completed"})));
    }
    lines.push(answered("c4", &json!("Updated task #2 status")));
    lines.push(failed("c3", "<tool_use_error>InputValidationError</tool_use_error>"));
    assert_eq!(steps(&report(&lines)), [("Plan", Pending), ("Build", Completed)]);
}

#[test]
fn an_update_whose_answer_is_lost_counts_before_the_next_ones() {
    let mut lines = Vec::from(create("c1", "Plan", 1));
    lines.push(called("c2", "TaskUpdate", &json!({"taskId": "1", "status": "in_progress"})));
    lines.extend(done("c3", "Read", &json!({"file_path": "/a"}), "text"));
    lines.extend(update("c4", &json!({"taskId": "1", "status": "completed"})));
    assert_eq!(steps(&report(&lines)), [("Plan", Completed)]);
}

#[test]
fn of_many_lists_written_at_once_one_that_fails_does_not_count() {
    let mut lines: Vec<_> = (1..=5)
        .map(|n| {
            called(
                &format!("c{n}"),
                "TodoWrite",
                &json!({"todos": items(&[(&format!("Plan {n}"), "pending")])}),
            )
        })
        .collect();
    lines.extend((1..=4).map(|n| answered(&format!("c{n}"), &json!("Todos have been modified"))));
    lines.push(failed("c5", "<tool_use_error>InputValidationError</tool_use_error>"));
    assert!(steps(&report(&lines)).contains(&("Plan 4", Pending)), "the last one that was taken");
    assert!(!steps(&report(&lines)).iter().any(|step| step.0 == "Plan 5"));
}
