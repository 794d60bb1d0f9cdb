//! How far a command steps back behind the server that runs beside it.

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

/// Lets everybody else go first: a long command must not take the processor from the server that runs beside it.
pub(crate) fn step_back() {
    // Where that is not allowed it runs as it is.
    let _ = rustix::process::nice(10);
}

/// The same for a command that only reads: it runs where the processor would be idle. One that writes must not, for it holds up all
/// other writers while it waits.
pub(crate) fn step_far_back() {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    if set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle).is_err() {
        step_back();
    }
}
