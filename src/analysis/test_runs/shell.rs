//! A shell line, cut into its simple commands.
//!
//! Not a shell: nothing is expanded or evaluated, and a line that is no valid shell has commands all the same. It knows
//! quotes, escapes, comments, pipes, lists, subshells, redirections and here-documents, which is what it takes not to
//! mistake text for commands.

use std::iter::Peekable;
use std::str::Chars;

/// No more of a line is looked at, in bytes.
const MAX_LINE_BYTES: usize = 16 * 1024;

/// One simple command: a program and its arguments, without redirections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::analysis) struct SimpleCommand {
    /// The words, quotes removed; assignments in front of the program included.
    pub(in crate::analysis) words: Vec<String>,
    /// Whether it reads another command's output (`| tail`).
    pub(in crate::analysis) piped: bool,
    /// The file that its output goes to (`> out.txt`).
    pub(in crate::analysis) target: Option<String>,
}

/// Programs that print what others wrote.
const PRINTERS: &[&str] = &[
    "cat", "bat", "grep", "egrep", "rg", "ag", "sed", "awk", "head", "tail", "less", "more", "git", "gh",
    "glab", "jq", "ls", "find", "diff", "curl", "wget", "echo", "printf", "cd", "pwd", "wc", "sort", "uniq",
    "cut", "tr", "nl", "tac", "xxd", "strings", "zcat", "sleep", "true", "for", "done", "export", "set",
    "mkdir", "rm", "cp", "mv", "touch",
];

/// Splits `line` into its simple commands, in order. Linear; of a longer line the first 16 KiB count.
pub(in crate::analysis) fn split(line: &str) -> Vec<SimpleCommand> {
    let mut reader = Reader::new(head(line));
    reader.run();
    reader.commands
}

/// Whether every command of `line` only prints files, other people's logs or text. False for an empty line.
pub(super) fn only_prints(line: &str) -> bool {
    let commands = split(line);
    !commands.is_empty() && commands.iter().all(prints)
}

fn prints(command: &SimpleCommand) -> bool {
    match command.program_and_arguments() {
        [] => true,
        // These run the repository's hooks, and with them its tests.
        [git, verb, ..] if git == "git" && matches!(verb.as_str(), "commit" | "push") => false,
        [program, ..] => PRINTERS.contains(&base_name(program)),
    }
}

fn head(line: &str) -> &str {
    &line[..line.floor_char_boundary(MAX_LINE_BYTES)]
}

/// Whether a word sets a variable: `NAME=value`.
pub(in crate::analysis) fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// The last component of a program's path.
pub(in crate::analysis) fn base_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// Words of the shell's own grammar, before which or after which a command may stand.
fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "if" | "then" | "else" | "elif" | "fi" | "do" | "while" | "until" | "!" | "{" | "}" | "time"
    )
}

impl SimpleCommand {
    /// The words from the program on: without assignments and the shell's keywords in front.
    pub(in crate::analysis) fn program_and_arguments(&self) -> &[String] {
        let start = self.words.iter().position(|word| !is_assignment(word) && !is_keyword(word));
        &self.words[start.unwrap_or(self.words.len())..]
    }

    /// The program's name without its path.
    pub(in crate::analysis) fn program(&self) -> Option<&str> {
        self.program_and_arguments().first().map(|word| base_name(word))
    }
}

/// What a redirection does with its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Redirection {
    /// Standard output goes there.
    Output,
    /// Anything else: input, errors, another descriptor.
    Other,
}

/// The state of cutting.
struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
    commands: Vec<SimpleCommand>,
    current: SimpleCommand,
    word: String,
    /// Whether a word has begun, even an empty one (`''`).
    in_word: bool,
    /// The next word is the file of a redirection.
    redirection: Option<Redirection>,
    /// Delimiters of here-documents that begin after this line.
    documents: Vec<String>,
    /// The next word is such a delimiter.
    document_word: bool,
}

impl<'a> Reader<'a> {
    fn new(line: &'a str) -> Self {
        Self {
            chars: line.chars().peekable(),
            commands: Vec::new(),
            current: SimpleCommand::default(),
            word: String::new(),
            in_word: false,
            redirection: None,
            documents: Vec::new(),
            document_word: false,
        }
    }

    fn run(&mut self) {
        while let Some(c) = self.chars.next() {
            self.take(c);
        }
        self.end_command(false);
    }

    fn take(&mut self, c: char) {
        match c {
            '\\' => self.escape(),
            '\'' | '"' => self.quoted(c),
            '#' if !self.in_word => self.skip_comment(),
            '\n' => {
                self.end_command(false);
                self.skip_documents();
            }
            ' ' | '\t' | '\r' => self.end_word(),
            ';' | '(' | ')' => self.end_command(false),
            '&' if self.chars.peek() == Some(&'>') => self.end_word(),
            '&' => {
                self.chars.next_if_eq(&'&');
                self.end_command(false);
            }
            '|' => {
                let or = self.chars.next_if_eq(&'|').is_some();
                self.chars.next_if_eq(&'&');
                self.end_command(!or);
            }
            '>' | '<' => self.redirect(c),
            _ => self.push(c),
        }
    }

    fn push(&mut self, c: char) {
        self.word.push(c);
        self.in_word = true;
    }

    fn escape(&mut self) {
        match self.chars.next() {
            Some('\n') | None => {} // a line that goes on
            Some(c) => self.push(c),
        }
    }

