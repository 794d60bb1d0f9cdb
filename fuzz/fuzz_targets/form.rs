#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| billhook_wire::fuzzing::form(data));
