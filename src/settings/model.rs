//! `[model]`: which classifier runs, and on what.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Deserialize;

use crate::sentiment::{self, BuildError, Classifier, EnginePreference};

/// Which classifier runs, and on what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[command(next_help_heading = "Model")]
pub(crate) struct Model {
    /// Folder with model.onnx, tokenizer.json and calibration.json [default: the bundled model]
    #[arg(long = "model", value_name = "DIR")]
    pub(crate) path: Option<PathBuf>,

    /// A calibration.json of your own, written by `undertone calibrate` [default: the model's]
    #[arg(long, value_name = "FILE")]
    pub(crate) calibration: Option<PathBuf>,

    /// What runs the model: auto (ONNX Runtime if found, else RTen), ort or rten [default: auto]
    #[arg(long, value_name = "ENGINE")]
    pub(crate) engine: Option<EnginePreference>,

    /// ONNX Runtime's library [default: ORT_DYLIB_PATH, beside undertone, the system's]
    #[arg(long, value_name = "FILE")]
    pub(crate) onnxruntime: Option<PathBuf>,

    /// Threads that classify [default: one a core, at most 8]
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<NonZeroUsize>,

    /// Turns that may wait for a worker; only the file sets it.
    #[arg(skip)]
    pub(crate) queue: Option<NonZeroUsize>,
}

impl Model {
    /// Takes from `other` what is left open here.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            path: self.path.or(other.path),
            calibration: self.calibration.or(other.calibration),
            engine: self.engine.or(other.engine),
            onnxruntime: self.onnxruntime.or(other.onnxruntime),
            workers: self.workers.or(other.workers),
            queue: self.queue.or(other.queue),
        }
    }

    /// Paths count from this directory.
    pub(super) fn relative_to(&mut self, directory: &Path) {
        for path in [&mut self.path, &mut self.calibration, &mut self.onnxruntime].into_iter().flatten() {
            *path = directory.join(&*path);
        }
    }

    /// The classifier that is asked for.
    ///
    /// # Errors
    ///
    /// [`BuildError`]: the folder, the model or the engine cannot be used.
    pub(crate) fn classifier(&self) -> Result<Classifier, BuildError> {
        let mut builder = Classifier::builder().engine(self.engine.unwrap_or_default());
        if self.path.is_some() || self.calibration.is_some() {
            let model = match &self.path {
                Some(folder) => sentiment::Model::from_folder(folder)?,
                None => bundled()?,
            };
            builder = builder.model(match &self.calibration {
                Some(file) => model.with_calibration(file)?,
                None => model,
            });
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

#[cfg(feature = "bundled-model")]
fn bundled() -> Result<sentiment::Model, BuildError> {
    Ok(sentiment::Model::bundled()?)
}

#[cfg(not(feature = "bundled-model"))]
fn bundled() -> Result<sentiment::Model, BuildError> {
    Err(BuildError::NoModel)
}
