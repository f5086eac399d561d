//! Which files are named as logs of runs are, whatever run, workflow or session it be. Pure.

/// The names that the versions of the service use; the default of `logs.templates`.
pub(super) const USUAL: [&str; 3] =
    ["run_{run_id}.log", "run_{run_id}_stream.jsonl", "{workflow_name}_{claude_session_id}.log"];

/// Whether a file of this name is a log of some run by this template: each field stands for one letter or more.
pub(super) fn fits(template: &str, name: &str) -> bool {
    let Some((before, rest)) = template.split_once('{') else { return template == name };
    let Some(name) = name.strip_prefix(before) else { return false };
    let behind = rest.split_once('}').map_or("", |(_, behind)| behind);
    let legal = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    let ends = name
        .char_indices()
        .take_while(|(_, letter)| legal(*letter))
        .map(|(at, letter)| at + letter.len_utf8());
    ends.into_iter().any(|end| fits(behind, &name[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_stands_for_any_id_and_for_nothing_else() {
        for (template, name, expected) in [
            (USUAL[0], "run_run_08ac.log", true),
            (USUAL[0], "run_.log", false),
            (USUAL[0], "run_a b.log", false),
            (USUAL[0], "run_a.log.1", false),
            (USUAL[1], "run_0f-12_stream.jsonl", true),
            (USUAL[2], "builder_0f-12.log", true),
            (USUAL[2], "uvicorn.log", false),
            ("app.log", "app.log", true),
        ] {
            assert_eq!(fits(template, name), expected, "{template} {name}");
        }
    }
}
