//! The translation against texts written by hand, cut at every place, and against generated values.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Translation, translate};

fn as_named(name: &str) -> &str {
    name
}

fn translated(repr: &str) -> Option<(Value, bool)> {
    let Translation { json, whole } = translate(repr, as_named)?;
    Some((serde_json::from_str(&json).expect("a translation is JSON"), whole))
}

fn call(repr: &str) -> Value {
    let (value, whole) = translated(repr).expect("there is an object");
    assert!(whole, "{repr}");
    value
}

#[test]
fn constants_numbers_and_nesting_become_json() {
    let repr = "M(a=None, b=True, c=False, d=-3, e=1e-07, f=2.5, g=[1, (2, 3,), []], h={}, i=nan)";
    let expected = json!({"type": "M", "a": null, "b": true, "c": false, "d": -3, "e": 1e-7, "f": 2.5,
        "g": [1, [2, 3], []], "h": {}, "i": null});
    assert_eq!(call(repr), expected);
}

#[test]
fn both_quotes_and_all_escapes_of_strings_are_read() {
    let repr = r#"M(a='it is "so"', b="it's", c='it\'s \\ \n\t\r', d='\xe4\u2713\U0001f9ea', e='\x00', f=b'ab', g='a\d')"#;
    let expected = json!({"type": "M", "a": "it is \"so\"", "b": "it's", "c": "it's \\ \n\t\r", "d": "ä✓🧪",
        "e": "\0", "f": "ab", "g": "a\\d"});
    assert_eq!(call(repr), expected);
    assert_eq!(call(r"M(a='\ud83d')"), json!({"type": "M", "a": "\u{fffd}"}));
}

#[test]
fn other_objects_inside_are_objects_or_nothing() {
    let repr = "M(a=pkg.Path('/x'), b=<Kind.ONE: 1>, c=Inner(x=1), d=Kind.TWO, e=Odd(1, y=2))";
    let expected = json!({"type": "M", "a": {"type": "pkg.Path"}, "b": null, "c": {"type": "Inner", "x": 1},
        "d": null, "e": {"type": "Odd", "y": 2}});
    assert_eq!(call(repr), expected);
}

#[test]
fn what_is_no_object_has_no_translation() {
    for text in ["", "plain words", "'text'", "[1, 2]", "None", "M", "3"] {
        assert_eq!(translated(text).filter(|(value, _)| value.is_object()), None, "{text}");
    }
}

#[test]
fn of_a_cut_message_whole_members_of_blocks_and_inputs_stay() {
    let repr = "A(content=[T(text='one'), U(id='c', input={'path': '/x', 'flag': Tru";
    let expected = json!({"type": "A", "content": [{"type": "T", "text": "one"},
        {"type": "U", "id": "c", "input": {"path": "/x"}}]});
    assert_eq!(translated(repr), Some((expected, false)));
}

#[test]
fn a_cut_list_in_an_input_a_cut_number_and_a_cut_result_are_no_facts() {
    let list = "A(content=[U(id='c', input={'todos': [{'content': 'a'}, {'content': 'b";
    let kept = json!({"type": "A", "content": [{"type": "U", "id": "c", "input": {}}]});
    assert_eq!(translated(list), Some((kept, false)));
    assert_eq!(translated("R(turns=2"), Some((json!({"type": "R"}), false)));
    assert_eq!(translated("R(turns=2, result='long"), Some((json!({"type": "R", "turns": 2}), false)));
}

#[test]
fn a_cut_text_keeps_its_start_and_shows_that_it_goes_on() {
    let start = |text: &str| json!({"type": "A", "content": [{"type": "T", "text": text}]});
    assert_eq!(translated(r"A(content=[T(text='so far\x1"), Some((start("so far…"), false)));
    assert_eq!(translated("A(content=[T(text='so far..."), Some((start("so far..."), false)));
}

#[test]
fn endless_nesting_ends() {
    let deep = format!("M(a={})", "[".repeat(100_000));
    assert_eq!(translated(&deep), Some((json!({"type": "M"}), false)));
    let calls = format!("M(a={}", "N(a=".repeat(100_000));
    assert_eq!(translated(&calls), Some((json!({"type": "M"}), false)));
}

/// Writes a value as Python does.
fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => {
            let escaped: String = text
                .chars()
                .map(|c| match c {
                    '\\' | '\'' => format!("\\{c}"),
                    '\n' => "\\n".into(),
                    _ if c.is_control() && u32::from(c) < 256 => format!("\\x{:02x}", u32::from(c)),
                    _ => c.to_string(),
                })
                .collect();
            format!("'{escaped}'")
        }
        Value::Array(list) => format!("[{}]", list.iter().map(repr).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| {
                format!("{}: {}", repr(&Value::String(key.clone())), repr(value))
            };
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        "\\PC{0,12}".prop_map(Value::from),
        "[ -~\n\t]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-z'\\\\]{0,6}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_comes_back(value in value()) {
        let repr = format!("M(v={})", repr(&value));
        prop_assert_eq!(translated(&repr), Some((json!({"type": "M", "v": value}), true)));
    }

    #[test]
    fn a_cut_at_any_place_leaves_only_what_was_there(value in value(), place in any::<prop::sample::Index>()) {
        let repr = format!("A(content=[U(id='c', input={}), T(text='x')], n=12)", repr(&value));
        let cut = &repr[..repr.floor_char_boundary(place.index(repr.len()))];
        if let Some((partial, whole)) = translated(cut) {
            let full = call(&repr);
            prop_assert!(!whole);
            let block = &partial["content"][0];
            if let Some(input) = block["input"].as_object() {
                let inside = |(key, value): (&String, &Value)| full["content"][0]["input"][key] == *value;
                prop_assert!(input.iter().all(inside), "{partial}");
            }
            prop_assert!(block["id"].is_null() || block["id"] == "c");
            prop_assert!(partial["n"].is_null(), "the number was cut: {partial}");
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}", call in "[A-Z]\\(([a-z]=|['\"\\[\\]{}(),:\\\\]|[0-9a-zA-Z. ]){0,40}") {
        translated(&text);
        translated(&call);
    }
}
