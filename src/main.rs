//! The `undertone` program.

use std::{
    io::{self, Write},
    panic,
    process::ExitCode,
};

use undertone::cli;

fn main() -> ExitCode {
    // A panic is caught where replies depend on it. What it says is left out: it may quote the user.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(io::stderr(), "undertone: internal error at {place}; please report it");
    }));
    match cli::parse(std::env::args_os()).and_then(cli::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
