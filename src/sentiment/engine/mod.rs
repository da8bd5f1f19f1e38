//! Runs the model's graph: one seam, two engines, the same ONNX file.
//!
//! An [`Engine`] is blocking and belongs to one thread; [`Model::engine`](super::Model::engine) opens one.

#[cfg(feature = "ort")]
mod ort;
#[cfg(feature = "rten")]
mod rten;
mod signature;

use std::{borrow::Cow, fmt, path::Path, path::PathBuf};

use super::{Emotion, EnginePreference, Target};

/// The graph's inputs: `i64`, `[rows, columns]`.
const INPUTS: [&str; 2] = ["input_ids", "attention_mask"];
/// How many labels GoEmotions has (Demszky et al. 2020, ACL).
pub(super) const GOEMOTIONS: usize = 28;

/// The graph's outputs and their widths: `f32`, `[rows, width]`.
const HEADS: [(&str, usize); 8] = [
    ("polarity", 3),
    ("valence", 1),
    ("affect", 1),
    ("emotion", Emotion::ALL.len()),
    ("goemotions", GOEMOTIONS),
    ("target", Target::ALL.len()),
    ("danger", 1),
    ("embedding", 96),
];

/// Runs batches, one at a time, on the thread that calls it.
pub trait Engine: Send {
    /// Computes the heads of every row of `batch`. Blocks for as long as that takes.
    ///
    /// # Errors
    ///
    /// [`EngineError::Run`] where the engine refuses the batch or answers with other shapes than the graph declares.
    fn run(&mut self, batch: &Batch) -> Result<Heads, EngineError>;
}

/// Token ids of several turns, `[rows, columns]`, each row padded to the longest.
#[derive(Clone)]
pub struct Batch {
    rows: usize,
    columns: usize,
    ids: Vec<i64>,
    mask: Vec<i64>,
}

impl Batch {
    /// Pads `turns` to the longest of them. The padding's id is 0; the mask, 0 there, is what counts.
    #[must_use]
    pub fn new<T: AsRef<[u32]>>(turns: &[T]) -> Self {
        let columns = turns.iter().map(|turn| turn.as_ref().len()).max().unwrap_or(0);
        let (mut ids, mut mask) = (vec![0; turns.len() * columns], vec![0; turns.len() * columns]);
        let rows = ids.chunks_exact_mut(columns.max(1)).zip(mask.chunks_exact_mut(columns.max(1)));
        for (turn, (ids, mask)) in turns.iter().zip(rows) {
            for ((id, one), token) in ids.iter_mut().zip(mask).zip(turn.as_ref()) {
                (*id, *one) = (i64::from(*token), 1);
            }
        }
        Self { rows: turns.len(), columns, ids, mask }
    }

    /// How many turns, padded to how many tokens.
    #[must_use]
    pub const fn shape(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    /// Token ids, row by row.
    #[must_use]
    pub fn ids(&self) -> &[i64] {
        &self.ids
    }

    /// 1 for a token, 0 for padding, row by row.
    #[must_use]
    pub fn mask(&self) -> &[i64] {
        &self.mask
    }
}

impl fmt::Debug for Batch {
    /// The shape alone: token ids are the user's words in another coat.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("rows", &self.rows).field("columns", &self.columns).finish_non_exhaustive()
    }
}

/// What the graph says of a batch, before calibration; every head `f32`, row by row.
#[derive(Clone, PartialEq)]
pub struct Heads([Vec<f32>; HEADS.len()]);

/// What the graph says of one turn.
#[derive(Clone, Copy, PartialEq)]
pub struct Row<'a> {
    /// 3 logits: negative, neutral, positive.
    pub polarity: &'a [f32],
    /// -1 to 1.
    pub valence: f32,
    /// 0 to 1, not calibrated.
    pub affect: f32,
    /// 10 logits, in the order of [`Emotion::ALL`].
    pub emotion: &'a [f32],
    /// 28 logits, of GoEmotions' labels in the order of `calibration.json`; each is a question of its own.
    pub goemotions: &'a [f32],
    /// 3 logits, in the order of [`Target::ALL`].
    pub target: &'a [f32],
    /// A logit, not calibrated.
    pub danger: f32,
    /// 96 numbers, a vector of length 1.
    pub embedding: &'a [f32],
}

