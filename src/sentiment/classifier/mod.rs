//! The classifier that ships with undertone.

#[cfg(test)]
mod tests;

use std::{fmt, io, mem, num::NonZeroUsize, path::PathBuf, sync::Arc, thread};

#[cfg(feature = "bundled-model")]
use once_cell::sync::OnceCell;

use super::{
    Classify, ClassifyError, EnginePreference, Model, ModelError, Pending, Sentiment,
    engine::{self, Engine, EngineError, EngineInfo},
    pipeline::Pipeline,
    reading::Reading,
    workers::{Job, Workers},
};

/// Turns in one job of [`Classifier::classify_batch`]: enough that workers seldom meet at the queue, and few enough that
/// none is left with much while the others are done.
const CHUNK: usize = 16;
/// Above this many workers by default, memory (a copy of the weights each, with ONNX Runtime) outweighs the gain.
const MOST_WORKERS_BY_DEFAULT: usize = 8;
const QUEUE: usize = 128;

/// Measures the affect that turns express, on a fixed number of threads of its own.
///
/// Clones are cheap and share the threads, which end when the last clone is dropped.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use undertone::sentiment::{Classifier, Model};
///
/// let classifier = Classifier::builder().model(Model::from_folder("models/minilm-l3")?).workers(2).build()?;
/// let sentiment = classifier.classify("This is the third time I have to ask. I give up.")?;
/// println!("{}: {:.2}", sentiment.emotion(), sentiment.affect);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Classifier(pub(super) Arc<Inner>);

pub(super) struct Inner {
    workers: Workers,
    pub(super) pipeline: Arc<Pipeline>,
    count: usize,
    engine: EngineInfo,
}

impl Classifier {
    /// A builder with the defaults: the bundled model, [`EnginePreference::Auto`], a worker a core up to 8.
    #[must_use]
    pub fn builder() -> ClassifierBuilder {
        ClassifierBuilder::default()
    }

    /// The bundled model on the best engine there is.
    ///
    /// # Errors
    ///
    /// [`BuildError`], as [`ClassifierBuilder::build`].
    #[cfg(feature = "bundled-model")]
    pub fn bundled() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// One [`bundled`](Self::bundled) classifier for the whole process, made by the first caller; others wait for it.
    ///
    /// # Errors
    ///
    /// [`BuildError`]; the next call tries again.
    #[cfg(feature = "bundled-model")]
    pub fn shared() -> Result<&'static Self, BuildError> {
        static SHARED: OnceCell<Classifier> = OnceCell::new();
        SHARED.get_or_try_init(Self::bundled)
    }

    /// Classifies one turn and blocks until that is done, queueing included.
    ///
    /// A turn of more than 40 words is read sentence by sentence; it is as strong as the one that expresses most.
    ///
    /// It may be called anywhere, from async code too, where it holds up the thread; [`Classify::submit`] does not.
    ///
    /// # Errors
    ///
    /// [`ClassifyError::Engine`] if the engine fails, [`ClassifyError::Stopped`] if the workers are lost.
    pub fn classify(&self, turn: &str) -> Result<Sentiment, ClassifyError> {
        Ok(self.classify_batch(&[turn])?.into_iter().next().unwrap_or_default())
    }

    /// Classifies many turns, spread over all workers, and blocks until all are done. The answers come in the order of
    /// the turns, and are those of [`classify`](Self::classify).
    ///
    /// # Errors
    ///
    /// The first error of any turn, as for [`classify`](Self::classify).
    pub fn classify_batch<T: AsRef<str>>(&self, turns: &[T]) -> Result<Vec<Sentiment>, ClassifyError> {
        Ok(self.read_batch(turns)?.into_iter().map(|reading| reading.sentiment).collect())
    }

    /// [`classify_batch`](Self::classify_batch), with all that the model says.
    pub(crate) fn read_batch<T: AsRef<str>>(&self, turns: &[T]) -> Result<Vec<Reading>, ClassifyError> {
        let size = turns.len().div_ceil(self.0.count).clamp(1, CHUNK);
        let (results, done) = crossbeam_channel::unbounded();
        for (number, chunk) in turns.chunks(size).enumerate() {
            let turns = chunk.iter().map(|turn| self.clip(turn.as_ref())).collect();
            self.0.workers.push(Job::Chunk { number, turns, results: results.clone() })?;
        }
        drop(results);

        let mut chunks: Vec<_> = done.into_iter().collect();
        chunks.sort_by_key(|(number, _)| *number);
        let mut readings = Vec::with_capacity(turns.len());
        for (_, chunk) in chunks {
            readings.append(&mut chunk?);
        }
        // A worker that is lost takes its chunk along.
        if readings.len() == turns.len() { Ok(readings) } else { Err(ClassifyError::Stopped) }
    }

    /// Which engine runs, and why that one.
    #[must_use]
    pub fn engine(&self) -> &EngineInfo {
        &self.0.engine
    }

    /// The model's name.
    #[must_use]
    pub fn model(&self) -> &str {
        self.0.pipeline.calibration.model()
    }

    /// How many turns are classified at once.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.0.count
    }

    fn clip(&self, turn: &str) -> String {
        self.0.pipeline.tokenizer.clip(turn).into_owned()
    }

    fn start(engines: Vec<Box<dyn Engine>>, engine: EngineInfo, pipeline: Pipeline, queue: usize) -> io::Result<Self> {
        let (count, pipeline) = (engines.len(), Arc::new(pipeline));
        let workers = Workers::start(engines, &pipeline, queue)?;
        Ok(Self(Arc::new(Inner { workers, pipeline, count, engine })))
    }
}

