//! What a turn costs on top of the engine: `classify` of a 16-token turn against the bare engine on the same row.
//!
//! `ORT_DYLIB_PATH=… cargo bench --bench classify`; without the variable ONNX Runtime is left out.

use std::{env, hint::black_box, time::Duration};

use criterion::{Criterion, Throughput};
use tokio::time::Instant;
use undertone::sentiment::{
    Classifier, EnginePreference, Model,
    engine::{Batch, Engine},
};

/// 16 tokens with [CLS] and [SEP].
const TURN: &str = "I have been waiting for my refund for two weeks and nobody answers";
const LINES: usize = 256;
const PAIRS: usize = 500;

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(30);
    let mut ratios = Vec::new();
    for name in [EnginePreference::Ort, EnginePreference::Rten] {
        if name == EnginePreference::Ort && env::var_os("ORT_DYLIB_PATH").is_none() {
            println!("ort: skipped, ORT_DYLIB_PATH names no libonnxruntime");
            continue;
        }
        let model = Model::bundled().unwrap();
        let row = model.encode(TURN).unwrap();
        assert_eq!(row.len(), 16, "the turn has another length with this tokenizer");
        let batch = Batch::new(&[row]);
        let (mut engine, info) = model.engine(name, None).unwrap();
        let classifier = Classifier::builder().model(model).engine(name).build().unwrap();

        single(&mut criterion, name, &classifier, &mut *engine, &batch);
        lines(&mut criterion, name, &classifier);
        ratios.push((info, ratio(&classifier, &mut *engine, &batch)));
    }
    criterion.final_summary();
    for (info, [classify, bare, ratio]) in ratios {
        println!("{info}");
        println!("  classify {classify:.3} ms, bare engine {bare:.3} ms, ratio {ratio:.3} (medians of {PAIRS} pairs)");
    }
}

fn single(
    criterion: &mut Criterion,
    name: EnginePreference,
    classifier: &Classifier,
    engine: &mut dyn Engine,
    batch: &Batch,
) {
    let mut group = criterion.benchmark_group(format!("16 tokens, {name}"));
    group.bench_function("classify", |b| b.iter(|| classifier.classify(black_box(TURN)).unwrap()));
    group.bench_function("bare engine", |b| b.iter(|| engine.run(black_box(batch)).unwrap()));
    group.finish();
}

/// Lines of 3 to 47 tokens through all workers.
fn lines(criterion: &mut Criterion, name: EnginePreference, classifier: &Classifier) {
    let lines: Vec<String> = (0..LINES).map(|n| "waiting ".repeat(1 + n * 7 % 45)).collect();
    let mut group = criterion.benchmark_group(format!("{LINES} lines, {name}"));
    group.throughput(Throughput::Elements(LINES as u64)).sample_size(10).measurement_time(Duration::from_secs(10));
    group.bench_function("classify_batch", |b| b.iter(|| classifier.classify_batch(black_box(&lines)).unwrap()));
    group.finish();
}

/// Medians in milliseconds of both, and of their ratio. A pair at a time, since a noisy machine is as noisy for both.
fn ratio(classifier: &Classifier, engine: &mut dyn Engine, batch: &Batch) -> [f64; 3] {
    let pairs = (0..PAIRS).map(|_| {
        let start = Instant::now();
        black_box(classifier.classify(black_box(TURN)).unwrap());
        let between = Instant::now();
        black_box(engine.run(black_box(batch)).unwrap());
        let (classify, bare) = (between - start, between.elapsed());
        [classify.as_secs_f64() * 1e3, bare.as_secs_f64() * 1e3, classify.as_secs_f64() / bare.as_secs_f64()]
    });
    let pairs: Vec<_> = pairs.collect();
    [0, 1, 2].map(|n| {
        let mut column: Vec<f64> = pairs.iter().map(|pair| pair[n]).collect();
        column.sort_by(f64::total_cmp);
        column[PAIRS / 2]
    })
}
