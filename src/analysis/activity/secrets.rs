//! Secrets in text that is shown to people.
//!
//! A net, not a proof: it knows the shapes of common tokens and the names under which secrets are passed. What has
//! neither a known shape nor a telling name is not found.

mod pattern;

use std::borrow::Cow;

use self::pattern::{KELVIN, LONG_S, Pattern};
use crate::analysis::needles::Needles;

/// What stands in a secret's place.
const MASK: &str = "***";

/// Tokens that are known by their shape, wherever they stand.
static SHAPES: Pattern = Pattern::new(
    r"(?x)
          -----BEGIN\ [A-Z\ ]*PRIVATE\ KEY-----[^-]*(?:-----END\ [A-Z\ ]*PRIVATE\ KEY-----)?
        | \b(?:
            sk-[A-Za-z0-9_-]{16,}                   # Anthropic, OpenAI and others
          | (?:sk|rk|pk|whsec)_[A-Za-z0-9_]{16,}    # Stripe
          | gh[opusr]_[A-Za-z0-9]{20,}
          | github_pat_[A-Za-z0-9_]{20,}
          | gl(?:pat|ptt|rt|dt)-[A-Za-z0-9_-]{16,}
          | xox[a-z]-[A-Za-z0-9-]{10,} | xapp-[A-Za-z0-9-]{10,}
          | hooks\.slack\.com/services/[A-Za-z0-9/]+
          | (?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}
          | AIza[A-Za-z0-9_-]{30,} | ya29\.[A-Za-z0-9_-]{16,}
          | eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)?   # JSON Web Tokens
          | npm_[A-Za-z0-9]{20,} | pypi-[A-Za-z0-9_-]{20,} | hf_[A-Za-z0-9]{20,}
          | dop_v1_[a-f0-9]{20,} | SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,} | lin_api_[A-Za-z0-9]{20,}
          | [0-9]{8,10}:[A-Za-z0-9_-]{35}           # Telegram
          )",
);

/// What stands behind a name that tells of a secret.
macro_rules! value {
    () => {
        r#"(?P<value> "[^"$\n][^"\n]*" | '[^'\n]+' | ["']? [^\s"'&,;$<{(\[`=-] [^\s"'&,;`]* )"#
    };
}

