//! Lays the sources of configuration over each other: defaults, file, environment, flags; the later wins.
//!
//! This is the only place that reads the environment. It remembers where each value came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Error as FigmentError, Figment, Metadata, Profile, Provider, Source};

use secrecy::SecretString;

use super::error::ConfigError;
use super::raw::Raw;
use crate::telemetry::{MASK, without_credentials};

/// Variables named after flags; each stands for the key beside it.
pub(super) const FLAG_VARIABLES: [(&str, &str); 6] = [
    ("GLOSS_LISTEN", "listen"),
    ("GLOSS_ADMIN", "admin.listen"),
    ("GLOSS_UPSTREAM", "upstream.url"),
    ("GLOSS_LOGS", "logs.sources"),
    ("GLOSS_VARIANT", "rollout.default"),
    ("GLOSS_PERCENT", "rollout.percent"),
];

/// What variables of gloss begin with.
const PREFIX: &str = "GLOSS_";

/// Names the configuration file itself.
const FILE_VARIABLE: &str = "GLOSS_CONFIG";

/// Where a configuration is taken from. `Debug` shows no values: the environment is full of other programs' secrets.
#[derive(Clone, Default)]
pub struct Sources {
    /// The file; without one, `GLOSS_CONFIG` may name it.
    pub file: Option<PathBuf>,
    /// Environment variables, in the order in which they are looked at.
    pub environment: Vec<(String, String)>,
    /// Flags of the command line: flag, key, value.
    pub flags: Vec<(&'static str, &'static str, String)>,
}

impl Sources {
    /// Takes the process's environment.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn from_process(file: Option<PathBuf>, flags: Vec<(&'static str, &'static str, String)>) -> Self {
        // Names and values that are not UTF-8 cannot be gloss's. Others are not kept.
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        Self { file, environment, flags }
    }
}

impl Sources {
    /// The file that is read, if any is: the one named here, or else the one that `GLOSS_CONFIG` names.
    pub fn file(&self) -> Option<PathBuf> {
        let variable = self.environment.iter().find(|(name, _)| name == FILE_VARIABLE);
        self.file.clone().or_else(|| variable.map(|(_, path)| PathBuf::from(path)))
    }
}

impl Sources {
    /// Whether they say where the service is, for all that can be seen without reading them: by a file, or by a variable.
    pub fn name_an_upstream(&self) -> bool {
        let names = ["GLOSS_UPSTREAM", "GLOSS_UPSTREAM_URL"];
        self.file().is_some() || self.environment.iter().any(|(name, _)| names.contains(&name.as_str()))
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables: Vec<_> = self.environment.iter().map(|(name, _)| name).collect();
        let flags: Vec<_> = self.flags.iter().map(|(flag, ..)| flag).collect();
        let Self { file, .. } = self;
        f.debug_struct("Sources")
            .field("file", file)
            .field("environment", &variables)
            .field("flags", &flags)
            .finish()
    }
}

impl Sources {
    /// The operators' token, where the environment has it.
    pub fn admin_token(&self) -> Option<SecretString> {
        let variable = self.environment.iter().find(|(name, _)| name == "GLOSS_ADMIN_TOKEN");
        variable.filter(|(_, token)| !token.is_empty()).map(|(_, token)| SecretString::from(token.as_str()))
    }
}

/// The home of whoever runs gloss, where there is one.
pub(super) fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| home.is_absolute())
}

/// The outcome: raw settings, where they came from, and what deserves a warning.
#[derive(Debug)]
pub(super) struct Layered {
    pub(super) raw: Raw,
    pub(super) origins: BTreeMap<String, String>,
    pub(super) warnings: Vec<String>,
}

/// Lays the sources over each other.
pub(super) fn layer(sources: &Sources) -> Result<Layered, ConfigError> {
    let defaults = flatten(&Raw::default());
    let mut figment = Figment::from(Serialized::defaults(Raw::default()));
    let mut warnings = Vec::new();
    if let Some(path) = &sources.file() {
        refuse_unreadable(path)?;
        figment = figment.merge(Toml::file_exact(path));
    }
    for (name, text) in sources.environment.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        match key_of_variable(name, &defaults) {
            Some(key) => figment = figment.merge(Setting::new(&key, text, name, &defaults)?),
            None if name == FILE_VARIABLE => {}
            None => warnings.push(format!("{name} is not a variable of gloss and is ignored")),
        }
    }
    for (flag, key, text) in &sources.flags {
        figment = figment.merge(Setting::new(key, text, flag, &defaults)?);
    }
    let raw = figment.extract().map_err(|error| refusal(&error, &defaults))?;
    let origins = defaults.keys().map(|key| (key.clone(), origin(&figment, key))).collect();
    Ok(Layered { raw, origins, warnings })
}

/// Every key with its value, as `a.b`.
pub(super) fn flatten(raw: &Raw) -> BTreeMap<String, Value> {
    fn walk(prefix: &str, value: Value, into: &mut BTreeMap<String, Value>) {
        match value {
            Value::Dict(_, dict) => {
                for (name, value) in dict {
                    let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
                    walk(&key, value, into);
                }
            }
            leaf => {
                into.insert(prefix.to_owned(), leaf);
            }
        }
    }
    let mut keys = BTreeMap::new();
    walk("", Value::serialize(raw).expect("plain structs of texts and numbers serialise"), &mut keys);
    keys
}

