//! `gloss rollout`: shows who gets what, and changes it while gloss serves.
//!
//! It asks the admin listener of a gloss that runs. What cannot be used changes nothing and ends with 1.

mod ask;
mod text;

use std::path::PathBuf;

use anyhow::Context;
use http::{Method, Uri};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::ask::Operator;
use self::text::State;
use super::printed::Printed;
use crate::config::Sources;
use crate::rollout::Percent;
use crate::variant::Variant;

/// Show who gets what, and change it while gloss serves
///
/// What is set here counts above the configuration, also when that is reloaded, until it is taken back (--reset) or
/// gloss ends; it outlives a restart where the configuration names a file for it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  gloss rollout                        what is in force\n  \
                        gloss rollout --percent 10           a tenth of the runs\n  \
                        gloss rollout --enabled false        the kill switch: notes for nobody\n  \
                        gloss rollout --default shadow       notes made and counted, not given\n  \
                        gloss rollout --reset                back to what the configuration says\n  \
                        gloss rollout --url http://10.0.0.5:8881 --token-file /run/secrets/gloss\n\n\
                        Without --token-file, the token is that of the variable GLOSS_ADMIN_TOKEN, if it is set. As JSON it is the answer \
                        of the admin listener, with what was before a change as \"before\".")]
pub(super) struct Args {
    /// Where the admin listener is
    #[arg(long, value_name = "ADMIN_URL", default_value = "http://127.0.0.1:8881", value_parser = url)]
    url: Uri,
    /// A file with the operators' token; without one, it is taken from the environment
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// false is the kill switch
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    /// Share of runs that get the enhanced answer unasked, 0 to 100
    #[arg(long, value_name = "N", value_parser = percent)]
    percent: Option<Percent>,
    /// What callers get who do not ask for anything
    #[arg(long, value_name = "VARIANT", value_parser = ["basic", "enhanced", "shadow"])]
    default: Option<String>,
    /// Take back everything that was set at run time
    #[arg(long, conflicts_with_all = ["enabled", "percent", "default"])]
    reset: bool,
    #[command(flatten)]
    printed: Printed,
}

fn percent(text: &str) -> Result<Percent, String> {
    let percent = text.parse().ok().and_then(Percent::new);
    percent.ok_or_else(|| "it has to be a number from 0 to 100".to_owned())
}

/// `http://HOST[:PORT]`; the path is gloss's own.
fn url(text: &str) -> Result<Uri, String> {
    let url = text.parse::<Uri>().ok().filter(|url| url.scheme_str() == Some("http"));
    let url = url.filter(|url| url.authority().is_some_and(|authority| !authority.as_str().contains('@')));
    let url = url.filter(|url| url.path() == "/" && url.query().is_none());
    url.ok_or_else(|| "it has to be like http://127.0.0.1:8881; the admin listener speaks no TLS".to_owned())
}

impl Args {
    /// What is asked to change; `None` when it is only to be shown.
    fn change(&self) -> Option<Value> {
        if self.reset {
            return Some(json!({ "enabled": null, "percent": null, "default": null }));
        }
        let fields = [
            ("enabled", self.enabled.map(|enabled| json!(enabled))),
            ("percent", self.percent.map(|percent| json!(percent))),
            ("default", self.default.as_deref().and_then(Variant::from_word).map(|variant| json!(variant))),
        ];
        let given: Map<String, Value> =
            fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
        (!given.is_empty()).then_some(Value::Object(given))
    }

    #[expect(clippy::disallowed_methods, reason = "the token's file is the operator's own")]
    fn token(&self) -> anyhow::Result<Option<SecretString>> {
        let Some(file) = &self.token_file else {
            return Ok(Sources::from_process(None, Vec::new()).admin_token());
        };
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("--token-file {} cannot be read", file.display()))?;
        Ok(Some(SecretString::from(text.trim())))
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let operator = Operator::new(args.url.clone(), args.token()?.as_ref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (before, after) = runtime.block_on(async {
        let before = operator.ask(Method::GET, None).await?;
        let after = match args.change() {
            Some(change) => Some(operator.ask(Method::POST, Some(change)).await?),
            None => None,
        };
        anyhow::Ok((before, after))
    })?;
    args.printed.print(|| described(&before, after.as_ref()), || with_before(&before, after.as_ref()))
}

fn described(before: &Value, after: Option<&Value>) -> anyhow::Result<String> {
    let read = |state| State::deserialize(state).context("this is not how a gloss of this version answers");
    Ok(text::describe(&read(before)?, after.map(read).transpose()?.as_ref()))
}

/// What is in force; where it was changed, with what was before.
fn with_before(before: &Value, after: Option<&Value>) -> Value {
    let mut shown = after.unwrap_or(before).clone();
    if let (Value::Object(fields), Some(_)) = (&mut shown, after) {
        fields.insert("before".to_owned(), before.clone());
    }
    shown
}
