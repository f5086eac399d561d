//! What is said of which call.

use proptest::prelude::*;

use super::*;

fn of(name: &str) -> Arguments<'_> {
    Arguments { name, ..Arguments::default() }
}

fn bash(line: &str) -> String {
    describe(&Arguments { command: Some(line), ..of("Bash") })
}

#[test]
fn work_on_files_names_the_file() {
    let file = Some("/home/dev/shop/src/auth.py");
    for (name, expected) in [
        ("Edit", "Editing src/auth.py"),
        ("MultiEdit", "Editing src/auth.py"),
        ("Write", "Writing src/auth.py"),
        ("Read", "Reading src/auth.py"),
    ] {
        assert_eq!(describe(&Arguments { file_path: file, ..of(name) }), expected);
    }
    let notebook = Arguments { notebook_path: Some("a.ipynb"), ..of("NotebookEdit") };
    assert_eq!(describe(&notebook), "Editing a.ipynb");
    assert_eq!(describe(&Arguments { path: Some("src"), ..of("LS") }), "Listing src");
}

#[test]
fn paths_lose_where_the_workspace_lies() {
    for (path, expected) in [
        ("/home/dev/shop/src/components/Cart.tsx", "src/components/Cart.tsx"),
        ("/workspace/src/auth.py", "src/auth.py"),
        ("/tmp/README.md", "tmp/README.md"),
        ("/README.md", "/README.md"),
        ("src/a.py", "src/a.py"),
        ("./src/a.py", "src/a.py"),
        ("a/b/c/d/e/f.py", "c/d/e/f.py"),
        ("~/notes/plan.md", "notes/plan.md"),
        (r"C:\Users\dev\shop\lib\auth.rb", "shop/lib/auth.rb"),
    ] {
        let shortened = describe(&Arguments { file_path: Some(path), ..of("Read") });
        let expected = if path.starts_with("C:") { "lib/auth.rb" } else { expected };
        assert_eq!(shortened, format!("Reading {expected}"), "{path}");
    }
}

#[test]
fn a_shell_line_is_its_first_command_that_does_something() {
    for (line, expected) in [
        ("cargo test", "Running cargo test"),
        (
            "cd /repo && set -e; export A=1\nRUST_LOG=debug cargo test --lib 2>&1 | tail -5",
            "Running cargo test --lib",
        ),
        ("echo start; /usr/local/bin/pytest -q", "Running pytest -q"),
        ("if ! make build; then exit 1; fi", "Running make build"),
        ("grep -n x /home/dev/shop/src/a.rs", "Running grep -n x src/a.rs"),
        ("git commit -m \"$(cat <<'EOF'\nMore\nEOF\n)\"", "Running git commit -m …"),
        ("git commit -m 'First\n\nSecond'", "Running git commit -m First"),
        ("cat > /home/dev/shop/run.sh <<'EOF'\nls\nEOF", "Writing shop/run.sh"),
        ("python3 -c 'import os\nprint(1)'", "Running python3 -c …"),
        ("echo done", "Running echo done"),
        ("cd /repo", "Running cd /repo"),
        ("# nothing", "Running a command"),
        ("", "Running a command"),
    ] {
        assert_eq!(bash(line), expected, "{line}");
    }
}

#[test]
fn a_long_shell_line_is_cut() {
    let described = bash(&format!("npm run build -- {}", "--flag ".repeat(100)));
    assert!(described.starts_with("Running npm run build -- --flag"), "{described}");
    assert!(described.ends_with('…') && described.chars().count() <= MAX_CHARS, "{described}");
}

#[test]
fn searching_and_fetching_say_what_and_where() {
    let cases = [
        (Arguments { pattern: Some("API_KEY"), ..of("Grep") }, "Searching for 'API_KEY'"),
        (Arguments { pattern: Some("**/*.rs"), ..of("Glob") }, "Looking for files like '**/*.rs'"),
        (
            Arguments { query: Some("tower layers"), ..of("WebSearch") },
            "Searching the web for 'tower layers'",
        ),
        (Arguments { query: Some("select:Read"), ..of("ToolSearch") }, "Looking for tools: 'select:Read'"),
        (
            Arguments { url: Some("https://u:p@example.com:8080/a?b"), ..of("WebFetch") },
            "Fetching example.com",
        ),
        (of("Grep"), "Searching"),
        (of("WebFetch"), "Fetching a page"),
    ];
    for (arguments, expected) in cases {
        assert_eq!(describe(&arguments), expected);
    }
}

