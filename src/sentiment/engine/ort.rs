//! The production engine: ONNX Runtime, loaded at run time.

use std::{
    env,
    error::Error,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
};

use once_cell::sync::OnceCell;
use ort::{
    environment::Environment,
    session::{
        HasSelectedOutputs, OutputSelector, RunOptions, Session,
        builder::{GraphOptimizationLevel, SessionBuilder},
    },
    value::{Outlet, TensorElementType, TensorRef, ValueType},
};

use super::{
    Batch, Engine, EngineError, EngineInfo, HEADS, Heads, INPUTS, Opened,
    signature::{self, Numbers, Port},
};

/// The library's file names, likeliest first. Distributions install the second without the first.
const FILES: &[&str] = if cfg!(windows) {
    &["onnxruntime.dll"]
} else if cfg!(target_os = "macos") {
    &["libonnxruntime.dylib"]
} else {
    &["libonnxruntime.so", "libonnxruntime.so.1"]
};

/// ONNX Runtime as this process has it. There can be only one, and it is never unloaded.
#[derive(Debug)]
struct Loaded {
    environment: Environment,
    file: PathBuf,
    named_by: &'static str,
}

static LOADED: OnceCell<Loaded> = OnceCell::new();

/// One worker's session. Sessions are not shared: `ort` runs one batch at a time on each.
struct Ort {
    session: Session,
    options: RunOptions<HasSelectedOutputs>,
}

/// Loads the library unless it is there already, and opens `count` sessions.
pub(super) fn open(graph: &[u8], onnxruntime: Option<&Path>, count: usize) -> Result<Opened, EngineError> {
    let loaded = LOADED.get_or_try_init(|| load(onnxruntime))?;
    let engines = (0..count).map(|_| {
        let engine = guarded(|| Ort::new(&loaded.environment, graph)).map_err(load_error)??;
        Ok(Box::new(engine) as Box<dyn Engine>)
    });
    let reason = format!("found {} ({})", loaded.file.display(), loaded.named_by);
    Ok((engines.collect::<Result<_, _>>()?, EngineInfo { name: "ort", version: version(&loaded.file), reason }))
}

/// Finds the library. One that was named must do: another in its place would be a surprise.
fn load(onnxruntime: Option<&Path>) -> Result<Loaded, EngineError> {
    if let Some(file) = onnxruntime {
        return load_file(file, "named by --onnxruntime");
    }
    if let Some(file) = env::var_os("ORT_DYLIB_PATH").filter(|file| !file.is_empty()) {
        return load_file(Path::new(&file), "named by ORT_DYLIB_PATH");
    }
    let folder = env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned));
    let beside = folder.iter().flat_map(|folder| FILES.iter().map(|name| folder.join(name)));
    if let Some(file) = beside.into_iter().find(|file| file.exists()) {
        return load_file(&file, "beside the executable");
    }
    for name in FILES {
        match load_file(Path::new(name), "in the system's library path") {
            Err(EngineError::NotFound { .. }) => {}
            found => return found,
        }
    }
    let folder = folder.unwrap_or_default();
    Err(EngineError::NotFound { looked: format!("in {} and in the system's library path", folder.display()) })
}

fn load_file(file: &Path, named_by: &'static str) -> Result<Loaded, EngineError> {
    let unusable = |reason: String| EngineError::Library { file: file.to_owned(), named_by, reason };
    if file.is_dir() {
        return Err(unusable("it is a folder".to_owned()));
    }
    // `ort` looks for a relative path beside the executable first; what was named is meant from here.
    let path =
        if file.exists() { std::path::absolute(file).unwrap_or_else(|_| file.to_owned()) } else { file.to_owned() };
    // `ort` asserts where a library that exports OrtGetApiBase gives none, or none of our version.
    let environment = guarded(|| {
        let environment = ort::init_from(&path)?.with_name("undertone").with_telemetry(false).build();
        environment.map_err(|error| LoadError::Environment(error.to_string()))
    });
    match environment {
        Ok(Ok(environment)) => Ok(Loaded { environment, file: path, named_by }),
        // A bare name that the system's loader does not know is no mistake of anybody's.
        Ok(Err(LoadError::Library(ort::LoadDynamicError::Dlopen { .. }))) if is_bare(file) => {
            Err(EngineError::NotFound { looked: file.display().to_string() })
        }
        Ok(Err(LoadError::Library(error))) => Err(unusable(explain(&error))),
        Ok(Err(LoadError::Environment(reason))) | Err(reason) => Err(unusable(reason)),
    }
}

fn is_bare(file: &Path) -> bool {
    file.components().count() == 1 && FILES.iter().any(|name| file == Path::new(name))
}

enum LoadError {
    Library(ort::LoadDynamicError),
    Environment(String),
}

impl From<ort::LoadDynamicError> for LoadError {
    fn from(error: ort::LoadDynamicError) -> Self {
        Self::Library(error)
    }
}

