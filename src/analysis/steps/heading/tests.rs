//! Forms of announcements, with texts of our own.

use super::*;

fn of(text: &str) -> Option<(String, u32, String)> {
    Announcement::of(text).map(|a| (a.heading.label, a.heading.number.major, a.heading.name))
}

fn name(text: &str) -> Option<String> {
    of(text).map(|(_, _, name)| name)
}

#[test]
fn headings_are_read_in_every_form_that_runs_use() {
    let forms = [
        ("Step 2: Write the lexer", "step", 2, "Step 2: Write the lexer"),
        ("## Phase 1 — Survey\n\nLet me look.", "phase", 1, "Phase 1 — Survey"),
        ("### 3. Wire the routes", "", 3, "3. Wire the routes"),
        ("**Step 1: Add `sum` to lib.rs:**", "step", 1, "Step 1: Add `sum` to lib.rs"),
        ("**Step 3–5 — Reading and writing**", "step", 3, "Step 3–5 — Reading and writing"),
        ("**Exp 007: Finer grid** (n=300)", "exp", 7, "Exp 007: Finer grid (n=300)"),
        ("**Experiment 8: Coarser grid**", "exp", 8, "Experiment 8: Coarser grid"),
        ("**C2 — parser.** Moving it out of the loop.", "c", 2, "C2 — parser. Moving it out of the loop"),
        ("🔧 **Fix 4: the off-by-one**", "fix", 4, "Fix 4: the off-by-one"),
        ("## Step 2/5: Build", "step", 2, "Step 2/5: Build"),
        ("## Phase B: Build", "phase", 2, "Phase B: Build"),
        ("All is well.\n\n## Step 2.1: Build", "step", 2, "Step 2.1: Build"),
    ];
    for (text, label, number, name) in forms {
        assert_eq!(of(text), Some((label.into(), number, name.into())), "{text}");
    }
}

#[test]
fn headings_are_read_in_other_languages() {
    let forms = [
        ("## Шаг 2: Собрать проект", "шаг", 2),
        ("**Этап 3 — тесты**", "этап", 3),
        ("Passo 1: Ler o código", "passo", 1),
        ("### Etapa 2 – Testes", "etapa", 2),
        ("## Schritt 4: Prüfen", "schritt", 4),
        ("## Étape 2 : Tester", "étape", 2),
        ("## 第一步：读取代码", "步", 1),
        ("第2フェーズ：実装", "フェーズ", 2),
        ("## ステップ3：テスト", "ステップ", 3),
        ("步骤 12：测试", "步骤", 12),
        ("## 2단계: 구현", "단계", 2),
        ("## 第十二步：测试", "步", 12),
    ];
    for (text, label, number) in forms {
        let found = of(text).map(|(label, number, _)| (label, number));
        assert_eq!(found, Some((label.into(), number)), "{text}");
    }
}

#[test]
fn a_long_line_is_named_by_its_bold_start_and_the_sentence_after_it() {
    let long = "It goes on for so long that nobody would read it in a table of steps, not even on a very wide screen with small letters.";
    let text = format!("**C3 — cache.** The key and its hash. {long}");
    assert_eq!(name(&text).as_deref(), Some("C3 — cache. The key and its hash"));
    let text = format!("**C4 — cache.** {long} {long}");
    assert_eq!(name(&text).as_deref(), Some("C4 — cache"));
}

#[test]
fn a_sentence_that_leads_on_to_a_step_announces_it() {
    let forms = [
        ("All tests pass. Now Step 3 — the docs. Let me look.", "Step 3 — the docs"),
        ("I'll start with Step 1 — a new file, and Step 2 — the routes.", "Step 1 — a new file"),
        ("Now loading step 4 for the layout.", "Step 4 for the layout"),
        ("Тесты прошли. Перехожу к шагу 2: документация.", "Шагу 2: документация"),
        ("Теперь шаг 3: тесты", "Шаг 3: тесты"),
        ("测试通过。现在步骤 3：文档", "步骤 3：文档"),
        ("Tudo certo. Agora o passo 3: os testes.", "Passo 3: os testes"),
    ];
    for (text, expected) in forms {
        assert_eq!(name(text).as_deref(), Some(expected), "{text}");
    }
    let cut = Announcement::of("All 9 tests pass. Now Step 3 — the docs. Let me look.");
    let cut = cut.expect("it announces step 3");
    assert_eq!((cut.before, cut.after), ("All 9 tests pass.", ". Let me look."));
}