impl fmt::Debug for Heads {
    /// The count of the rows alone: the embedding is the user's words in another coat.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heads").field("rows", &self.rows().count()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Row<'_> {
    /// The heads that say nothing of the words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { valence, affect, danger, .. } = self;
        let mut row = f.debug_struct("Row");
        row.field("valence", valence).field("affect", affect).field("danger", danger).finish_non_exhaustive()
    }
}

impl Heads {
    /// Asks `head` for each head in turn and checks that it has `rows` rows.
    fn collect(rows: usize, mut head: impl FnMut(usize) -> Result<Vec<f32>, EngineError>) -> Result<Self, EngineError> {
        let mut heads = Self(Default::default());
        for (n, ((name, width), slot)) in HEADS.into_iter().zip(&mut heads.0).enumerate() {
            *slot = head(n)?;
            if slot.len() != rows * width {
                let (expected, found) = (rows * width, slot.len());
                return Err(EngineError::Run(format!("`{name}` has {found} numbers instead of {expected}")));
            }
        }
        Ok(heads)
    }

    /// The rows, in the order of the batch.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let rows = self.0.first().map_or(0, |numbers| numbers.len() / HEADS[0].1);
        (0..rows).filter_map(|n| self.row(n))
    }

    fn row(&self, n: usize) -> Option<Row<'_>> {
        let mut heads = self.0.iter().zip(HEADS).map(|(numbers, (_, width))| numbers.get(n * width..(n + 1) * width));
        let mut head = || heads.next().flatten();
        Some(Row {
            polarity: head()?,
            valence: *head()?.first()?,
            affect: *head()?.first()?,
            emotion: head()?,
            goemotions: head()?,
            target: head()?,
            danger: *head()?.first()?,
            embedding: head()?,
        })
    }
}

/// Why no engine runs, or why it did not run a batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// This build of undertone has no such engine.
    #[error("this build has no engine `{engine}`; build it with `--features {engine}`", engine = .0.as_str())]
    NotBuilt(EnginePreference),
    /// Nobody named an ONNX Runtime, and none lies where it is looked for.
    #[error(
        "no libonnxruntime found (looked {looked}); install ONNX Runtime 1.24 or later, or name the file with \
         --onnxruntime or ORT_DYLIB_PATH"
    )]
    NotFound {
        /// Where it was looked for.
        looked: String,
    },
    /// The library is there, or was named, and is of no use.
    #[error("cannot use `{}` ({named_by}): {reason}; name the file of ONNX Runtime 1.24 or later", file.display())]
    Library {
        /// The library.
        file: PathBuf,
        /// Who named it.
        named_by: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The engine does not read the graph.
    #[error("{engine} does not load it: {reason}")]
    Load {
        /// The engine's name.
        engine: &'static str,
        /// What it says.
        reason: String,
    },
    /// The graph is not one of undertone's.
    #[error("expected {expected}, found {found}")]
    Signature {
        /// What undertone needs.
        expected: String,
        /// What the graph has.
        found: String,
    },
    /// The engine refused a batch.
    #[error("{0}")]
    Run(String),
}

/// Which engine runs, and why that one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineInfo {
    /// `ort` or `rten`.
    pub name: &'static str,
    /// The engine's own version, where it tells.
    pub version: Option<String>,
    /// Why it was chosen, in words.
    pub reason: String,
}

