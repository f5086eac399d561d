//! The prior as a TOML file: read with every number checked, written so that the same numbers give the same bytes.

use std::fmt::Write as _;

use figment::Figment;
use figment::providers::{Format, Toml};
use serde::Deserialize;

use super::{About, Line, Prior, Quality};
use crate::analysis::progress::features::{COUNT, FEATURES, Trend, place};
use crate::analysis::progress::interval::{Interval, Knot};
use crate::analysis::progress::tree::{Split, Tree};

/// The version of the file's form.
const VERSION: u32 = 1;
/// More trees than this are a mistake, and would make every line of a log slow to read.
const MAX_TREES: usize = 1000;

/// Why a file is no prior.
#[derive(Debug, thiserror::Error)]
pub enum PriorError {
    /// It is not TOML, or not of this form.
    #[error("{0}")]
    Form(#[from] Box<figment::Error>),
    /// It was written for another program.
    #[error("version {0} of priors is not known; this gloss reads version {VERSION}")]
    Version(u32),
    /// It names a feature that is not there.
    #[error("there is no feature {0:?}")]
    UnknownFeature(String),
    /// A number is not one, or is out of its range.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
    /// Time alone would take a run back.
    #[error("{0} would make progress fall while nothing but time passes")]
    Falls(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    about: FileAbout,
    half_calls: f64,
    start: f64,
    weights: Vec<(String, f64)>,
    missing: Vec<(String, f64)>,
    interval: Vec<(f64, f64, f64)>,
    trees: Vec<FileTree>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileAbout {
    first_run: String,
    last_run: String,
    runs: usize,
    points: usize,
    mean_error: f64,
    within_20: f64,
    within_20_listed: f64,
    interval_holds: f64,
}

type FileSplit = (String, f64);
type FileTree = (FileSplit, FileSplit, FileSplit, [f64; 4]);

impl Prior {
    /// Reads a prior from the text of a file that `gloss fit` wrote.
    ///
    /// # Errors
    ///
    /// When the text is not TOML of that form, names a feature that this gloss does not know, holds a number that is
    /// none or out of range, or when progress could fall under it.
    pub fn parse(text: &str) -> Result<Self, PriorError> {
        let file: File = Figment::from(Toml::string(text)).extract().map_err(Box::new)?;
        if file.version != VERSION {
            return Err(PriorError::Version(file.version));
        }
        if !(1.0..1e9).contains(&file.half_calls) {
            return Err(PriorError::OutOfRange("half_calls"));
        }
        if file.trees.len() > MAX_TREES {
            return Err(PriorError::OutOfRange("the number of trees"));
        }
        Ok(Self {
            about: file.about.into(),
            line: line(file.start, &file.weights, &file.missing)?,
            trees: file.trees.iter().map(tree).collect::<Result<Vec<_>, _>>()?.into(),
            interval: interval(&file.interval)?,
            half_calls: file.half_calls,
        })
    }

    /// The text of the file that holds this prior; [`parse`](Self::parse) reads it again.
    pub fn to_toml(&self) -> String {
        let mut text = String::from(HEAD);
        // Writing to a string does not fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let About { first_run, last_run, runs, cross_validated: quality } = &self.about;
        writeln!(
            out,
            "version = {VERSION}\nhalf_calls = {:?}\nstart = {:?}",
            self.half_calls, self.line.start
        )?;
        writeln!(out, "\n{WEIGHTS}\nweights = [")?;
        write_named(out, &self.line.weights)?;
        writeln!(out, "]\n\n{MISSING}\nmissing = [")?;
        write_named(out, &self.line.missing)?;
        writeln!(out, "]\n\n{INTERVAL}\ninterval = [")?;
        for Knot { share, earliest, latest } in &self.interval.knots {
            writeln!(out, "  [{share:?}, {earliest:?}, {latest:?}],")?;
        }
        writeln!(out, "]\n\n{TREES}\ntrees = [")?;
        for tree in self.trees.each() {
            let split = |split: Split| format!("[{:?}, {:?}]", FEATURES[split.feature].name, split.below);
            let [yes, no] = tree.branches.map(split);
            writeln!(out, "  [{}, {yes}, {no}, {:?}],", split(tree.root), tree.leaves)?;
        }
        writeln!(out, "]\n\n{ABOUT}\n[about]")?;
        writeln!(
            out,
            "first_run = {first_run:?}\nlast_run = {last_run:?}\nruns = {runs}\npoints = {}",
            quality.points
        )?;
        writeln!(out, "mean_error = {:?}\nwithin_20 = {:?}", quality.mean_error, quality.within_20)?;
        writeln!(
            out,
            "within_20_listed = {:?}\ninterval_holds = {:?}",
            quality.within_20_listed, quality.interval_holds
        )
    }
}

const HEAD: &str = "\
# What runs of Claude Code are like: from what a run has done so far to how far it is.
# Made by `gloss fit`; the same logs give the same file. Numbers only: nothing of any log is in it.
#
# log odds of the share that is done = start + sum of weights · ln(1 + feature) + missing where there is none + trees

";
const WEIGHTS: &str = "# Of the logarithm of one more than the feature. Times are in seconds.";
const MISSING: &str = "# Added instead where the run has no such thing yet.";
const INTERVAL: &str = "\
# The 80 % interval: where a run seems to be this far, its end lies between these multiples of the expected rest.";
const TREES: &str = "\
# Two questions, \"is the feature below the value?\": the first, the next after yes, the next after no; and what is added
# after yes yes, yes no, no yes, no no.";
const ABOUT: &str = "\
# The runs that it was fitted on, and how good the same way of fitting was on runs that it had not seen: in blocks of
# neighbouring runs, each block by a model of the others, at 39 even points in time per run.";

fn write_named(out: &mut String, values: &[f64; COUNT]) -> std::fmt::Result {
    for (feature, value) in FEATURES.iter().zip(values).filter(|(_, value)| **value != 0.0) {
        writeln!(out, "  [{:?}, {value:?}],", feature.name)?;
    }
    Ok(())
}

fn line(start: f64, weights: &[(String, f64)], missing: &[(String, f64)]) -> Result<Line, PriorError> {
    let mut line = Line::flat(finite(start, "start")?);
    for (name, weight) in weights {
        let feature = feature(name)?;
        let falls = match FEATURES[feature].trend {
            Trend::Still => false,
            Trend::Rising => *weight < 0.0,
            Trend::Falling => *weight > 0.0,
        };
        if falls {
            return Err(PriorError::Falls(format!("the weight of {name}")));
        }
        line.weights[feature] = finite(*weight, "a weight")?;
    }
    for (name, weight) in missing {
        line.missing[feature(name)?] = finite(*weight, "a weight")?;
    }
    Ok(line)
}

fn tree((root, yes, no, leaves): &FileTree) -> Result<Tree, PriorError> {
    let split = |(name, below): &FileSplit| {
        Ok::<_, PriorError>(Split { feature: feature(name)?, below: finite(*below, "a threshold")? })
    };
    for leaf in leaves {
        finite(*leaf, "a leaf")?;
    }
    let tree = Tree { root: split(root)?, branches: [split(yes)?, split(no)?], leaves: *leaves };
    if tree.keeps_to_the_trends() {
        Ok(tree)
    } else {
        Err(PriorError::Falls(format!("a tree on {}", root.0)))
    }
}

fn interval(knots: &[(f64, f64, f64)]) -> Result<Interval, PriorError> {
    let knots: Vec<Knot> =
        knots.iter().map(|&(share, earliest, latest)| Knot { share, earliest, latest }).collect();
    let fits = |knot: &Knot| {
        (0.0..=1.0).contains(&knot.share)
            && (0.0..=1.0).contains(&knot.earliest)
            && (1.0..=1e6).contains(&knot.latest)
    };
    let rises = knots.windows(2).all(|pair| pair[0].share < pair[1].share);
    if rises && knots.iter().all(fits) {
        Ok(Interval { knots })
    } else {
        Err(PriorError::OutOfRange("interval"))
    }
}

fn feature(name: &str) -> Result<usize, PriorError> {
    place(name).ok_or_else(|| PriorError::UnknownFeature(name.to_owned()))
}

fn finite(value: f64, what: &'static str) -> Result<f64, PriorError> {
    if value.abs() <= 1e9 { Ok(value) } else { Err(PriorError::OutOfRange(what)) }
}

impl From<FileAbout> for About {
    fn from(file: FileAbout) -> Self {
        let cross_validated = Quality {
            points: file.points,
            mean_error: file.mean_error,
            within_20: file.within_20,
            within_20_listed: file.within_20_listed,
            interval_holds: file.interval_holds,
        };
        Self { first_run: file.first_run, last_run: file.last_run, runs: file.runs, cross_validated }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_prior_is_what_is_written_of_it() {
        let text = include_str!("../../../../config/prior.toml");
        let prior = Prior::parse(text).expect("the shipped prior");
        assert_eq!(prior.to_toml(), text);
        assert!(prior.about.runs > 0 && !prior.trees.each().is_empty());
    }

    #[test]
    fn a_prior_under_which_progress_could_fall_is_refused() {
        let text = Prior::default().to_toml();
        assert!(Prior::parse(&text).is_ok());
        let with = |from: &str, to: &str| Prior::parse(&text.replace(from, to));
        let falls = with("weights = [", "weights = [[\"since_edit\", -0.5],");
        assert!(matches!(falls, Err(PriorError::Falls(_))));
        let tree = "trees = [[[\"age\", 60.0], [\"calls\", 1.0], [\"calls\", 1.0], [0.2, 0.2, 0.1, 0.2]],";
        assert!(matches!(with("trees = [", tree), Err(PriorError::Falls(_))));
    }

    #[test]
    fn what_is_not_known_or_no_number_is_refused_with_its_name() {
        let text = Prior::default().to_toml();
        let refused = |from: &str, to: &str| {
            Prior::parse(&text.replace(from, to)).expect_err("it is refused").to_string()
        };
        assert!(refused("weights = [", "weights = [[\"luck\", 0.5],").contains("luck"));
        assert!(refused("version = 1", "version = 9").contains('9'));
        assert!(refused("start = 0.0", "start = nan").contains("start"));
        assert!(refused("interval = [", "interval = [[0.5, 2.0, 3.0],").contains("interval"));
        assert!(!refused("half_calls", "half_cals").is_empty());
    }
}