/// The part of the error that the file's name, told already, does not say.
fn explain(error: &ort::LoadDynamicError) -> String {
    use ort::LoadDynamicError as E;
    match error {
        E::Dlopen { error, path } => {
            // What the system said is the source; `error` itself only says that it was asked.
            let said = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            said.strip_prefix(&format!("{}: ", path.display())).unwrap_or(&said).to_owned()
        }
        E::MissingApi { .. } => "it is not ONNX Runtime (no OrtGetApiBase in it)".to_owned(),
        E::InvalidVersionString => "its version is not text".to_owned(),
        E::BadVersion { version_str, .. } => {
            format!("it is ONNX Runtime {version_str}, older than 1.{}", ort::MINOR_VERSION)
        }
    }
}

/// A panic of `ort` or of what it calls, as text.
fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("it panicked").to_owned()
    })
}

/// The version in the file's name, where a link leads to `libonnxruntime.so.1.31.1`; else in the build's own words.
fn version(file: &Path) -> Option<String> {
    let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    let name = file.file_name()?.to_str()?;
    let named = name.split_once(".so.").map(|(_, version)| version.to_owned()).filter(|version| version.contains('.'));
    named.or_else(|| {
        let branch = ort::info().split("git-branch=").nth(1)?.split([',', ' ']).next()?;
        branch.strip_prefix("rel-").map(str::to_owned)
    })
}

impl Ort {
    fn new(environment: &Environment, graph: &[u8]) -> Result<Self, EngineError> {
        let session = latency_settings(environment).map_err(load_error)?;
        let session = { session }.commit_from_memory(graph).map_err(load_error)?;
        signature::check(&ports(session.inputs()), &ports(session.outputs()))?;
        let heads = HEADS.iter().fold(OutputSelector::no_default(), |heads, (name, _)| heads.with(*name));
        let options = RunOptions::new().map_err(load_error)?.with_outputs(heads);
        Ok(Self { session, options })
    }
}

/// One thread, the one that calls; every optimisation. The memory arena is on by default. Should ONNX Runtime ever make
/// threads of its own, they sleep while there is nothing to do: spinning, they would take the bot's processor.
fn latency_settings(environment: &Environment) -> ort::Result<SessionBuilder> {
    let builder = Session::builder(environment)?
        .with_intra_threads(1)?
        .with_inter_threads(1)?
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?
        .with_optimization_level(GraphOptimizationLevel::All)?;
    Ok(builder)
}

impl Engine for Ort {
    fn run(&mut self, batch: &Batch) -> Result<Heads, EngineError> {
        let shape = batch.shape();
        let [ids, mask] = INPUTS;
        let inputs = ort::inputs![
            ids => TensorRef::from_array_view((shape, batch.ids())).map_err(run_error)?,
            mask => TensorRef::from_array_view((shape, batch.mask())).map_err(run_error)?,
        ];
        let outputs = self.session.run_with_options(inputs, &self.options).map_err(run_error)?;
        let mut outputs = outputs.values();
        let [rows, _] = shape;
        Heads::collect(rows, |_| {
            let output = outputs.next().ok_or_else(|| EngineError::Run("a head is missing".to_owned()))?;
            let (_, numbers) = output.try_extract_tensor::<f32>().map_err(run_error)?;
            Ok(numbers.to_vec())
        })
    }
}

fn ports(outlets: &[Outlet]) -> Vec<Port> {
    let port = |outlet: &Outlet| {
        let (numbers, width) = match outlet.dtype() {
            ValueType::Tensor { ty, shape, .. } => {
                let numbers = match ty {
                    TensorElementType::Int64 => Numbers::Integers,
                    TensorElementType::Float32 => Numbers::Floats,
                    _ => Numbers::Other,
                };
                (numbers, shape.last().and_then(|width| usize::try_from(*width).ok()))
            }
            _ => (Numbers::Other, None),
        };
        Port { name: outlet.name().to_owned(), numbers, width }
    };
    outlets.iter().map(port).collect()
}

fn load_error(error: impl ToString) -> EngineError {
    EngineError::Load { engine: "ONNX Runtime", reason: error.to_string() }
}

fn run_error(error: impl ToString) -> EngineError {
    EngineError::Run(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(file: &Path) -> String {
        let error = load_file(file, "named by --onnxruntime").map(|_| ()).unwrap_err();
        let text = error.to_string();
        assert!(!text.contains('\n'), "{text}");
        assert!(text.contains(&file.display().to_string()), "{text}");
        text
    }

    #[test]
    fn a_missing_library_is_named() {
        assert!(refusal(Path::new("/nowhere/libonnxruntime.so")).contains("No such file"));
    }

    #[test]
    fn a_file_that_is_no_library_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "not a library").unwrap();
        refusal(file.path());
    }

    #[test]
    fn a_folder_is_named() {
        assert!(refusal(Path::new("/tmp")).contains("it is a folder"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn another_library_is_not_taken_for_onnx_runtime() {
        assert!(refusal(Path::new("libc.so.6")).contains("it is not ONNX Runtime"));
    }

    #[test]
    fn the_version_is_read_from_the_files_name() {
        assert_eq!(version(Path::new("/x/libonnxruntime.so.1.31.1")).as_deref(), Some("1.31.1"));
    }
}
