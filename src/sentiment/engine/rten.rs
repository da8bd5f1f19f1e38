//! The embedded engine: RTen, pure Rust, nothing to install.

use std::{borrow::Cow, sync::Arc};

use rten::{DataType, Dimension, ModelOptions, NodeId, RunOptions, ThreadPool, ValueType, ValueView};

use super::{
    Batch, Engine, EngineError, EngineInfo, HEADS, Heads, INPUTS, Opened,
    signature::{self, Numbers, Port},
};

/// RTen does not tell its version; a test holds this to the manifest's.
const VERSION: &str = "0.27";

/// `ir_version`, the tag of a protobuf varint in field 1.
const ONNX_START: u8 = 0x08;

/// One worker's view of the shared graph.
struct Rten {
    graph: Arc<rten::Model>,
    inputs: [NodeId; INPUTS.len()],
    heads: Arc<[NodeId]>,
    options: RunOptions,
}

/// Loads the graph once and opens `count` engines on it.
pub(super) fn open(graph: Cow<'static, [u8]>, reason: String, count: usize) -> Result<Opened, EngineError> {
    // Every writer puts the format's version, field 1, first. RTen 0.27 would read some other files for ever: its
    // `read_varint` does not end on ten bytes that each promise another.
    if graph.first() != Some(&ONNX_START) {
        return Err(load_error(&"it is not an ONNX file"));
    }
    let mut options = ModelOptions::with_all_ops();
    options.prepack_weights(true);
    let graph = match graph {
        Cow::Borrowed(bytes) => options.load_static_slice(bytes),
        Cow::Owned(bytes) => options.load(bytes),
    };
    let graph = Arc::new(graph.map_err(|error| load_error(&error))?);
    signature::check(&ports(&graph, graph.input_ids()), &ports(&graph, graph.output_ids()))?;

    let node = |name: &str| graph.node_id(name).map_err(|error| load_error(&error));
    let [ids, mask] = INPUTS.map(node);
    let inputs = [ids?, mask?];
    let heads = HEADS.iter().map(|(name, _)| node(name)).collect::<Result<Arc<[NodeId]>, _>>()?;

    let engines = (0..count).map(|_| {
        // A pool of one thread a worker: RTen's own pool has a thread a core, and workers would wait for each other.
        // (RTen makes that pool all the same; its threads sleep.)
        let pool = Arc::new(ThreadPool::with_num_threads(1));
        let options = RunOptions::default().with_thread_pool(Some(pool));
        Box::new(Rten { graph: Arc::clone(&graph), inputs, heads: Arc::clone(&heads), options }) as Box<dyn Engine>
    });
    Ok((engines.collect(), EngineInfo { name: "rten", version: Some(VERSION.to_owned()), reason }))
}

impl Engine for Rten {
    fn run(&mut self, batch: &Batch) -> Result<Heads, EngineError> {
        let shape = batch.shape();
        let narrow = |ids: &[i64]| ids.iter().map(|id| i32::try_from(*id)).collect::<Result<Vec<_>, _>>();
        let (ids, mask) = (narrow(batch.ids()).map_err(run_error)?, narrow(batch.mask()).map_err(run_error)?);
        let [ids_node, mask_node] = self.inputs;
        let inputs = vec![
            (ids_node, ValueView::from_shape(shape, &ids).map_err(run_error)?.into()),
            (mask_node, ValueView::from_shape(shape, &mask).map_err(run_error)?.into()),
        ];
        let outputs = self.graph.run(inputs, &self.heads, Some(self.options.clone())).map_err(run_error)?;
        let mut outputs = outputs.into_iter();
        let [rows, _] = shape;
        Heads::collect(rows, |_| {
            let output = outputs.next().ok_or_else(|| EngineError::Run("a head is missing".to_owned()))?;
            let (_, numbers) = output.into_shape_vec::<f32, 2>().map_err(run_error)?;
            Ok(numbers)
        })
    }
}

fn ports(graph: &rten::Model, nodes: &[NodeId]) -> Vec<Port> {
    let infos = nodes.iter().filter_map(|node| graph.node_info(*node));
    let port = |info: rten::NodeInfo<'_>| Port {
        name: info.name().unwrap_or_default().to_owned(),
        numbers: match info.dtype() {
            Some(ValueType::Tensor(DataType::Int32)) => Numbers::Integers,
            Some(ValueType::Tensor(DataType::Float)) => Numbers::Floats,
            _ => Numbers::Other,
        },
        width: info.shape().and_then(|shape| match shape.last() {
            Some(Dimension::Fixed(width)) => Some(*width),
            _ => None,
        }),
    };
    infos.map(port).collect()
}

fn load_error(error: &impl ToString) -> EngineError {
    EngineError::Load { engine: "RTen", reason: error.to_string() }
}

fn run_error(error: impl ToString) -> EngineError {
    EngineError::Run(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_told_is_the_one_built() {
        let manifest: toml::Table = include_str!("../../../Cargo.toml").parse().unwrap();
        assert_eq!(manifest["dependencies"]["rten"]["version"].as_str(), Some(VERSION));
    }

    #[test]
    fn bytes_that_are_no_graph_are_refused_in_one_line() {
        for bytes in [b"".as_slice(), b"not a graph", &[0xff; 64], b"\x08", b"\x08\x0a cut short"] {
            let error = open(Cow::Borrowed(bytes), String::new(), 1).map(|_| ()).unwrap_err().to_string();
            assert!(error.starts_with("RTen does not load it: ") && !error.contains('\n'), "{bytes:?}: {error}");
        }
    }
}
