//! Real logs, kept outside the repository, held against the plain reading: `GLOSS_RUNS=DIR` names their folder, and
//! `tests/run --data DIR` asks for it.

#![expect(clippy::disallowed_methods, reason = "a test reads its folder")]

use std::path::{Path, PathBuf};

use gloss::analysis::{Analysis, RunStatus};

use crate::laws::{at, long_after};
use crate::reference::{Facts, disagreements};

/// All logs in a folder and the folders in it.
pub(crate) fn logs(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("GLOSS_RUNS names a folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    let is_log = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "log" || kind == "jsonl");
    let nested = |path: PathBuf| if path.is_dir() { logs(&path) } else { vec![path] };
    let is_index = |path: &PathBuf| path.file_name().is_some_and(|name| name == "index.jsonl");
    paths.into_iter().flat_map(nested).filter(|path| is_log(path) && !is_index(path)).collect()
}

#[test]
#[ignore = "needs GLOSS_RUNS, a folder with logs"]
fn gloss_agrees_with_the_plain_reading_of_every_log_in_a_folder() {
    let folder = std::env::var("GLOSS_RUNS").expect("GLOSS_RUNS names a folder with logs");
    let (mut read, mut wrong) = (0, 0);
    for path in logs(Path::new(&folder)) {
        let log = std::fs::read(&path).expect("a log is readable");
        let mut analysis = Analysis::default();
        analysis.feed(&log);
        let report = analysis.report(&at(long_after(), Some(RunStatus::Completed)));
        let found = disagreements(&Facts::of(&log), &report);
        read += 1;
        wrong += usize::from(!found.is_empty());
        for difference in found {
            let short: String = difference.chars().take(600).collect();
            println!("{}: {short}", path.display());
        }
    }
    println!("{read} logs read, {wrong} differ");
    assert!(read > 0 && wrong == 0, "{wrong} of {read} logs in {folder} differ");
}