/// Secrets that are known by what stands before them, which stays: headers, options, variables, fields.
static NAMED: Pattern = Pattern::new(concat!(
    r#"(?x)
        (?P<name>
            (?i: \b(?:proxy-)?authorization ["']? \s* [:=] \s* ["']? (?:(?:bearer|basic|token|digest) \s+)? )
          | (?i: \b(?:set-)?cookie ["']? \s* : \s* )
          | (?i: \b(?:x-)?(?:api|auth|access)[-_]?(?:key|token) ["']? \s* [:=] \s* )
          | (?i: \b[a-z0-9_-]*(?:password|passwd|passphrase|client_secret|private_key) ["']? \s* [:=] \s* )
          | (?i: \B--?(?:[a-z]+-)*(?:token|password|passwd|pass|secret|api-?key|key-?id|private-key|credentials) (?:\s+|=) )
          | \b[A-Z0-9_]*(?:TOKEN|KEY|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL)S? ["']? (?:=|\s*:\s+)
          | \b[A-Z0-9_]+_(?:PASS|PWD|PAT)=
        )
        "#,
    value!()
));

/// Arguments that are secrets of some commands only. Apart from the others, which may stand between a command and its
/// argument.
static COMMANDS: Pattern = Pattern::new(concat!(
    r#"(?x)
        (?P<name>
            \b(?:sshpass|mysql|mysqldump|mysqladmin)\ (?:\S+\ ){0,8}?-p\ ?
          | \bcurl\b [^|;\n]{0,200}? \s(?:-u|--user)[\ =]?["']?[^\s:"']*:
          | \bcurl\b [^|;\n]{0,200}? \s(?:-b|--cookie|--oauth2-bearer)[\ =]
          | \b(?:docker|podman|helm|az|oc)\b [^|;\n]{0,100}? \blogin\b [^|;\n]{0,200}? \s-p\ ?
          | \bredis-cli\b [^|;\n]{0,200}? \s(?:-a|--pass)\ 
          | \bgh\ secret\ set\b [^|;\n]{0,100}? \s(?:-b|--body)[\ =]
          | \bvault\ login\ | \baws\ configure\ set\ \S*(?:secret|token|key)\S*\ 
          | \bopenssl\b [^|;\n]{0,200}? \s(?:-k|-K)\ 
        )
        "#,
    value!()
));

/// Names which in prose and code stand before harmless words, too: only long values count.
static PERHAPS_NAMED: Pattern = Pattern::new(
    r#"(?x)
        (?P<name> (?i: \bbearer \s+ | \b[a-z0-9_-]*(?:token|secret|credential|signature|sig|pwd) ["']? \s* [:=] \s* ["']? ) )
        (?P<value> [A-Za-z0-9_.~+/=-]{12,} )"#,
);

/// `https://user:password@host`.
static USER_INFO: Pattern =
    Pattern::new(r"(?P<name>\b[A-Za-z][A-Za-z0-9+.-]{1,20}://)(?P<value>[^\s/@?#]+)@");

/// Replaces what looks like a secret by `***`: tokens of well-known shapes, and the values of headers, options,
/// variables and fields with telling names (`Authorization: …`, `--token …`, `API_KEY=…`, `password: …`, the user part
/// of URLs). Names stay readable. Borrowed where nothing was found; linear in the length of `text`.
pub fn mask_secrets(text: &str) -> Cow<'_, str> {
    let signs = Signs::of(text);
    let text = chain(Cow::Borrowed(text), signs.user_info, &USER_INFO, |_| MASK.to_owned());
    let text = chain(text, signs.shapes, &SHAPES, |_| MASK.to_owned());
    // In the same text, since what one of them hides may be what the other knows its secret by.
    let text = match (signs.named, signs.commands) {
        (true, true) => masked(text, &[&NAMED, &COMMANDS], masked_value),
        (named, commands) => {
            let text = chain(text, named, &NAMED, masked_value);
            chain(text, commands, &COMMANDS, masked_value)
        }
    };
    chain(text, signs.perhaps_named, &PERHAPS_NAMED, |_| MASK.to_owned())
}

/// Which of the patterns may match: what each cannot do without is there.
#[derive(Debug, Clone, Copy, Default)]
struct Signs {
    user_info: bool,
    shapes: bool,
    named: bool,
    commands: bool,
    perhaps_named: bool,
}

/// Which pattern a word is a sign for.
#[derive(Debug, Clone, Copy)]
enum Sign {
    UserInfo,
    Shape,
    /// A shape that begins with the word.
    ShapeFromStart,
    Named,
    Command,
    PerhapsNamed,
    BothNamed,
}

static SIGNS: Needles<Sign> = {
    use Sign::{BothNamed, Command, Named, PerhapsNamed, Shape, ShapeFromStart, UserInfo};
    Needles::in_any_case(&[
        ("://", UserInfo),
        ("-----begin ", Shape),
        ("sk-", ShapeFromStart),
        ("sk_", ShapeFromStart),
        ("rk_", ShapeFromStart),
        ("pk_", ShapeFromStart),
        ("whsec_", ShapeFromStart),
        ("gho_", ShapeFromStart),
        ("ghp_", ShapeFromStart),
        ("ghu_", ShapeFromStart),
        ("ghs_", ShapeFromStart),
        ("ghr_", ShapeFromStart),
        ("github_pat_", ShapeFromStart),
        ("glpat-", ShapeFromStart),
        ("glptt-", ShapeFromStart),
        ("glrt-", ShapeFromStart),
        ("gldt-", ShapeFromStart),
        ("xox", ShapeFromStart),
        ("xapp-", ShapeFromStart),
        ("hooks.slack.com", ShapeFromStart),
        ("akia", ShapeFromStart),
        ("asia", ShapeFromStart),
        ("aroa", ShapeFromStart),
        ("aida", ShapeFromStart),
        ("aiza", ShapeFromStart),
        ("ya29.", ShapeFromStart),
        ("eyj", ShapeFromStart),
        ("npm_", ShapeFromStart),
        ("pypi-", ShapeFromStart),
        ("hf_", ShapeFromStart),
        ("dop_v1_", ShapeFromStart),
        ("sg.", ShapeFromStart),
        ("lin_api_", ShapeFromStart),
        ("authorization", Named),
        ("cookie", Named),
        ("key", Named),
        ("passw", Named),
        ("passphrase", Named),
        ("-pass", Named),
        ("_pass=", Named),
        ("_pwd=", Named),
        ("_pat=", Named),
        ("sshpass", Command),
        ("mysql", Command),
        ("curl", Command),
        ("login", Command),
        ("redis-cli", Command),
        ("openssl", Command),
        ("gh secret set", Command),
        ("aws configure set", Command),
        ("token", BothNamed),
        ("secret", BothNamed),
        ("credential", BothNamed),
        ("bearer", PerhapsNamed),
        ("signature", PerhapsNamed),
        ("sig", PerhapsNamed),
        ("pwd", PerhapsNamed),
    ])
};

impl Signs {
    fn of(text: &str) -> Self {
        // What is no needle, though the patterns take it for one.
        if !text.is_ascii() && text.contains([LONG_S, KELVIN]) {
            return Self { user_info: true, shapes: true, named: true, commands: true, perhaps_named: true };
        }
        let mut signs = Self { shapes: has_number_and_colon(text), ..Self::default() };
        for found in SIGNS.find(text) {
            match found.meaning {
                Sign::UserInfo => signs.user_info = true,
                Sign::Shape => signs.shapes = true,
                Sign::ShapeFromStart => signs.shapes |= found.begins_an_ascii_word(),
                Sign::Named => signs.named = true,
                Sign::Command => signs.commands = true,
                Sign::PerhapsNamed => signs.perhaps_named = true,
                Sign::BothNamed => (signs.named, signs.perhaps_named) = (true, true),
            }
        }
        signs
    }
}

/// Whether eight figures stand before a colon somewhere.
fn has_number_and_colon(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b':', bytes).any(|at| {
        let before = bytes[..at].iter().rev().take_while(|byte| byte.is_ascii_digit());
        before.take(8).count() == 8
    })
}

/// A mask, in the quotes that the value had.
fn masked_value(value: &str) -> String {
    let quote = |c: Option<char>| c.filter(|c| matches!(c, '"' | '\'')).map(String::from).unwrap_or_default();
    let closing = if value.len() > 1 { quote(value.chars().next_back()) } else { String::new() };
    format!("{}{MASK}{closing}", quote(value.chars().next()))
}

/// Replaces what a pattern finds, if it may find anything, in a text that may have changed already.
fn chain<'a>(
    text: Cow<'a, str>,
    may_match: bool,
    pattern: &Pattern,
    mask: fn(&str) -> String,
) -> Cow<'a, str> {
    if may_match { masked(text, &[pattern], mask) } else { text }
}

/// Replaces what any of the patterns finds.
fn masked<'a>(text: Cow<'a, str>, patterns: &[&Pattern], mask: fn(&str) -> String) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => pattern::replace(patterns, text, mask),
        Cow::Owned(text) => Cow::Owned(pattern::replace(patterns, &text, mask).into_owned()),
    }
}
