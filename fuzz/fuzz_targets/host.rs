#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| billhook_server::fuzzing::host(data));