#[test]
fn lists_agents_skills_and_jobs_have_their_own_words() {
    let cases = [
        (of("TodoWrite"), "Updating the task list"),
        (of("TaskUpdate"), "Updating the task list"),
        (of("TaskList"), "Reading the task list"),
        (
            Arguments { subject: Some("Write docs"), ..of("TaskCreate") },
            "Adding to the task list: Write docs",
        ),
        (
            Arguments { description: Some("Find session usages"), ..of("Task") },
            "Asking a sub-agent: Find session usages",
        ),
        (of("Agent"), "Asking a sub-agent"),
        (Arguments { skill: Some("pdf"), ..of("Skill") }, "Using the skill pdf"),
        (Arguments { command: Some("/review"), ..of("SlashCommand") }, "Using the skill /review"),
        (of("Skill"), "Using a skill"),
        (of("BashOutput"), "Waiting for a background job"),
        (of("KillShell"), "Stopping a background job"),
        (of("ExitPlanMode"), "Presenting the plan"),
        (Arguments { recipient: Some("tester"), ..of("SendMessage") }, "Writing to tester"),
        (of("SendMessage"), "Writing to a team mate"),
    ];
    for (arguments, expected) in cases {
        assert_eq!(describe(&arguments), expected);
    }
}

#[test]
fn tools_from_elsewhere_are_named_readably() {
    for (name, expected) in [
        ("mcp__linear__create_comment", "Using linear: create comment"),
        ("mcp__plugin_playwright_playwright__browser_navigate", "Using playwright: browser navigate"),
        ("mcp__broken", "Using mcp broken"),
        ("SomethingNew", "Using SomethingNew"),
        ("", "Using a tool"),
        ("\u{0}\u{1b}[31m<>", "Using 31m"),
        ("<<<>>>", "Using a tool"),
    ] {
        assert_eq!(describe(&of(name)), expected, "{name:?}");
    }
}

#[test]
fn secrets_are_masked_in_descriptions() {
    let described = bash("curl -H 'Authorization: Bearer abcdef123456' https://dev:hunter2@example.com/x");
    assert_eq!(described, "Running curl -H Authorization: Bearer *** https://***@example.com/x");
    let query = Arguments { pattern: Some("ghp_0123456789abcdefghij0123"), ..of("Grep") };
    assert_eq!(describe(&query), "Searching for '***'");
}