impl EngineInfo {
    /// `ort 1.31.1`: the name, and the version where the engine tells.
    #[must_use]
    pub fn name_and_version(&self) -> String {
        match &self.version {
            Some(version) => format!("{} {version}", self.name),
            None => self.name.to_owned(),
        }
    }
}

impl fmt::Display for EngineInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name_and_version(), self.reason)
    }
}

/// As many engines as there are workers, and what they are.
pub(crate) type Opened = (Vec<Box<dyn Engine>>, EngineInfo);

/// Opens `count` engines on one ONNX file, of the kind asked for.
///
/// `onnxruntime` names the library file; without it, `ORT_DYLIB_PATH`, the executable's folder and the system's loader
/// are asked in this order. Under [`EnginePreference::Auto`] a library that is named but of no use is a warning, and
/// RTen runs. A process can load one ONNX Runtime: after the first success the library stays the same.
///
/// # Errors
///
/// Every case of [`EngineError`] but [`EngineError::Run`].
pub(crate) fn open(
    graph: Cow<'static, [u8]>,
    preference: EnginePreference,
    onnxruntime: Option<&Path>,
    count: usize,
) -> Result<Opened, EngineError> {
    match preference {
        EnginePreference::Ort => open_ort(&graph, onnxruntime, count),
        EnginePreference::Rten => open_rten(graph, "asked for".to_owned(), count),
        EnginePreference::Auto => open_ort(&graph, onnxruntime, count).or_else(|why| {
            if cfg!(not(feature = "rten")) {
                return Err(why);
            }
            if !matches!(why, EngineError::NotFound { .. } | EngineError::NotBuilt(_)) {
                tracing::warn!(reason = %why, "ONNX Runtime cannot be had, the embedded engine runs instead");
            }
            open_rten(graph, why.to_string(), count)
        }),
    }
}

#[cfg(feature = "ort")]
use self::ort::open as open_ort;
#[cfg(feature = "rten")]
use self::rten::open as open_rten;

#[cfg(not(feature = "ort"))]
fn open_ort(_: &[u8], _: Option<&Path>, _: usize) -> Result<Opened, EngineError> {
    Err(EngineError::NotBuilt(EnginePreference::Ort))
}

#[cfg(not(feature = "rten"))]
fn open_rten(_: Cow<'static, [u8]>, _: String, _: usize) -> Result<Opened, EngineError> {
    Err(EngineError::NotBuilt(EnginePreference::Rten))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A fake's answer: a row for each of `affects`, and all else even.
    pub(crate) fn heads(affects: Vec<f32>) -> Heads {
        let mut heads = HEADS.map(|(_, width)| vec![0.0; affects.len() * width]);
        heads[2] = affects;
        Heads(heads)
    }

    #[test]
    fn rows_are_padded_to_the_longest_and_the_mask_tells() {
        let batch = Batch::new(&[vec![7, 8, 9], vec![5]]);
        assert_eq!(batch.shape(), [2, 3]);
        assert_eq!(batch.ids(), [7, 8, 9, 5, 0, 0]);
        assert_eq!(batch.mask(), [1, 1, 1, 1, 0, 0]);
    }

    #[test]
    fn an_empty_batch_has_an_empty_shape() {
        assert_eq!(Batch::new::<Vec<u32>>(&[]).shape(), [0, 0]);
    }

    #[test]
    fn a_head_of_the_wrong_size_is_named() {
        let error = Heads::collect(2, |_| Ok(vec![0.0; 6])).unwrap_err();
        assert_eq!(error.to_string(), "`valence` has 6 numbers instead of 2");
    }

    #[test]
    fn debug_keeps_the_tokens_to_itself() {
        assert_eq!(format!("{:?}", Batch::new(&[vec![4242]])), "Batch { rows: 1, columns: 1, .. }");
        let heads = heads(vec![0.5]);
        assert_eq!(format!("{heads:?}"), "Heads { rows: 1, .. }");
        assert!(!format!("{:?}", heads.rows().next()).contains("embedding"));
    }
}
