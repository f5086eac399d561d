//! `gloss compare`: proves for some runs that the enhanced answer minus its additions is the basic one, byte for byte.
//!
//! Fetches basic, enhanced, and basic again. Where the service's own answer changes meanwhile, or the notes come late, that
//! is tried a few times more; then both are asked for in one answer, where gloss has that switched on; and if that is not so either, the run is
//! said to be undecided, which is no failure.

mod fetch;
mod judge;
mod outcome;

use anyhow::anyhow;
use http::HeaderName;

pub(super) use self::fetch::Caller;
use self::judge::{Judgement, judge, judge_both};
use self::outcome::Outcomes;
pub(super) use self::outcome::{Outcome, Verdict};
use super::printed::Printed;
use super::{Failure, gateway, runtime};
use crate::enrich::Fallback;
use crate::run_id::RunId;
use crate::variant::Variant;

/// How often a run whose own answer changes is fetched.
const TRIES: u32 = 5;

const EXAMPLES: &str = "\
Examples:
  gloss compare run_08ac1de6fa8d --header 'x-api-key: KEY'
  gloss compare $(cat runs.txt) --header \"authorization: Bearer $TOKEN\"
  gloss compare $(cat runs.txt) --url https://api.example --format json

Ends with 0 if the proof fails for none, 1 if it does or a run cannot be fetched. A run that goes on changes between \
two answers; where that keeps the proof from being made, it is told as undecided. With compare.enabled = true in its \
configuration, gloss gives both answers in one, and nothing stays undecided.";

/// Prove for some runs that nothing but additions is in the enhanced answer
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The runs
    #[arg(value_name = "RUN_ID", required = true, value_parser = gateway::run_id)]
    runs: Vec<RunId>,
    #[command(flatten)]
    asking: gateway::Asking,
    /// The header by which gloss is asked for a variant: gloss.header in its configuration
    #[arg(long, value_name = "NAME", default_value = "Gloss")]
    opt_in: HeaderName,
    #[command(flatten)]
    printed: Printed,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let runtime = runtime()?;
    let outcomes = runtime.block_on(async {
        let caller = Caller::of(&args.asking, args.opt_in.clone())?;
        let mut runs = Vec::new();
        for run in &args.runs {
            runs.push(compare(&caller, run).await);
        }
        anyhow::Ok(Outcomes::of(runs))
    })?;
    runtime.shutdown_background();
    args.printed.print(|| Ok(outcomes.text()), || serde_json::json!(outcomes))?;
    outcomes.failure().map_or(Ok(()), |failure| Err(anyhow!(failure).into()))
}

/// Fetches a run until something is proved, or it has been tried often enough.
pub(super) async fn compare(caller: &Caller, run: &RunId) -> Outcome {
    let mut outcome = Outcome::of(run.as_str());
    loop {
        let judgement = match fetched_and_judged(caller, run, &mut outcome).await {
            Ok(judgement) => judgement,
            Err(why) => return outcome.ended(Verdict::Unreachable, why),
        };
        let last = outcome.tries == TRIES;
        match judgement {
            Judgement::Moved(names) if last => {
                let why = format!(
                    "the service's own answer changed between all of {TRIES} tries ({}); the rest is the same",
                    names.join(", ")
                );
                outcome.moved = names;
                return by_one_answer(caller, run, outcome.ended(Verdict::Undecided, why)).await;
            }
            Judgement::Suspicious(what) if last => {
                let why = format!(
                    "{what} is the same before and after, and another in the enhanced answer, in {TRIES} tries"
                );
                return outcome.ended(Verdict::Failed, why);
            }
            Judgement::Moved(_) | Judgement::Suspicious(_) => {}
            // Notes that were only late are there the next time.
            Judgement::FellBack(reason) if !last && Fallback::is_late(&reason) => {}
            decided => return settled(outcome, decided),
        }
    }
}

async fn fetched_and_judged(
    caller: &Caller,
    run: &RunId,
    outcome: &mut Outcome,
) -> Result<Judgement, String> {
    let before = caller.fetch(run, Variant::Basic).await?;
    let enhanced = caller.fetch(run, Variant::Enhanced).await?;
    let after = caller.fetch(run, Variant::Basic).await?;
    outcome.measure([&before, &enhanced, &after]);
    Ok(judge(&before, &enhanced, &after))
}

/// Asks for both in one, which decides whatever the upstream does; what was found before, where gloss gives no such answer.
async fn by_one_answer(caller: &Caller, run: &RunId, undecided: Outcome) -> Outcome {
    let both = caller.fetch(run, Variant::Compare).await;
    match both.ok().as_ref().and_then(judge_both) {
        Some(decided) => settled(Outcome { reason: None, ..undecided }, decided),
        None => undecided,
    }
}

fn settled(outcome: Outcome, judgement: Judgement) -> Outcome {
    match judgement {
        Judgement::Held(added) => Outcome { verdict: Verdict::Held, added, ..outcome },
        Judgement::FellBack(reason) => Outcome { verdict: Verdict::Held, fallback: Some(reason), ..outcome },
        Judgement::Failed(why) => outcome.ended(Verdict::Failed, why),
        Judgement::Unfit(why) => outcome.ended(Verdict::Unreachable, why),
        Judgement::Moved(names) => outcome.ended(Verdict::Undecided, names.join(", ")),
        Judgement::Suspicious(what) => outcome.ended(Verdict::Undecided, what),
    }
}
