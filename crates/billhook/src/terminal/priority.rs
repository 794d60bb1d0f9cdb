//! Lowers a command's priority below that of a server on the same machine.

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

/// Lowers the priority: a long command must not slow a server down.
pub(crate) fn step_back() {
    // If that is not allowed, the command runs at normal priority.
    let _ = rustix::process::nice(10);
}

/// The same for a command that only reads: it runs only on an idle processor. A command that writes must not,
/// because it holds up all other writers while it waits.
pub(crate) fn step_far_back() {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    if set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle).is_err() {
        step_back();
    }
}
