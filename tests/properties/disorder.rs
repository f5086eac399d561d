//! What happens to the lines of a log on their way: lines of others between them, lines that come again, lines on one.

use proptest::prelude::*;
use proptest::sample::Index;

use crate::log;

/// Something that happens to a log.
#[derive(Debug, Clone)]
enum Mishap {
    /// Somebody else's line stands before this one.
    Noise(&'static str),
    /// A second writer brings the line again, later.
    Again(Index),
    /// The line feed after the line is lost; between entries of another form than objects that loses the second.
    Joined,
    /// A byte-order mark, or a carriage return.
    Marked(&'static str, &'static str),
    /// A hole of the file system.
    Hole,
}

const NOISE: [&str; 9] = [
    "npm warn deprecated left-pad@1.0.0",
    "",
    "   ",
    "{\"type\":\"rate_limit_event\",\"session_id\":\"s\"}",
    "{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\",\"delta\":{\"text\":\"All tests\"}}}",
    "{\"type\":\"assistant\",\"mess",
    "{\"level\":\"info\",\"msg\":\"somebody else's\"}",
    "[1, 2, {\"type\":\"result\",\"subtype\":\"success\"}]",
    "{\"timestamp\": \"2025-10-09T08:53:20+00:00\", \"run_id\": \"run_1\", \"event_type\": \"stderr\", \"data\": {\"message\": \"warning\"}}",
];

fn mishap() -> impl Strategy<Value = Mishap> {
    prop_oneof![
        4 => prop::sample::select(NOISE.to_vec()).prop_map(Mishap::Noise),
        3 => any::<Index>().prop_map(Mishap::Again),
        1 => Just(Mishap::Joined),
        1 => prop::sample::select(vec![("\u{feff}", ""), ("", "\r"), (" ", "\t")]).prop_map(|(before, after)| Mishap::Marked(before, after)),
        1 => Just(Mishap::Hole),
    ]
}

/// The lines of a log of several dialects, to which things have happened that lose nothing.
pub(crate) fn mixed(most: usize) -> impl Strategy<Value = Vec<String>> {
    let mishaps = prop::collection::vec((any::<Index>(), mishap()), 0..12);
    (log::lines_of_several_dialects(most), mishaps).prop_map(|(mut lines, mishaps)| {
        for (place, mishap) in mishaps {
            if !lines.is_empty() {
                let place = place.index(lines.len());
                befall(&mut lines, place, &mishap);
            }
        }
        lines
    })
}

fn befall(lines: &mut Vec<String>, place: usize, mishap: &Mishap) {
    match mishap {
        Mishap::Noise(noise) => lines.insert(place, (*noise).to_owned()),
        Mishap::Again(later) => {
            let line = lines[place].clone();
            lines.insert(place + 1 + later.index(lines.len() - place), line);
        }
        Mishap::Joined => {
            let both_are_objects = lines[place..]
                .iter()
                .take(2)
                .filter(|line| line.starts_with('{') && line.ends_with('}'))
                .count()
                == 2;
            if both_are_objects {
                let second = lines.remove(place + 1);
                lines[place].push_str(&second);
            }
        }
        Mishap::Marked(before, after) => lines[place] = format!("{before}{}{after}", lines[place]),
        Mishap::Hole => lines[place].insert_str(0, "\0\0\0"),
    }
}
