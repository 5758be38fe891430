//! Verdicts: how far each field of a definition was translated.

pub mod codes;
pub mod recorder;

pub use codes::{Code, FieldVerdict, Verdict};
pub use recorder::{DESCRIBE_OUTPUT_MESSAGE, VerdictRecorder};
