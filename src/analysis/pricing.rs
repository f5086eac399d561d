//! What tokens cost: the embedded price table `config/prices.toml` and the sum over one usage block.
//!
//! Not for costs which a log states itself (they win over any estimate), and not for plans or discounts: an estimate at
//! list price. A model that the table does not name has no price, rather than that of a relative.

use std::sync::LazyLock;

use figment::Figment;
use figment::providers::{Format, Toml};
use regex::Regex;
use serde::Deserialize;

/// The tokens of one request (or of several requests to one model), by what they are billed as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenCounts {
    /// Input tokens outside the cache (`input_tokens`).
    pub input: u64,
    /// Output tokens (`output_tokens`).
    pub output: u64,
    /// Tokens written to the cache for five minutes: `cache_creation_input_tokens` less those for an hour.
    pub cache_creation: u64,
    /// Tokens written to the cache for an hour (`cache_creation.ephemeral_1h_input_tokens`).
    pub cache_creation_1h: u64,
    /// Tokens read from the cache (`cache_read_input_tokens`).
    pub cache_read: u64,
    /// Searches by the server's own tool (`server_tool_use.web_search_requests`).
    pub web_searches: u64,
}

impl TokenCounts {
    /// The length of the prompt, which decides between the price bands of some models.
    fn prompt(&self) -> u64 {
        [self.cache_creation, self.cache_creation_1h, self.cache_read]
            .into_iter()
            .fold(self.input, u64::saturating_add)
    }
}

/// Estimates what `tokens` cost at list price, in USD; `None` for a model without a price.
///
/// `model` is an id as a log has it, in any of its spellings: with or without a date, a cloud provider's prefix and
/// version (`us.anthropic.claude-opus-4-1-20250805-v1:0`), a context suffix (`[1m]`).
///
/// Call it once per request where that is possible: some models have a second price for long prompts, and the sum of
/// several requests looks like one long prompt. For all other models the order of summing makes no difference.
pub fn cost_usd(model: &str, tokens: &TokenCounts) -> Option<f64> {
    Price::of(model).map(|price| price.cost_usd(tokens))
}

/// A model's line in the price table.
#[derive(Debug, Clone, Copy)]
pub struct Price(&'static Model);

impl Price {
    /// Looks the model up, see [`cost_usd`].
    pub fn of(model: &str) -> Option<Self> {
        PRICES.find(model).map(Self)
    }

    /// What `tokens` cost, see [`cost_usd`].
    pub fn cost_usd(self, tokens: &TokenCounts) -> f64 {
        let rates = match &self.0.long_prompt {
            Some(long) if tokens.prompt() > long.above => &long.rates,
            _ => &self.0.rates,
        };
        rates.cost(tokens) + PRICES.web_search * tokens.web_searches as f64
    }
}

/// The day on which the prices were last compared with their source, and the source; to be shown beside estimates.
pub fn price_source() -> (&'static str, &'static str) {
    (&PRICES.date, &PRICES.source)
}

/// Parsed once; the table is part of the program, so a broken one cannot be met at run time.
static PRICES: LazyLock<Prices> = LazyLock::new(|| {
    Figment::from(Toml::string(include_str!("../../config/prices.toml")))
        .extract()
        .expect("the embedded price table parses, as its test shows")
});

/// Takes the family out of a model's id: what may stand before and after it, but no other version number.
static SPELLING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)^(?: [a-z0-9_.-]* [./:] )*
          (?P<name> claude-[a-z0-9-]+? )
          (?: [-@](?:\d{8}|latest|default) )? (?: -v\d+ )? (?: :\d+ )? (?: \[1m\] )? $",
    )
    .expect("a constant pattern")
});

/// Some gateways write `claude-opus-4.1`.
static DOTTED_VERSION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(\d)\.(\d)").expect("a constant pattern"));

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prices {
    date: String,
    source: String,
    web_search: f64,
    model: Vec<Model>,
}

#[derive(Debug, Deserialize)]
struct Model {
    names: Vec<String>,
    #[serde(flatten)]
    rates: Rates,
    long_prompt: Option<LongPrompt>,
}

#[derive(Debug, Deserialize)]
struct LongPrompt {
    above: u64,
    #[serde(flatten)]
    rates: Rates,
}

/// USD per million tokens.
#[derive(Debug, Deserialize)]
struct Rates {
    input: f64,
    output: f64,
    cache_write_5m: f64,
    cache_write_1h: f64,
    cache_read: f64,
}

impl Prices {
    fn find(&self, model: &str) -> Option<&Model> {
        let spelled = model.trim().to_ascii_lowercase();
        // The usual spellings need no pattern, which takes a while to compile.
        self.named(without_date(&spelled)).or_else(|| self.find_by_pattern(&spelled))
    }

    fn find_by_pattern(&self, spelled: &str) -> Option<&Model> {
        let dashed = DOTTED_VERSION.replace_all(spelled, "${1}-${2}");
        self.named(SPELLING.captures(&dashed)?.name("name")?.as_str())
    }

    fn named(&self, name: &str) -> Option<&Model> {
        self.model.iter().find(|entry| entry.names.iter().any(|known| known == name))
    }
}

