//! Arguments to command to exit code, nothing else.
use clap::Parser;
#[derive(Parser)]
enum Gloss {
    Analyze(gloss::commands::analyze::Args),
    Replay(gloss::commands::replay::Args),
}
fn main() -> anyhow::Result<()> {
    match Gloss::parse() {
        Gloss::Analyze(a) => gloss::commands::analyze::run(&a),
        Gloss::Replay(a) => gloss::commands::replay::run(&a),
    }
}
