#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| billhook::fuzzing::import_jsonl(data));
