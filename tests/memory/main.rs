//! How much memory the analysis of a hostile log takes, by the allocator's own count.
//!
//! A binary of its own, with one test: the allocator counts for the whole process. The logs are made line by line and never
//! kept; `GLOSS_MEMORY_MB=500` makes each that long, by default they are long enough to see what grows.

#![expect(clippy::disallowed_methods, reason = "a test reads how long its logs shall be")]

mod hostile;

use std::alloc::System;

use cap::Cap;
use gloss::analysis::{Analysis, Limits};

use hostile::{Shape, shapes};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

const LIMITS: Limits = Limits { max_line_bytes: 2 * 1024 * 1024 };
/// As `Analysis::weight` states it.
const FIXED_BOUND: usize = 24 * 1024 * 1024;
/// Enough for what a single line fills.
const LEAST_LINES: usize = 8;
/// The weight may leave so much out of what was allocated: a table from which entries were removed tells less than it holds.
const LEAST_HONESTY: f64 = 0.75;

fn bytes_of_each_log() -> usize {
    let megabytes = std::env::var("GLOSS_MEMORY_MB").ok().and_then(|text| text.parse::<usize>().ok());
    megabytes.unwrap_or(2) * 1024 * 1024
}

/// What one log came to.
#[derive(Debug, Default)]
struct Measured {
    most_bytes: usize,
    weight: usize,
    /// The least share of what was allocated that the weight told of, once there was something to tell.
    honesty: f64,
}

/// Streams a log of this shape through an analysis.
fn measure(shape: Shape, length: usize) -> Measured {
    let before = ALLOCATOR.allocated();
    let mut analysis = Analysis::new(LIMITS);
    let mut measured = Measured { honesty: 1.0, ..Measured::default() };
    for number in 0.. {
        if number >= LEAST_LINES && analysis.offset() >= length as u64 {
            break;
        }
        let line = shape(number);
        analysis.feed(&line);
        drop(line);
        if number % 4 == 0 {
            let (taken, weight) = (ALLOCATOR.allocated() - before, analysis.weight());
            measured.most_bytes = measured.most_bytes.max(taken);
            measured.weight = measured.weight.max(weight);
            if taken > 256 * 1024 {
                measured.honesty = measured.honesty.min(weight as f64 / taken as f64);
            }
        }
    }
    measured
}

#[test]
fn hostile_logs_stay_under_the_stated_bound_and_the_weight_tells_it() {
    let length = bytes_of_each_log();
    // The prior is shared and not counted: it is loaded by the first analysis.
    drop(Analysis::default());
    gloss::analysis::warm_up();
    let mut wrong = Vec::new();
    for (name, shape) in shapes() {
        // What is made once for the whole process, such as a compiled pattern, is no log's.
        let _ = measure(shape, 0);
        let measured = measure(shape, length);
        let bound = 2 * LIMITS.max_line_bytes + 4 * hostile::LONGEST_TEXT + FIXED_BOUND;
        let kilobytes = |bytes: usize| bytes / 1024;
        println!(
            "{name:30} took {:6} kB, weight {:6} kB, told at least {:.2} of it",
            kilobytes(measured.most_bytes),
            kilobytes(measured.weight),
            measured.honesty
        );
        if measured.most_bytes > bound || measured.weight > bound || measured.honesty < LEAST_HONESTY {
            wrong.push(format!("{name}: {measured:?}, the bound is {bound}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
