//! A mistake in the configuration, as one line that says where it is.

use std::{fmt, io, ops::Range, path::Path};

use crate::{
    empathy::PhrasebookError,
    protocol::{CustomError, CustomSpec},
    rules::RulesError,
};

/// One line: the file, the line in it, and what is wrong there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SettingsError(String);

impl SettingsError {
    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        let why = error.to_string();
        // The number means nothing to whoever reads this.
        let why = why.split(" (os error").next().unwrap_or_default();
        Self(format!("cannot read {}: {why}", path.display()))
    }

    pub(super) fn no_upstream() -> Self {
        Self("where is the bot? say --upstream URL, or `upstream = \"URL\"` in the file that --config names".to_owned())
    }

    pub(super) fn in_phrasebook(path: &Path, error: &PhrasebookError) -> Self {
        Self(match error {
            PhrasebookError::Toml { line, message } => format!("{}:{line}: {message}", path.display()),
            other => format!("{}: {other}", path.display()),
        })
    }

    pub(super) fn in_protocol(spec: &CustomSpec, error: &CustomError) -> Self {
        Self(format!("[[protocol]] `{}`: {error}", spec.path))
    }

    pub(crate) fn in_rules(path: &Path, error: &RulesError) -> Self {
        Self(format!("{}:{}: {}", path.display(), error.line, error.message))
    }

    pub(super) fn in_toml(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let place = match error.span() {
            Some(span) => format!("{}:{}", path.display(), line_number(text, &span)),
            None => path.display().to_string(),
        };
        let message = error.message();
        if let Some((key, known)) = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`')) {
            let hint = nearest(key, known).map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
            return Self(format!("{place}: unknown key `{key}`{hint}"));
        }
        let message = in_plain_words(message);
        match error.span().and_then(|span| key_at(text, &span)) {
            Some(key) => Self(format!("{place}: {key}: {message}")),
            None => Self(format!("{place}: {message}")),
        }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SettingsError {}

fn line_number(text: &str, span: &Range<usize>) -> usize {
    text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
}

/// The key whose value is at fault; none where the mistake is in the key or in the whole table.
fn key_at<'a>(text: &'a str, span: &Range<usize>) -> Option<&'a str> {
    let before = text.get(..span.start)?;
    let line = before.rsplit('\n').next()?;
    line.split_once('=').map(|(key, _)| key.trim())
}

/// The known key that is most like the one written, if one is at all. `known` is serde's list, in back quotes.
fn nearest<'a>(key: &str, known: &'a str) -> Option<&'a str> {
    let known = known.split('`').skip(1).step_by(2);
    let alike = known.map(|candidate| (strsim::jaro_winkler(key, candidate), candidate));
    let best = alike.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    // 0.8 as in clap, so that flags and keys are guessed alike.
    (best.0 > 0.8).then_some(best.1)
}

/// serde names Rust's types and toml spreads its messages over lines; the reader of a configuration needs neither.
fn in_plain_words(message: &str) -> String {
    let mut words = message.lines().collect::<Vec<_>>().join(", ").replace("missing field", "missing key");
    for (rust, plain) in [
        ("expected u16", "expected a whole number"),
        ("expected u64", "expected a whole number"),
        ("expected usize", "expected a whole number"),
        ("expected a nonzero usize", "expected a whole number above 0"),
        ("expected f32", "expected a number"),
        ("expected path string", "expected a path"),
        ("expected a sequence", "expected [[tables]]"),
    ] {
        words = words.replace(rust, plain);
    }
    match words.rsplit_once("expected struct ") {
        Some((before, _)) => format!("{before}expected a table"),
        None => words,
    }
}
