//! The model's three files, bundled or in a folder, checked before anything runs on them.

use std::{
    borrow::Cow,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use super::{
    ClassifyError, EnginePreference,
    calibration::Calibration,
    engine::{self, Engine, EngineError, EngineInfo},
    pipeline::Pipeline,
    tokenizer::Tokenizer,
};

const GRAPH: &str = "model.onnx";
const TOKENIZER: &str = "tokenizer.json";
const CALIBRATION: &str = "calibration.json";

/// A model, read and checked: graph, tokenizer and calibration.
pub struct Model {
    /// The folder, or `bundled`.
    origin: PathBuf,
    pub(super) graph: Cow<'static, [u8]>,
    pub(super) pipeline: Pipeline,
}

impl Model {
    /// The model compiled into this library.
    ///
    /// # Errors
    ///
    /// [`ModelError`], if the files it was built from are not a model.
    #[cfg(feature = "bundled-model")]
    pub fn bundled() -> Result<Self, ModelError> {
        macro_rules! file {
            ($name:literal) => {
                concat!(env!("CARGO_MANIFEST_DIR"), "/models/minilm-l3/", $name)
            };
        }
        Self::check(
            PathBuf::from("bundled"),
            Cow::Borrowed(include_bytes!(file!("model.onnx"))),
            include_bytes!(file!("tokenizer.json")),
            include_bytes!(file!("calibration.json")),
        )
    }

    /// The model in `folder`: `model.onnx`, `tokenizer.json` and `calibration.json`.
    ///
    /// # Errors
    ///
    /// [`ModelError::Read`] if one of them cannot be read, [`ModelError::Invalid`] if one is not what it should be.
    /// The graph itself is checked when a classifier is built on it.
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<Self, ModelError> {
        let folder = folder.as_ref();
        let read = |name: &str| {
            let file = folder.join(name);
            fs::read(&file).map_err(|source| ModelError::Read { file, source })
        };
        let (graph, tokenizer, calibration) = (read(GRAPH)?, read(TOKENIZER)?, read(CALIBRATION)?);
        Self::check(folder.to_owned(), Cow::Owned(graph), &tokenizer, &calibration)
    }

    fn check(
        origin: PathBuf,
        graph: Cow<'static, [u8]>,
        tokenizer: &[u8],
        calibration: &[u8],
    ) -> Result<Self, ModelError> {
        let invalid = |name: &str, reason: String| ModelError::Invalid { file: origin.join(name), reason };
        let calibration = str::from_utf8(calibration)
            .map_err(|error| error.to_string())
            .and_then(Calibration::parse)
            .map_err(|reason| invalid(CALIBRATION, reason))?;
        let tokenizer =
            Tokenizer::parse(tokenizer, calibration.max_tokens()).map_err(|reason| invalid(TOKENIZER, reason))?;
        Ok(Self { origin, graph, pipeline: Pipeline { tokenizer, calibration } })
    }

    /// The same model with the calibration in `file`, as `undertone calibrate` writes it.
    ///
    /// # Errors
    ///
    /// [`ModelError::Calibration`] if it cannot be read, [`ModelError::Invalid`] if it is none, or one for another model.
    pub fn with_calibration(mut self, file: impl AsRef<Path>) -> Result<Self, ModelError> {
        let file = file.as_ref();
        let text = fs::read(file).map_err(|source| ModelError::Calibration { file: file.to_owned(), source })?;
        let invalid = |reason: String| ModelError::Invalid { file: file.to_owned(), reason };
        let text = str::from_utf8(&text).map_err(|error| invalid(error.to_string()))?;
        let calibration = Calibration::parse(text).map_err(invalid)?;
        let own = &self.pipeline.calibration;
        if calibration.model() != own.model() {
            let (expected, found) = (own.model(), calibration.model());
            return Err(invalid(format!("model: expected {expected}, the model that runs, found {found}")));
        }
        if calibration.max_tokens() != own.max_tokens() {
            let (expected, found) = (own.max_tokens(), calibration.max_tokens());
            return Err(invalid(format!("max_tokens: expected {expected}, as the model has it, found {found}")));
        }
        self.pipeline.calibration = calibration;
        Ok(self)
    }

    /// The model's name, from its `calibration.json`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.pipeline.calibration.model()
    }

    /// The token ids of a text, its capitals marked, as the engine gets them: the beginning and the end of what is too
    /// long. (A [`Classifier`](super::Classifier) reads a turn of more than 40 words sentence by sentence.)
    ///
    /// # Errors
    ///
    /// [`ClassifyError::Engine`] with what the tokenizer says; none is known for a model that loaded.
    pub fn encode(&self, turn: &str) -> Result<Vec<u32>, ClassifyError> {
        self.pipeline.tokenizer.encode(turn).map_err(ClassifyError::Engine)
    }

    /// An engine of one's own on this model, without threads, queue or calibration: for benches and for those who
    /// schedule it themselves.
    ///
    /// # Errors
    ///
    /// [`ModelError::Graph`]: no such engine, or the graph does not run on it.
    pub fn engine(
        &self,
        preference: EnginePreference,
        onnxruntime: Option<&Path>,
    ) -> Result<(Box<dyn Engine>, EngineInfo), ModelError> {
        let (engines, info) =
            engine::open(self.graph.clone(), preference, onnxruntime, 1).map_err(|error| self.blame(error))?;
        let engine = engines.into_iter().next().ok_or_else(|| self.blame(EngineError::NotBuilt(preference)))?;
        Ok((engine, info))
    }

    pub(super) fn blame(&self, source: EngineError) -> ModelError {
        ModelError::Graph { file: self.origin.join(GRAPH), source }
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("origin", &self.origin).field("name", &self.name()).finish_non_exhaustive()
    }
}

