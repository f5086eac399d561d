//! From facts to findings: what is as it should be, what is not, and what to do about it. Pure.

mod logs;
mod service;

use super::super::layout::counted;
use super::super::remedy::remedy;
use super::facts::{AdminFacts, Facts, Proof, ProofVerdict, Told};
use super::report::Finding;
use crate::enrich::Fallback;

/// How a key is given.
const GIVE_KEY: &str = "send what callers send, such as --header 'x-api-key: KEY'";
/// What is left out without a run.
const NO_RUN: &str = "no run was named: gloss doctor RUN_ID";

/// Everything, in the order in which a request meets it.
pub(super) fn of(facts: &Facts) -> Vec<Finding> {
    let mut findings = configuration(facts);
    findings.extend(service::of(facts));
    findings.extend([gloss(facts), admin(&facts.admin), key(facts)]);
    findings.extend(logs::of(facts));
    findings.extend([notes(facts), proof(facts)]);
    findings
}

fn configuration(facts: &Facts) -> Vec<Finding> {
    let check = "configuration";
    let Some(config) = &facts.config else {
        return vec![Finding::skipped(
            check,
            "none was given (--config, GLOSS_CONFIG or GLOSS_UPSTREAM): only what shows from outside is checked",
        )];
    };
    let from = config.file.as_deref().unwrap_or("the environment");
    let accepted = Finding::ok(check, format!("{from} is accepted"));
    let warned = config.warnings.iter().map(|warning| {
        Finding::warning(
            check,
            warning,
            "remove it, or correct its name; `gloss check` shows what is in force",
        )
    });
    std::iter::once(accepted).chain(warned).collect()
}

fn gloss(facts: &Facts) -> Finding {
    let check = "gloss";
    let (url, told) = &facts.gloss;
    match told {
        None => Finding::skipped(check, format!("{url} is no address that can be asked from here")),
        Some(Err(why)) => Finding::failed(
            check,
            format!("nobody answers at {url}: {why}"),
            "start it (`gloss serve --config FILE`), or say by --url where it is",
        ),
        Some(Ok(Told { labels: None, proxy_status: Some(why), status, .. })) if why.starts_with("gloss") => {
            Finding::failed(
                check,
                format!("{url} is gloss, and answers {status} itself ({why})"),
                "it cannot forward: does it run by this configuration, and is the service up? deploy/OPERATIONS.md has each error",
            )
        }
        Some(Ok(Told { labels: None, status, .. })) => Finding::failed(
            check,
            format!(
                "{url} answers {status} without Gloss-Variant: this is not gloss, or none that knows the route"
            ),
            "is --url the address of gloss, and not the service's? Does route.status name the status route?",
        ),
        Some(Ok(told)) => Finding::ok(check, format!("{url} answers, in {:.0} ms", millis(told))),
    }
}

fn millis(told: &Told) -> f64 {
    told.took.as_secs_f64() * 1000.0
}

fn admin(admin: &AdminFacts) -> Finding {
    let check = "readiness";
    match admin {
        AdminFacts::Off => Finding::skipped(check, "the admin listener is off"),
        AdminFacts::Asked(url, Ok(200)) => Finding::ok(check, format!("{url}/readyz says that it is ready")),
        AdminFacts::Asked(url, Ok(status)) => Finding::failed(
            check,
            format!("{url}/readyz answers {status}: not ready"),
            "it starts or drains: look at its log, and ask again",
        ),
        AdminFacts::Asked(url, Err(why)) => Finding::warning(
            check,
            format!("the admin listener does not answer at {url}: {why}"),
            "it listens where admin.listen says; name another address by --admin, or \"off\"",
        ),
    }
}

