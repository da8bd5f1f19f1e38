//! The command line: one file a subcommand.

mod adjust;
mod calibrate;
pub mod classify;
mod decision;
mod demo;
mod eval;
mod failure;
mod lines;
mod logging;
mod phrasebook;
mod rules;
pub mod serve;
mod signals;
mod statistics;
mod table;

use std::ffi::OsString;

use clap::{Parser, Subcommand, error::ErrorKind};

pub use self::failure::Failure;

/// The right amount of empathy for any bot.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, max_term_width = 100, after_help = EXAMPLE)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLE: &str = "See it work, without a bot of your own:\n  undertone demo";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Demo(demo::Args),
    Classify(classify::ClassifyArgs),
    Adjust(adjust::Args),
    Phrasebook(phrasebook::PhrasebookArgs),
    Rules(rules::Args),
    Eval(eval::Args),
    Calibrate(calibrate::Args),
}

/// Reads the arguments. Prints help and version itself, and then exits.
///
/// # Errors
///
/// What is wrong with them, in one line.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, Failure> {
    Cli::try_parse_from(args).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            error.exit()
        }
        _ => Failure::usage(anyhow::Error::msg(failure::one_line(&error.render().to_string()))),
    })
}

/// Does what was asked for.
///
/// # Errors
///
/// What kept it from being done.
pub fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Serve(args) => serve::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Classify(args) => Ok(classify::run(args)?),
        Command::Adjust(args) => adjust::run(args),
        Command::Phrasebook(args) => phrasebook::run(args),
        Command::Rules(args) => rules::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Calibrate(args) => calibrate::run(args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn mistake(args: &str) -> String {
        parse(args.split(' ').map(OsString::from)).unwrap_err().to_string()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_mistake_in_the_arguments_is_one_line() {
        assert_eq!(
            mistake("undertone serve --lisen 127.0.0.1:1"),
            "unexpected argument '--lisen' found (a similar argument exists: '--listen')"
        );
        assert_eq!(
            mistake("undertone serve --upstream nowhere"),
            "invalid value 'nowhere' for '--upstream <URL>': `nowhere` is not the URL of a bot: it does not begin with \
             http:// or https://"
        );
        assert_eq!(mistake("undertone serv"), "unrecognized subcommand 'serv' (a similar subcommand exists: 'serve')");
    }
}
