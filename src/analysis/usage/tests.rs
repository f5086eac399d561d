//! Bills of runs of our own.

use super::*;
use crate::analysis::event::ModelShare;

const SONNET: &str = "claude-sonnet-4-5";

fn tokens(input: u64, output: u64) -> Tokens {
    Tokens { input, output, ..Tokens::default() }
}

fn usage(messages: &[(Thread<'_>, &str, Tokens)]) -> Usage {
    let mut usage = Usage::default();
    for (number, (thread, model, tokens)) in messages.iter().enumerate() {
        let spending = usage.spent(*thread, &format!("m{number}"), (model, *tokens), None);
        assert!(spending.is_some(), "a message with tokens is spent");
    }
    usage
}

fn near(cost: Option<(f64, bool)>, expected: f64, is_estimate: bool) -> bool {
    cost.is_some_and(|(usd, estimated)| (usd - expected).abs() < 1e-9 && estimated == is_estimate)
}

#[test]
fn models_and_sub_agents_are_told_apart_and_add_up() {
    let sub = Thread::Sub(Some("call"));
    let bill = usage(&[
        (Thread::Main, SONNET, tokens(1000, 100)),
        (sub, "claude-haiku-4-5", tokens(2000, 200)),
        (sub, SONNET, tokens(10, 1)),
    ])
    .bill(None);
    assert_eq!(bill.total.tokens, tokens(3010, 301));
    let names: Vec<&str> = bill.models.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, [SONNET, "claude-haiku-4-5"]);
    let sub_agents = bill.sub_agents.expect("there were some");
    assert_eq!(sub_agents.tokens, tokens(2010, 201));
    let (haiku, sonnet) = ((2000.0 + 5.0 * 200.0) / 1e6, |input, output| (3.0 * input + 15.0 * output) / 1e6);
    assert!(near(bill.total.cost_usd, haiku + sonnet(1010.0, 101.0), true), "{bill:?}");
    assert!(near(sub_agents.cost_usd, haiku + sonnet(10.0, 1.0), true), "{bill:?}");
}

#[test]
fn estimates_are_scaled_to_the_stated_cost_and_missing_tokens_are_the_main_threads() {
    let mut usage = usage(&[
        (Thread::Main, SONNET, tokens(1000, 1)),
        (Thread::Sub(None), "claude-haiku-4-5", tokens(2000, 1)),
    ]);
    usage.finished(&Finish { tokens: tokens(1000, 50), cost_usd: Some(1.0), ..Finish::default() });
    let bill = usage.bill(None);
    assert_eq!(bill.total.tokens, tokens(1000, 50), "as the result states them");
    assert_eq!((bill.models[0].1.tokens, bill.models[1].1.tokens), (tokens(1000, 50), tokens(2000, 1)));
    let costs: f64 = bill.models.iter().filter_map(|(_, charge)| charge.cost_usd).map(|(usd, _)| usd).sum();
    assert!(near(bill.total.cost_usd, 1.0, false) && (costs - 1.0).abs() < 1e-9, "{bill:?}");
}

#[test]
fn what_the_result_states_by_model_is_it() {
    let mut usage = usage(&[(Thread::Main, SONNET, tokens(1000, 1))]);
    let share = |name: &'static str, tokens, cost_usd| ModelShare { name: name.into(), tokens, cost_usd };
    let models = vec![share(SONNET, tokens(1000, 50), Some(0.7)), share("other", tokens(9, 9), Some(0.3))];
    let finish =
        Finish { tokens: tokens(1000, 50), cost_usd: Some(1.0), models: models.clone(), ..Finish::default() };
    usage.finished(&finish);
    usage.finished(&finish);
    let bill = usage.bill(None);
    assert_eq!(bill.total.tokens, tokens(1000, 50));
    assert_eq!(bill.models[1].1.tokens, tokens(9, 9));
    assert!(near(bill.models[1].1.cost_usd, 0.3, false), "{bill:?}");
}

#[test]
fn a_model_without_a_price_has_no_cost_and_nobody_else_pays_for_it() {
    let unknown = "a-model-of-somebody";
    let mut usage =
        usage(&[(Thread::Main, unknown, tokens(9000, 9)), (Thread::Main, SONNET, tokens(1000, 0))]);
    let bill = usage.bill(None);
    assert_eq!((bill.total.cost_usd, bill.models[0].1.cost_usd), (None, None));
    assert!(near(bill.models[1].1.cost_usd, 0.003, true), "{bill:?}");
    usage.finished(&Finish { cost_usd: Some(1.0), ..Finish::default() });
    let bill = usage.bill(None);
    assert!(near(bill.models[1].1.cost_usd, 0.003, true) && bill.models[0].1.cost_usd.is_none(), "{bill:?}");
    assert!((bill.beyond_messages_usd - 0.997).abs() < 1e-9 && near(bill.total.cost_usd, 1.0, false));
}

#[test]
fn where_there_is_one_model_the_stated_cost_is_its() {
    let mut usage = usage(&[(Thread::Main, "a-model-of-somebody", tokens(9000, 9))]);
    usage.finished(&Finish { cost_usd: Some(1.0), tokens: tokens(7, 99), ..Finish::default() });
    let bill = usage.bill(None);
    assert_eq!(bill.total.tokens, tokens(7, 99), "as the result states them");
    assert!(near(bill.models[0].1.cost_usd, 1.0, false), "{bill:?}");
}

#[test]
fn a_cost_by_somebody_elses_word_counts_where_the_log_states_none() {
    let mut usage =
        usage(&[(Thread::Main, SONNET, tokens(1000, 1)), (Thread::Main, SONNET, tokens(1000, 1))]);
    let told = usage.bill(Some(1.0));
    assert!(near(told.total.cost_usd, 1.0, false) && near(told.models[0].1.cost_usd, 1.0, false), "{told:?}");
    assert_eq!(told.total.tokens, tokens(2000, 2), "tokens are the log's");
    usage.finished(&Finish { cost_usd: Some(0.5), ..Finish::default() });
    assert!(near(usage.bill(Some(1.0)).total.cost_usd, 0.5, false));
}
