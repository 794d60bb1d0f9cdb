//! The program `billhook`, which is all in the library beside it.

use std::process::ExitCode;

/// The system's allocator spends a tenth of a request's time, much of it waiting for locks that its threads share.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    billhook::main()
}