    fn quoted(&mut self, quote: char) {
        self.in_word = true;
        while let Some(c) = self.chars.next() {
            match c {
                _ if c == quote => return,
                '\\' if quote == '"' => {
                    let escaped = self.chars.next();
                    self.word.extend(escaped);
                }
                _ => self.word.push(c),
            }
        }
    }

    fn skip_comment(&mut self) {
        while self.chars.next_if(|c| *c != '\n').is_some() {}
    }

    fn redirect(&mut self, c: char) {
        let numbered = self.in_word && self.word.chars().all(|digit| digit.is_ascii_digit());
        let errors_only = numbered && self.word != "1";
        if numbered {
            self.word.clear(); // the number of a descriptor, as in `2>`
            self.in_word = false;
        }
        self.end_word();
        let doubled = self.chars.next_if_eq(&c).is_some();
        if c == '<' && doubled && self.chars.next_if_eq(&'<').is_none() {
            self.chars.next_if_eq(&'-');
            self.document_word = true;
            return;
        }
        let duplicated = self.chars.next_if(|next| matches!(next, '&' | '|' | '(')).is_some();
        let to_file = c == '>' && !duplicated && !errors_only;
        self.redirection = Some(if to_file { Redirection::Output } else { Redirection::Other });
    }

    fn end_word(&mut self) {
        if !self.in_word {
            return;
        }
        let word = std::mem::take(&mut self.word);
        self.in_word = false;
        if std::mem::take(&mut self.document_word) {
            self.documents.push(word);
            return;
        }
        match self.redirection.take() {
            None => self.current.words.push(word),
            Some(Redirection::Output) if !word.starts_with("/dev/") => self.current.target = Some(word),
            Some(Redirection::Output | Redirection::Other) => {}
        }
    }

    fn end_command(&mut self, next_is_piped: bool) {
        self.end_word();
        self.redirection = None;
        let ended = std::mem::take(&mut self.current);
        self.current.piped = next_is_piped;
        if !ended.words.is_empty() {
            self.commands.push(ended);
        }
    }

    /// Skips the bodies of the here-documents that were announced on the line just ended.
    fn skip_documents(&mut self) {
        for delimiter in std::mem::take(&mut self.documents) {
            let mut line = String::new();
            for c in self.chars.by_ref() {
                if c != '\n' {
                    line.push(c);
                    continue;
                }
                if line.trim() == delimiter {
                    break;
                }
                line.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        split(line).iter().map(|command| command.words.join(" ")).collect()
    }

    #[test]
    fn lists_pipes_and_lines_are_separate_commands() {
        let line = "cd app && FOO=1 cargo test --lib 2>&1 | tail -5; echo done || true\nls &";
        assert_eq!(words(line), ["cd app", "FOO=1 cargo test --lib", "tail -5", "echo done", "true", "ls"]);
        let piped: Vec<_> = split(line).iter().map(|command| command.piped).collect();
        assert_eq!(piped, [false, false, true, false, false, false]);
    }

    #[test]
    fn quoted_text_is_one_word_and_no_command() {
        assert_eq!(
            words(r#"git commit -m "a && b; \"c\" | d" -- 'x y'"#),
            [r#"git commit -m a && b; "c" | d -- x y"#]
        );
        assert_eq!(split("echo 'a b' ''")[0].words, ["echo", "a b", ""]);
    }

    #[test]
    fn a_here_document_is_no_command() {
        let line =
            "cat > t.py <<'EOF'\npytest\nEOF\npytest -q <<< x\ncat <<-END | wc\n\tcargo test\n\tEND\nls";
        assert_eq!(words(line), ["cat", "pytest -q", "cat", "wc", "ls"]);
    }

    #[test]
    fn redirections_are_no_arguments() {
        assert_eq!(words("make test > out.txt 2> err &> all < in 2>/dev/null >&2 -k"), ["make test -k"]);
    }

    #[test]
    fn the_file_that_output_goes_to_is_known() {
        let targets = |line| split(line).into_iter().map(|command| command.target).collect::<Vec<_>>();
        assert_eq!(targets("make > 'out 1.txt' 2> err"), [Some("out 1.txt".to_owned())]);
        assert_eq!(
            targets("a >> log 2>&1; b > /dev/null; c 2> err; d < in; e >&2"),
            [Some("log".to_owned()), None, None, None, None]
        );
        assert_eq!(targets("make &> all.txt"), [Some("all.txt".to_owned())]);
    }

    #[test]
    fn comments_and_continued_lines_are_understood() {
        assert_eq!(words("# run pytest\ncargo \\\n test # all of it\nls a#b"), ["cargo test", "ls a#b"]);
    }

    #[test]
    fn the_program_stands_behind_assignments_and_keywords() {
        let commands = split("A=1 B_2='x y' /usr/bin/pytest -q; if ! make; then (cargo test); fi");
        let programs: Vec<_> = commands.iter().map(SimpleCommand::program).collect();
        assert_eq!(programs, [Some("pytest"), Some("make"), None, Some("cargo"), None]);
    }

    #[test]
    fn a_line_that_only_prints_is_told_from_one_that_runs_something() {
        assert!(only_prints("cat out.log | grep -A3 passed; git log --oneline"));
        assert!(!only_prints("./ci.sh | tail"));
        assert!(!only_prints("git add . && git commit -m 'Passes'"));
        assert!(!only_prints(""));
    }

    #[test]
    fn unbalanced_lines_end_where_they_end() {
        assert_eq!(words("echo \"open"), ["echo open"]);
        assert_eq!(words("cat <<EOF\nnever ended"), ["cat"]);
        assert_eq!(words("a \\"), ["a"]);
    }
}
