//! How the program says that it failed.

use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
};

/// Why the program ends early; [`Display`](fmt::Display) is one line.
#[derive(Debug)]
pub struct Failure {
    cause: anyhow::Error,
    exit_code: u8,
}

impl Failure {
    /// What was asked for cannot be: the arguments, or the configuration. Exit code 2.
    pub fn usage(cause: impl Into<anyhow::Error>) -> Self {
        Self { cause: cause.into(), exit_code: 2 }
    }

    /// It could not be done. Exit code 1.
    pub fn runtime(cause: impl Into<anyhow::Error>) -> Self {
        Self { cause: cause.into(), exit_code: 1 }
    }

    /// Says so on standard error, unless it is only that nobody reads standard output any more, as in `… | head`.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        let broken_pipe = |cause: &(dyn std::error::Error + 'static)| {
            cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
        };
        if self.cause.chain().any(broken_pipe) {
            return ExitCode::SUCCESS;
        }
        // Nobody is left to be told that standard error is closed.
        let _ = writeln!(io::stderr(), "undertone: {self}");
        ExitCode::from(self.exit_code)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(cause: anyhow::Error) -> Self {
        Self::runtime(cause)
    }
}

impl From<io::Error> for Failure {
    fn from(cause: io::Error) -> Self {
        Self::runtime(cause)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.cause)
    }
}

/// clap's message without usage and colours: `error: what` and perhaps `tip: hint` become `what (hint)`.
pub(super) fn one_line(message: &str) -> String {
    let told = message.split("\nUsage:").next().unwrap_or(message).split("\nFor more information").next();
    let mut lines = told.unwrap_or(message).lines().map(str::trim).filter(|line| !line.is_empty());
    let mut line = lines.next().map(|line| line.trim_start_matches("error: ").to_owned()).unwrap_or_default();
    for more in lines {
        match more.strip_prefix("tip: ") {
            Some(tip) => line.push_str(&format!(" ({tip})")),
            None => line.push_str(&format!(" {more}")),
        }
    }
    line
}