impl Classify for Classifier {
    /// Queues the turn; a full queue is answered at once with [`ClassifyError::QueueFull`].
    fn submit(&self, turn: &str) -> Pending {
        let (answer, pending) = Pending::new();
        self.0.workers.offer(self.clip(turn), answer);
        pending
    }
}

impl fmt::Debug for Classifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classifier")
            .field("model", &self.model())
            .field("engine", self.engine())
            .field("workers", &self.workers())
            .finish_non_exhaustive()
    }
}

/// Settings for a [`Classifier`].
#[derive(Debug, Default)]
pub struct ClassifierBuilder {
    model: Option<Model>,
    engine: EnginePreference,
    onnxruntime: Option<PathBuf>,
    workers: Option<NonZeroUsize>,
    queue: Option<usize>,
}

impl ClassifierBuilder {
    /// The model; by default the bundled one, where the feature `bundled-model` is on.
    #[must_use]
    pub fn model(mut self, model: Model) -> Self {
        self.model = Some(model);
        self
    }

    /// Which engine is to run it. Default: [`EnginePreference::Auto`].
    #[must_use]
    pub fn engine(mut self, engine: EnginePreference) -> Self {
        self.engine = engine;
        self
    }

    /// The file of ONNX Runtime's library. Default: `ORT_DYLIB_PATH`, beside the executable, the system's loader.
    ///
    /// A process can load one: if it has one already, that one is used.
    #[must_use]
    pub fn onnxruntime(mut self, file: impl Into<PathBuf>) -> Self {
        self.onnxruntime = Some(file.into());
        self
    }

    /// How many threads classify, one turn or batch at a time each. Default, and for 0: the cores there are, at most 8.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = NonZeroUsize::new(workers);
        self
    }

    /// How many turns wait before more are refused. Default: 128.
    #[must_use]
    pub fn queue(mut self, turns: usize) -> Self {
        self.queue = Some(turns);
        self
    }

    /// Loads the engine, checks the graph, runs it once on every worker, and starts the threads. Takes tenths of a
    /// second.
    ///
    /// # Errors
    ///
    /// [`BuildError::NoModel`] without a model, [`BuildError::Model`] if it is not one that undertone can run,
    /// [`BuildError::Engine`] if the engine asked for cannot be had, [`BuildError::Threads`] if the system has no
    /// threads left.
    pub fn build(self) -> Result<Classifier, BuildError> {
        let mut model = self.model.map_or_else(default_model, Ok)?;
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let count = self.workers.map_or(cores.min(MOST_WORKERS_BY_DEFAULT), NonZeroUsize::get);

        // Given away: the engines keep what they need of it.
        let graph = mem::take(&mut model.graph);
        let (mut engines, info) = engine::open(graph, self.engine, self.onnxruntime.as_deref(), count)
            .map_err(|error| blame(&model, error))?;
        for engine in &mut engines {
            model.pipeline.warm_up(&mut **engine).map_err(|error| blame(&model, error))?;
        }
        let classifier = Classifier::start(engines, info, model.pipeline, self.queue.unwrap_or(QUEUE))?;
        let EngineInfo { name, version, reason } = classifier.engine();
        tracing::info!(
            engine = name,
            version,
            reason,
            model = classifier.model(),
            workers = count,
            "the classifier is ready"
        );
        Ok(classifier)
    }
}

/// Whose fault it is: what is wrong with the engine is said of the engine, the rest of the model's file.
fn blame(model: &Model, error: EngineError) -> BuildError {
    match error {
        EngineError::NotBuilt(_) | EngineError::NotFound { .. } | EngineError::Library { .. } => error.into(),
        EngineError::Load { .. } | EngineError::Signature { .. } | EngineError::Run(_) => model.blame(error).into(),
    }
}

#[cfg(feature = "bundled-model")]
fn default_model() -> Result<Model, BuildError> {
    Ok(Model::bundled()?)
}

#[cfg(not(feature = "bundled-model"))]
fn default_model() -> Result<Model, BuildError> {
    Err(BuildError::NoModel)
}

/// Why there is no classifier.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// This build has no model in it, and none was named.
    #[error("no model: name a folder, or build with `--features bundled-model`")]
    NoModel,
    /// The model is of no use.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The engine cannot be had.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The system has no threads left.
    #[error("cannot start the classifier's threads")]
    Threads(#[from] io::Error),
}
