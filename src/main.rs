//! Arguments to command to exit code, nothing else.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A request makes some fifteen allocations, and connections come and go: both cost less with it, in time and in memory.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    gloss::commands::main()
}