/// Why a model cannot be used: which file, and what is wrong with it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A file cannot be read.
    #[error("cannot read `{}` (a model folder holds {GRAPH}, {TOKENIZER} and {CALIBRATION})", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A calibration of one's own cannot be read.
    #[error("cannot read the calibration `{}`", file.display())]
    Calibration {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("`{}` is not usable: {reason}", file.display())]
    Invalid {
        /// The file.
        file: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// The graph does not load, is none of undertone's, or fails its warm-up.
    #[error("`{}` is not a model that undertone can run", file.display())]
    Graph {
        /// The graph's file.
        file: PathBuf,
        /// What was expected and what was found.
        source: EngineError,
    },
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::{super::calibration, super::tokenizer, *};

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(GRAPH), "looked at when a classifier is built").unwrap();
        fs::write(folder.path().join(TOKENIZER), tokenizer::tests::json()).unwrap();
        fs::write(folder.path().join(CALIBRATION), calibration::tests::neutral().to_string()).unwrap();
        folder
    }

    #[test]
    fn a_folder_with_the_three_files_is_a_model() {
        assert_eq!(Model::from_folder(folder().path()).unwrap().name(), "test");
    }

    #[test]
    fn a_calibration_of_ones_own_is_for_this_model_or_refused() {
        let folder = folder();
        let model = || Model::from_folder(folder.path()).unwrap();
        let file = folder.path().join("own.json");
        fs::write(&file, calibration::tests::neutral().to_string()).unwrap();
        assert!(model().with_calibration(&file).is_ok());
        fs::write(&file, calibration::tests::neutral().to_string().replace("\"test\"", "\"other\"")).unwrap();
        let error = model().with_calibration(&file).unwrap_err().to_string();
        assert!(
            error.ends_with("own.json` is not usable: model: expected test, the model that runs, found other"),
            "{error}"
        );
        fs::remove_file(&file).unwrap();
        assert!(model().with_calibration(&file).unwrap_err().to_string().starts_with("cannot read the calibration "));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        for file in [GRAPH, TOKENIZER, CALIBRATION] {
            let folder = folder();
            fs::remove_file(folder.path().join(file)).unwrap();
            let error = Model::from_folder(folder.path()).unwrap_err();
            let place = folder.path().join(file).display().to_string();
            assert!(error.to_string().starts_with(&format!("cannot read `{place}`")), "{error}");
            assert!(error.source().unwrap().to_string().contains("No such file"), "{file}");
        }
    }

    #[test]
    fn a_file_that_is_broken_is_named_in_one_line() {
        for file in [TOKENIZER, CALIBRATION] {
            for content in [b"".as_slice(), b"{", b"{}", b"\xff\xfe"] {
                let folder = folder();
                fs::write(folder.path().join(file), content).unwrap();
                let error = Model::from_folder(folder.path()).unwrap_err().to_string();
                assert!(error.contains(file) && !error.contains('\n'), "{error}");
            }
        }
    }
}
