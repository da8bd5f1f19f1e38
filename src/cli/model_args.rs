//! Which model runs, and on what: arguments that several subcommands share.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::Args;

use crate::{
    config,
    sentiment::{BuildError, Classifier, EnginePreference, Model},
};

/// Which model runs, and on what.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Model")]
pub struct ModelArgs {
    /// Folder with model.onnx, tokenizer.json and calibration.json [default: the bundled model]
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,

    /// What runs the model: auto (ONNX Runtime if found, else RTen), ort or rten [default: auto]
    #[arg(long, value_name = "ENGINE")]
    pub engine: Option<EnginePreference>,

    /// ONNX Runtime's library [default: ORT_DYLIB_PATH, beside undertone, the system's]
    #[arg(long, value_name = "FILE")]
    pub onnxruntime: Option<PathBuf>,

    /// Threads that classify [default: one a core, at most 8]
    #[arg(long, value_name = "N")]
    pub workers: Option<NonZeroUsize>,

    /// Turns that may wait for a worker; only the configuration sets it.
    #[arg(skip)]
    pub queue: Option<NonZeroUsize>,
}

impl ModelArgs {
    /// Takes from the configuration what the command line leaves open.
    pub(super) fn or(self, config: &config::Model) -> Self {
        Self {
            model: self.model.or_else(|| config.path.clone()),
            engine: self.engine.or(config.engine),
            onnxruntime: self.onnxruntime.or_else(|| config.onnxruntime.clone()),
            workers: self.workers.or(config.workers),
            queue: self.queue.or(config.queue),
        }
    }

    /// The classifier these arguments ask for.
    ///
    /// # Errors
    ///
    /// [`BuildError`]: the folder, the model or the engine cannot be used.
    pub fn classifier(&self) -> Result<Classifier, BuildError> {
        let mut builder = Classifier::builder().engine(self.engine.unwrap_or_default());
        if let Some(folder) = &self.model {
            builder = builder.model(Model::from_folder(folder)?);
        }
        if let Some(file) = &self.onnxruntime {
            builder = builder.onnxruntime(file);
        }
        if let Some(queue) = self.queue {
            builder = builder.queue(queue.get());
        }
        builder.workers(self.workers.map_or(0, NonZeroUsize::get)).build()
    }
}