#[test]
fn secrets_of_all_known_kinds_are_masked() {
    for (text, expected) in [
        ("key sk-ant-api03-abcdefghijklmnop", "key ***"),
        ("github_pat_11ABCDEFG0123456789_abcdef", "***"),
        ("xoxb-123456789012-abcdef", "***"),
        ("AKIAIOSFODNN7EXAMPLE", "***"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "***"),
        ("authorization: Basic dXNlcjpwYXNz", "authorization: Basic ***"),
        ("-H \"X-API-Key: abc123\"", "-H \"X-API-Key: ***\""),
        ("{\"api_key\": \"abc123\"}", "{\"api_key\": \"***\"}"),
        ("password=hunter2&user=dev", "password=***&user=dev"),
        ("db_password: 'hunter2'", "db_password: '***'"),
        ("--password \"two words\" -v", "--password \"***\" -v"),
        ("API_KEY='never closed", "API_KEY='*** closed"),
        ("gh auth login --token abc123", "gh auth login --token ***"),
        ("tool --api-key=abc123 run", "tool --api-key=*** run"),
        ("GITHUB_TOKEN=abc123 make", "GITHUB_TOKEN=*** make"),
        ("AWS_SECRET_ACCESS_KEY='abc123'", "AWS_SECRET_ACCESS_KEY='***'"),
        ("export DB_PASS=abc123", "export DB_PASS=***"),
        ("Bearer abcdefgh12345678", "Bearer ***"),
        ("postgres://app:s3cret@db:5432/shop", "postgres://***@db:5432/shop"),
        ("https://ghs_abc@github.com/a/b", "https://***@github.com/a/b"),
        ("curl -u dev:hunter2 http://x", "curl -u dev:*** http://x"),
        (
            r#"curl -H "Authorization: Bearer hunter2" -H 'Cookie: a=hunter3' -u dev:hunter4 http://x"#,
            r#"curl -H "Authorization: Bearer ***" -H 'Cookie: ***' -u dev:*** http://x"#,
        ),
        (r#"curl -d "password=" -u "dev:hunter2" http://x"#, r#"curl -d "password="***"dev:***" http://x"#),
        ("paſſword=hunter2 to\u{212a}en: abcdefghijklm", "paſſword=*** to\u{212a}en: ***"),
        ("curl -s -b session=hunter2 http://x", "curl -s -b *** http://x"),
        ("curl --oauth2-bearer hunter2 http://x", "curl --oauth2-bearer *** http://x"),
        ("docker login r.io -u me -p hunter2", "docker login r.io -u me -p ***"),
        ("redis-cli -h h -a hunter2 ping", "redis-cli -h h -a *** ping"),
        ("gh secret set NAME --body hunter2", "gh secret set NAME --body ***"),
        ("vault login hunter2", "vault login ***"),
        ("aws configure set aws_secret_access_key hunter2", "aws configure set aws_secret_access_key ***"),
        ("openssl enc -aes256 -k hunter2 -in f", "openssl enc -aes256 -k *** -in f"),
        ("mysql -u root -phunter2 shop", "mysql -u root -p*** shop"),
        ("Cookie: session=abc; theme=dark", "Cookie: ***; theme=dark"),
        ("access_token=abcdefghijkl1234", "access_token=***"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----", "***"),
    ] {
        assert_eq!(mask_secrets(text), expected);
        assert_eq!(mask_secrets(expected), expected, "masking twice changes nothing");
    }
}

#[test]
fn harmless_text_stays_as_it_is() {
    for text in [
        "cargo test --lib -- auth::token",
        "Unexpected token: }",
        "sort -k 2 keys.txt",
        "export PATH=/usr/bin",
        "GITHUB_TOKEN=$TOKEN make",
        "git clone git@github.com:a/b.git",
        "https://example.com/a?b=c",
        "the password is wrong",
        "task-list-of-the-day-in-words",
        "docker run -p 80:80 -u 1000 nginx",
        "KEYBOARD=us",
        "PASS: all of it; PASS=3 FAIL=0",
        "PWD=/home/dev",
        "if password == given:",
        "=== password ===",
    ] {
        assert!(
            matches!(mask_secrets(text), Cow::Borrowed(same) if same == text),
            "{text}: {}",
            mask_secrets(text)
        );
    }
}

#[test]
fn long_hostile_text_is_masked_in_linear_time() {
    for piece in
        ["token=", "curl -u a ", "mysql ", "://a", "eyJ", "Authorization: ", "-----BEGIN PRIVATE KEY-----"]
    {
        let text = piece.repeat(50_000 / piece.len());
        assert!(!mask_secrets(&text).is_empty(), "{piece}");
        assert!(bash(&text).chars().count() <= MAX_CHARS);
    }
}

proptest! {
    #[test]
    fn a_description_is_one_short_line_whatever_the_call(
        name in prop_oneof![
            "\\PC{0,20}", "(?s).{0,200}", "mcp__.{0,30}__.{0,30}",
            prop::sample::select(vec!["Bash", "Edit", "Grep", "WebFetch", "Task", "Skill", "SendMessage", "Read", "LS"])
                .prop_map(str::to_owned),
        ],
        text in "(?s).{0,400}",
    ) {
        let some = Some(text.as_str());
        let described = describe(&Arguments {
            name: &name, file_path: some, path: some, notebook_path: some, command: some, description: some,
            pattern: some, query: some, url: some, subject: some, skill: some, recipient: some,
        });
        prop_assert!(!described.trim().is_empty());
        prop_assert!(described.chars().count() <= MAX_CHARS, "{described:?}");
        prop_assert!(!described.chars().any(|c| c.is_control() || c == '\u{202e}'), "{described:?}");
    }
}
