//! The program `billhook`; all its code is in the library beside it.

use std::process::ExitCode;

/// The system's allocator takes a tenth of a request's time, much of it waiting for locks between threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    billhook::main()
}
