//! What a turn costs on top of the engine: `classify` of a 16-token turn against the bare engine on the same row.
//!
//! `ORT_DYLIB_PATH=… cargo bench --bench classify`; without the variable ONNX Runtime is left out. With another model's
//! folder in `RIVAL`, the bare engines of both models run in turn, at 16, 64 and 128 tokens
//! (`scripts/first-model FOLDER` makes one).
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench stops where it fails and prints what it finds"
)]

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
/// Tokens of the rows on which two models are compared.
const LENGTHS: [usize; 3] = [16, 64, 128];

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
        // One worker, as there is one bare engine: two would keep each other's weights out of the cache.
        let one = Classifier::builder().model(model).engine(name).workers(1).build().unwrap();
        let all = Classifier::builder().engine(name).build().unwrap();

        single(&mut criterion, name, &one, &mut *engine, &batch);
        lines(&mut criterion, name, &all);
        drop(all);
        ratios.push((info, pairs(&one, &mut *engine, &batch)));
    }
    criterion.final_summary();
    if let Some(folder) = env::var_os("RIVAL") {
        rival(&Model::from_folder(folder).unwrap());
    }
    for (info, [classify, bare, ratio]) in ratios {
        println!("{info}");
        for percentile in [10, 50] {
            let [classify, bare, ratio] = [&classify, &bare, &ratio].map(|sorted| sorted[PAIRS * percentile / 100]);
            println!(
                "  p{percentile}: classify {classify:.3} ms, bare engine {bare:.3} ms; of their ratios {ratio:.3}"
            );
        }
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

/// Milliseconds of both, and their ratios, each sorted. A pair at a time, since a noisy machine is as noisy for both.
fn pairs(classifier: &Classifier, engine: &mut dyn Engine, batch: &Batch) -> [Vec<f64>; 3] {
    let mut columns = [const { Vec::new() }; 3];
    for _ in 0..PAIRS {
        let start = Instant::now();
        black_box(classifier.classify(black_box(TURN)).unwrap());
        let between = Instant::now();
        black_box(engine.run(black_box(batch)).unwrap());
        let (classify, bare) = ((between - start).as_secs_f64() * 1e3, between.elapsed().as_secs_f64() * 1e3);
        for (column, value) in columns.iter_mut().zip([classify, bare, classify / bare]) {
            column.push(value);
        }
    }
    columns.iter_mut().for_each(|column| column.sort_by(f64::total_cmp));
    columns
}

/// The bundled model against another, engine by engine and length by length.
fn rival(other: &Model) {
    let ours = Model::bundled().unwrap();
    for name in [EnginePreference::Ort, EnginePreference::Rten] {
        if name == EnginePreference::Ort && env::var_os("ORT_DYLIB_PATH").is_none() {
            continue;
        }
        let [(mut ours, info), (mut other, _)] = [&ours, other].map(|model| model.engine(name, None).unwrap());
        for length in LENGTHS {
            let batch = Batch::new(&[vec![1000; length]]);
            let time = |engine: &mut Box<dyn Engine>| {
                let start = Instant::now();
                black_box(engine.run(black_box(&batch)).unwrap());
                start.elapsed().as_secs_f64() * 1e3
            };
            let mut times: Vec<_> = (0..PAIRS).map(|_| (time(&mut ours), time(&mut other))).collect();
            times.sort_by(|(a, b), (c, d)| (a / b).total_cmp(&(c / d)));
            let (a, b) = times[PAIRS / 2];
            println!(
                "{}, {length} tokens: {a:.3} ms, the other model {b:.3} ms; median of the ratios {:.2}",
                info.name,
                a / b
            );
        }
    }
}
