//! What is wrong with a file of rules, and in which line.

/// A file of rules that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct RulesError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there, and what to do.
    pub message: String,
}

impl RulesError {
    /// At this byte of a file.
    pub(super) fn at(text: &str, byte: usize, message: impl Into<String>) -> Self {
        let line = text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1;
        Self { line, message: message.into() }
    }
}