/// `claude-opus-4-1-20250805` without its date.
fn without_date(spelled: &str) -> &str {
    match spelled.rsplit_once('-') {
        Some((name, date)) if date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => spelled,
    }
}

impl Rates {
    fn cost(&self, tokens: &TokenCounts) -> f64 {
        let billed = [
            (tokens.input, self.input),
            (tokens.output, self.output),
            (tokens.cache_creation, self.cache_write_5m),
            (tokens.cache_creation_1h, self.cache_write_1h),
            (tokens.cache_read, self.cache_read),
        ];
        billed.iter().map(|&(count, rate)| count as f64 * rate).sum::<f64>() / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLION: u64 = 1_000_000;

    fn output_price(model: &str) -> Option<f64> {
        cost_usd(model, &TokenCounts { output: MILLION, ..TokenCounts::default() })
    }

    fn assert_near(actual: Option<f64>, expected: f64) {
        let actual = actual.expect("the model has a price");
        assert!((actual - expected).abs() < 1e-9, "{actual} is not {expected}");
    }

    #[test]
    fn every_line_of_the_embedded_table_keeps_the_usual_order_of_prices() {
        assert!(PRICES.model.len() >= 10);
        let long = PRICES.model.iter().filter_map(|model| model.long_prompt.as_ref()).map(|long| &long.rates);
        for rates in PRICES.model.iter().map(|model| &model.rates).chain(long) {
            assert!(rates.cache_read < rates.input, "{rates:?}");
            assert!(rates.input < rates.cache_write_5m, "{rates:?}");
            assert!(rates.cache_write_5m < rates.cache_write_1h, "{rates:?}");
            assert!(rates.cache_write_1h < rates.output, "{rates:?}");
        }
    }

    #[test]
    fn no_name_stands_twice_in_the_table_and_each_is_found_by_itself() {
        let names: Vec<_> = PRICES.model.iter().flat_map(|model| &model.names).collect();
        let distinct: std::collections::HashSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
        for name in names {
            assert!(output_price(name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_table_says_when_and_where_it_was_read() {
        let (date, source) = price_source();
        assert!(date.parse::<chrono::NaiveDate>().is_ok());
        assert!(source.starts_with("https://"));
    }

    #[test]
    fn each_kind_of_token_has_its_own_price() {
        let tokens = TokenCounts {
            input: 1_000,
            output: 2_000,
            cache_creation: 30_000,
            cache_creation_1h: 40_000,
            cache_read: 500_000,
            web_searches: 3,
        };
        let expected = (1e3 * 3.0 + 2e3 * 15.0 + 3e4 * 3.75 + 4e4 * 6.0 + 5e5 * 0.3) / 1e6 + 0.03;
        assert_near(cost_usd("claude-sonnet-4-5-20250929", &tokens), expected);
    }

    #[test]
    fn all_spellings_of_a_model_have_one_price() {
        for spelling in [
            "claude-opus-4-1",
            "claude-opus-4-1-20250805",
            "Claude-Opus-4-1-latest",
            "claude-opus-4-1[1m]",
            "claude-opus-4-1-20250805[1m]",
            "claude-opus-4-1@20250805",
            "claude-opus-4.1",
            "anthropic/claude-opus-4.1",
            "us.anthropic.claude-opus-4-1-20250805-v1:0",
            "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-opus-4-1-20250805-v1:0",
        ] {
            assert_near(output_price(spelling), 75.0);
        }
    }

    #[test]
    fn a_newer_version_is_not_priced_as_its_older_relative() {
        assert_near(output_price("claude-opus-4-20250514"), 75.0);
        assert_near(output_price("claude-opus-4-5-20251101"), 25.0);
        assert_eq!(output_price("claude-opus-4-99"), None);
        assert_eq!(output_price("claude-opus-99"), None);
    }

    #[test]
    fn an_unknown_model_has_no_price() {
        for model in
            ["", "<synthetic>", "gpt-4o", "claude-", "opus", "not-claude-opus-4", "claude-opus-4-1-preview"]
        {
            assert_eq!(output_price(model), None, "{model}");
        }
    }

    #[test]
    fn a_long_prompt_pays_the_higher_band_for_all_its_tokens_where_the_model_has_one() {
        let short =
            TokenCounts { input: 50_000, cache_read: 50_000, output: 1_000, ..TokenCounts::default() };
        let long = TokenCounts { cache_read: 50_001, ..short };
        assert_near(cost_usd("claude-haiku-5-5", &short), (5e4 * 0.1 + 5e4 * 0.01 + 1e3 * 0.5) / 1e6);
        assert_near(cost_usd("claude-haiku-5-5", &long), (5e4 * 0.5 + 50_001.0 * 0.05 + 1e3 * 2.5) / 1e6);
    }

    #[test]
    fn counts_at_the_end_of_their_range_do_not_overflow() {
        let tokens = TokenCounts {
            input: u64::MAX,
            cache_creation: u64::MAX,
            cache_read: u64::MAX,
            ..TokenCounts::default()
        };
        assert!(cost_usd("claude-haiku-5-5", &tokens).is_some_and(f64::is_finite));
    }
}
