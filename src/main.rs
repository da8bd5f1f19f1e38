//! The `undertone` binary.

use clap::{Parser, Subcommand};
use undertone::cli::classify::{self, ClassifyArgs};

#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the sentiment of a turn, or of each line of standard input
    Classify(ClassifyArgs),
}

fn main() -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match Arguments::parse().command {
        Command::Classify(arguments) => classify::run(arguments),
    }
}
