//! The fuzz targets' bodies as usual tests: over the committed corpus, and over a few hundred mutations of it.
//!
//! Not for finding new things, which is the fuzzer's (`Cargo.toml` beside this file says how), but so that targets and corpus
//! cannot rot, and what was found once stays found.

#![expect(clippy::disallowed_methods, reason = "a test reads its corpus")]

#[path = "src/lib.rs"]
pub mod bodies;

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let entries = std::fs::read_dir(folder).expect("every target has a corpus");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{target} has an empty corpus");
    paths.iter().map(|path| std::fs::read(path).expect("readable")).collect()
}

/// Entries of the corpus to which something has happened.
fn mutated(target: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let edits = prop::collection::vec((any::<Index>(), any::<u8>(), 0..5_u8), 1..8);
    (prop::sample::select(corpus(target)), edits).prop_map(|(mut bytes, edits)| {
        for (place, byte, kind) in edits {
            let place = place.index(bytes.len() + 1);
            match kind {
                0 => bytes.insert(place, byte),
                1 => bytes.truncate(place),
                2 if place < bytes.len() => drop(bytes.remove(place)),
                3 if bytes.len() < 20_000 => bytes.extend_from_within(place..),
                _ if place < bytes.len() => bytes[place] = byte,
                _ => {}
            }
        }
        bytes
    })
}

macro_rules! targets {
    ($($target:ident => $corpus:ident, $mutations:ident;)*) => {
        $(
            #[test]
            fn $corpus() {
                for entry in corpus(stringify!($target)) {
                    bodies::$target::check(&entry);
                }
            }
        )*

        proptest! {
            #![proptest_config(ProptestConfig::with_cases(200))]

            $(
                #[test]
                fn $mutations(bytes in mutated(stringify!($target))) {
                    bodies::$target::check(&bytes);
                }
            )*
        }
    };
}

targets! {
    analysis => the_laws_of_the_analysis_hold_for_its_corpus, the_laws_of_the_analysis_hold_for_mutations;
    log => the_plain_reading_agrees_on_the_corpus, the_plain_reading_agrees_on_mutations;
    merge => a_merge_is_additive_for_its_corpus, a_merge_is_additive_for_mutations;
    config => a_configuration_is_accepted_or_refused_with_its_key, a_mutated_configuration_is_accepted_or_refused_with_its_key;
    request => the_rules_for_requests_hold_for_their_corpus, the_rules_for_requests_hold_for_mutations;
}