#[test]
fn what_reports_or_plans_announces_nothing() {
    let texts = [
        "## Step 1: Read\n\n## Step 2: Write\n\n## Step 3: Test",
        "Here is the plan:\nStep 1: Read\nStep 2: Write",
        "## Step 2 — Complete",
        "✅ Step 3: the docs",
        "**Phase 2 finished.** Going on.",
        "**exp057: 1.28e-12** is the best so far",
        "Let me first read the existing Phase 8 prompt to match its form.",
        "There's a duplicate step 4. Fix that:",
        "1. Read the code\n2. Write it",
        "- Step 2: in a list",
        "```\n## Step 2: in code\n```",
        "| Step 2: | in a table |",
        "Step 2 of the parser reads the header, which is why the whole thing failed before we looked at it.",
        "Done.",
        "",
    ];
    for text in texts {
        assert_eq!(of(text), None, "{text}");
    }
}

#[test]
fn a_heading_deep_in_a_long_message_is_part_of_a_report() {
    let text = "One\nTwo\nThree\nFour\n## Step 2: Five\nSix\nSeven\nEight\nNine";
    assert_eq!(of(text), None);
    assert_eq!(of(&format!("## Step 2: Write\n{}", "word ".repeat(3000))), None);
}

#[test]
fn a_message_may_name_the_task_that_it_turns_to() {
    let named = |text| named_task(text).map(|(id, subject)| format!("{id}: {subject}"));
    let text = "Both are in. Now **Task #12 (B-3)**: Add health checks to the proxy. Let me look.";
    assert_eq!(named(text).as_deref(), Some("12: Add health checks to the proxy"));
    assert_eq!(named("Continuing with Task #4 — fixing the lexer.").as_deref(), Some("4: fixing the lexer"));
    for text in ["Task #4: completed", "Now update task #4.", "Task #4: Lexer\nTask #5: Parser"] {
        assert_eq!(named(text), None, "{text}");
    }
}

#[test]
fn a_plan_is_taken_up_by_sentences_that_say_its_items_again() {
    let plan =
        Plan::of("I will:\n\n1. Read the parser and its tests\n2. Write the lexer\n3. Update all the docs");
    let plan = plan.expect("it is a plan");
    let taken = |text| plan.taken_up(text).map(|heading| (heading.number.major, heading.name));
    assert_eq!(
        taken("Let me read the parser and its tests."),
        Some((1, "Read the parser and its tests".into()))
    );
    assert_eq!(taken("That is clear.\nNow I'll write the lexer:"), Some((2, "Write the lexer".into())));
    assert_eq!(taken("The parser looks fine."), None);
    let russian =
        Plan::of("Сначала мне нужно:\n1. Изучить код парсера\n2. Написать тесты\n3. Собрать проект");
    let taken = russian.and_then(|plan| plan.taken_up("Теперь надо написать тесты."));
    assert_eq!(taken.map(|heading| heading.number.major), Some(2));
    for text in
        ["Done:\n1. Read it\n2. Wrote it\n3. Shipped it", "I will:\n1. Read\n2. Write", "I will go on."]
    {
        assert_eq!(Plan::of(text), None, "{text}");
    }
}

#[test]
fn every_word_for_a_step_begins_with_one_of_the_stems() {
    use super::words::{STEMS, STEP, begins_like_a_step};
    for word in STEP.split('|').map(|word| word.trim_end_matches('?').trim()) {
        let capitalised: String =
            word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect();
        assert!(begins_like_a_step(word) && begins_like_a_step(&capitalised), "{word}");
        assert!(!word.is_ascii() || STEMS.iter().any(|(stem, ())| word.starts_with(stem)), "{word}");
    }
    assert!(!begins_like_a_step("Done") && !begins_like_a_step("Готово") && !begins_like_a_step("ste"));
}