fn key(facts: &Facts) -> Finding {
    let check = "key";
    let (Some(run), (_, Some(Ok(told)))) = (&facts.run, &facts.gloss) else {
        let why = if facts.run.is_none() { NO_RUN } else { "gloss does not answer" };
        return Finding::skipped(check, why);
    };
    let direct = facts.direct.as_ref().and_then(|direct| direct.as_ref().ok());
    match told.status {
        _ if told.labels.is_none() => Finding::skipped(check, "gloss does not give the service's answer"),
        200 => Finding::ok(check, format!("accepted: the service shows {run} to this caller")),
        401 | 403 if direct == Some(&200) => Finding::failed(
            check,
            format!("the service accepts it directly, but answers {} through gloss", told.status),
            "something between changes the request: is there another proxy, and is --url the gloss that is meant?",
        ),
        401 | 403 if facts.has_headers => Finding::failed(
            check,
            format!("the service refuses it ({})", told.status),
            "is it the right key?",
        ),
        401 | 403 => Finding::failed(check, format!("the service wants one ({})", told.status), GIVE_KEY),
        404 => Finding::failed(
            check,
            format!("the service knows no run {run} (404)"),
            "name a run that is in the service's own list",
        ),
        status => Finding::failed(
            check,
            format!("the service answers {status} for {run}"),
            "look at the service's log, and at Proxy-Status of the answer",
        ),
    }
}

fn notes(facts: &Facts) -> Finding {
    let check = "notes";
    let (Some(_), (_, Some(Ok(told)))) = (&facts.run, &facts.gloss) else {
        return Finding::skipped(check, NO_RUN);
    };
    match (&told.labels, &told.notes) {
        (Some(_), Some(notes)) => {
            let (lines, odd) = (notes.log_lines, notes.unrecognised_lines);
            let what = format!(
                "the enhanced answer came in {:.0} ms: {} ({} bytes) of a log by {}",
                millis(told),
                counted(lines, "line"),
                notes.log_bytes,
                notes.log_source
            );
            if odd * 2 > lines {
                let todo =
                    "is this the run's log? Lines that are not understood cost nothing but their facts";
                return Finding::warning(check, format!("{what}, {odd} of which are not understood"), todo);
            }
            Finding::ok(check, what)
        }
        (Some((variant, reason)), None) if told.status == 200 => Finding::failed(
            check,
            format!("asked for enhanced, it gave {variant} (Gloss-Reason: {reason})"),
            what_to_do(facts, reason),
        ),
        _ => Finding::skipped(check, "there is no status answer to add to"),
    }
}

fn what_to_do(facts: &Facts, reason: &str) -> String {
    let is_readable_here = facts.places.iter().any(|place| place.found.is_some());
    if let (true, true, Some(config)) =
        (reason == Fallback::LogUnreadable.as_str(), is_readable_here, &facts.config)
    {
        return format!(
            "{} may read the log, and gloss may not: where it runs as another user, give that one the log's group \
             (SupplementaryGroups= of the unit); where its unit or container hides the folder, let that show it; \
             run this as gloss's user to see what it sees",
            config.user
        );
    }
    remedy(reason).unwrap_or("this gloss is newer than this program: use its own `gloss doctor`").to_owned()
}

fn proof(facts: &Facts) -> Finding {
    let check = "additive";
    let Some(Proof { verdict, headline, fallback }) = &facts.proof else {
        return Finding::skipped(check, "there are no two answers to compare");
    };
    match verdict {
        ProofVerdict::Held if fallback.is_some() => Finding::ok(check, headline),
        ProofVerdict::Held => Finding::ok(check, format!("{headline}, byte for byte")),
        ProofVerdict::Undecided => Finding::warning(
            check,
            headline,
            "take a run that has ended, or set compare.enabled, by which both answers come in one",
        ),
        ProofVerdict::Failed => Finding::failed(
            check,
            headline,
            "switch gloss off (`gloss rollout --enabled false`) and report it, with `gloss compare RUN_ID`",
        ),
        ProofVerdict::Unreachable => Finding::skipped(check, headline),
    }
}

#[cfg(test)]
mod tests;
