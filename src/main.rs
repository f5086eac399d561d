//! Arguments to command to exit code, nothing else.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A request allocates some thirty times; this takes half as long for it as the system's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    gloss::commands::main()
}
