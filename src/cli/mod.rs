//! The command line, one file a subcommand.

pub mod classify;
pub mod model_args;