/// `GLOSS_ROLLOUT_PERCENT` stands for `rollout.percent`, `GLOSS_PERCENT` does too.
fn key_of_variable(name: &str, defaults: &BTreeMap<String, Value>) -> Option<String> {
    let by_flag =
        FLAG_VARIABLES.iter().find(|(variable, _)| *variable == name).map(|(_, key)| (*key).to_owned());
    by_flag.or_else(|| defaults.keys().find(|key| variable_of_key(key) == name).cloned())
}

pub(super) fn variable_of_key(key: &str) -> String {
    format!("GLOSS_{}", key.replace('.', "_").to_ascii_uppercase())
}

/// One value from outside the file, in the type that its key has.
struct Setting {
    key: String,
    value: Value,
    origin: String,
}

impl Setting {
    fn new(
        key: &str,
        text: &str,
        origin: &str,
        defaults: &BTreeMap<String, Value>,
    ) -> Result<Self, ConfigError> {
        let value = match defaults.get(key) {
            Some(Value::Bool(..)) => {
                text.parse::<bool>().map(Value::from).map_err(|_| "it has to be true or false")
            }
            Some(Value::Num(_, number)) if number.to_f64().is_some() => {
                text.parse::<f64>().map(Value::from).map_err(|_| "it has to be a number")
            }
            Some(Value::Num(..)) => {
                text.parse::<u64>().map(Value::from).map_err(|_| "it has to be a whole number")
            }
            Some(Value::Array(..)) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Ok(Value::from(items.map(|item| Value::from(item.to_owned())).collect::<Vec<_>>()))
            }
            _ => Ok(Value::from(text.to_owned())),
        };
        let value = value.map_err(|reason| ConfigError {
            key: key.to_owned(),
            value: format!("{} (from {origin})", without_credentials(text)),
            reason: reason.to_owned(),
            hint: format!("correct {origin}"),
        })?;
        Ok(Self { key: key.to_owned(), value, origin: origin.to_owned() })
    }
}

impl Provider for Setting {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, FigmentError> {
        let nested = figment::util::nest(&self.key, self.value.clone());
        let dict = nested.into_dict().unwrap_or_default();
        Ok(Map::from([(Profile::Default, dict)]))
    }
}

fn origin(figment: &Figment, key: &str) -> String {
    match figment.find_metadata(key) {
        Some(metadata) if metadata.name.contains("TOML") => {
            metadata.source.as_ref().map_or_else(|| "file".to_owned(), shown)
        }
        Some(metadata) if metadata.name.starts_with("GLOSS_") || metadata.name.starts_with("--") => {
            metadata.name.to_string()
        }
        _ => "default".to_owned(),
    }
}

/// A place as it was named. What it says of itself is a path from the folder that gloss runs in.
fn shown(source: &Source) -> String {
    source.file_path().map_or_else(|| source.to_string(), |path| path.display().to_string())
}

fn refuse_unreadable(path: &Path) -> Result<(), ConfigError> {
    std::fs::metadata(path).map(drop).map_err(|error| ConfigError {
        key: String::new(),
        value: path.display().to_string(),
        reason: format!("the file cannot be read: {error}"),
        hint: "check --config and the file's permissions".to_owned(),
    })
}

/// Says in gloss's words what figment found.
fn refusal(error: &FigmentError, defaults: &BTreeMap<String, Value>) -> ConfigError {
    use figment::error::Kind;
    let origin = error.metadata.as_ref().and_then(|metadata| metadata.source.as_ref()).map(shown);
    let place = origin.as_ref().map(|origin| format!(" (from {origin})")).unwrap_or_default();
    let key = error.path.join(".");
    match &error.kind {
        Kind::UnknownField(field, _) => {
            let parent =
                error.path.iter().filter(|part| *part != field).cloned().collect::<Vec<_>>().join(".");
            let key = if parent.is_empty() { field.clone() } else { format!("{parent}.{field}") };
            let hint = match nearest(&key, defaults) {
                Some(known) => format!("did you mean {known}?"),
                None => "see config/gloss.toml for every key".to_owned(),
            };
            ConfigError {
                key,
                value: place.trim().to_owned(),
                reason: "there is no such key".to_owned(),
                hint,
            }
        }
        Kind::InvalidType(found, expected) => ConfigError {
            value: if is_secret(&key) {
                MASK.to_owned()
            } else {
                without_credentials(&format!("{found}")) + &place
            },
            key,
            reason: format!("it has to be {expected}"),
            hint: "see config/gloss.toml for every key and its type".to_owned(),
        },
        kind => ConfigError {
            value: match origin {
                Some(file) if key.is_empty() => file,
                _ => place.trim().to_owned(),
            },
            // A parser's message may quote the value.
            reason: if is_secret(&key) {
                "it cannot be read".to_owned()
            } else {
                without_excerpt(&kind.to_string())
            },
            key,
            hint: "the file has to be valid TOML; config/gloss.toml is an example".to_owned(),
        },
    }
}

/// A parser's message without the lines that quote the file: they may hold a secret.
fn without_excerpt(message: &str) -> String {
    let quotes =
        |line: &str| line.split_once('|').is_some_and(|(margin, _)| margin.trim().parse::<u32>().is_ok());
    let lines = message.lines().filter(|line| !quotes(line) && !line.trim_start().starts_with('|'));
    lines.collect::<Vec<_>>().join(" ")
}

/// Whether the value of this key is never shown.
pub(super) fn is_secret(key: &str) -> bool {
    key == "admin.token"
}

/// The known key that looks most like this one, if any does.
fn nearest<'k>(key: &str, known: &'k BTreeMap<String, Value>) -> Option<&'k str> {
    let close = known.keys().map(|name| (strsim::jaro_winkler(key, name), name.as_str()));
    let best = close.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 0.85).then_some(best.1)
}
