//! The threads that tokenise and infer, and the queue that feeds them.

use std::{
    io,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    thread,
};

use crossbeam_channel::{Receiver, Sender, TrySendError};

use super::{Answer, ClassifyError, engine::Engine, pipeline::Pipeline, reading::Reading};

/// What a chunk of turns came to, and which chunk it was.
pub(super) type ChunkResult = (usize, Result<Vec<Reading>, ClassifyError>);

/// A piece of work. It carries what users wrote, hence no `Debug`.
pub(super) enum Job {
    /// One turn, for somebody who awaits it or has gone.
    Turn(String, Answer),
    /// Several turns, for a thread that blocks until they are done.
    Chunk { number: usize, turns: Vec<String>, results: Sender<ChunkResult> },
}

/// The queue's near end. The workers end when the last one is dropped and the queue is empty.
#[derive(Clone)]
pub(super) struct Workers(Sender<Job>);

impl Workers {
    /// Starts a thread for each engine, fed by a queue of `capacity` jobs.
    pub(super) fn start(engines: Vec<Box<dyn Engine>>, pipeline: &Arc<Pipeline>, capacity: usize) -> io::Result<Self> {
        let (sender, jobs) = crossbeam_channel::bounded(capacity);
        for (number, engine) in engines.into_iter().enumerate() {
            let (pipeline, jobs) = (Arc::clone(pipeline), jobs.clone());
            thread::Builder::new().name(format!("classify-{number}")).spawn(move || work(engine, &pipeline, &jobs))?;
        }
        Ok(Self(sender))
    }

    /// Queues one turn, or answers at once that it cannot.
    pub(super) fn offer(&self, turn: String, answer: Answer) {
        let (job, why) = match self.0.try_send(Job::Turn(turn, answer)) {
            Ok(()) => return,
            Err(TrySendError::Full(job)) => (job, ClassifyError::QueueFull),
            Err(TrySendError::Disconnected(job)) => (job, ClassifyError::Stopped),
        };
        if let Job::Turn(_, answer) = job {
            answer.send(Err(why));
        }
    }

    /// Queues a job, waiting for room.
    pub(super) fn push(&self, job: Job) -> Result<(), ClassifyError> {
        self.0.send(job).map_err(|_| ClassifyError::Stopped)
    }
}

fn work(mut engine: Box<dyn Engine>, pipeline: &Pipeline, jobs: &Receiver<Job>) {
    // A panic must not cost the worker. Engines keep nothing between two batches that a panic could leave half done.
    let mut run = |turns: &[String]| {
        panic::catch_unwind(AssertUnwindSafe(|| pipeline.run(&mut *engine, turns)))
            // What the panic says is left out: it may quote the turn.
            .unwrap_or_else(|_| Err(ClassifyError::Engine("it panicked".to_owned())))
    };
    for job in jobs {
        match job {
            Job::Turn(_, answer) if answer.is_abandoned() => {}
            Job::Turn(turn, answer) => {
                let reading = run(&[turn]).map(|readings| readings.into_iter().next().unwrap_or_default());
                answer.send(reading.map(|reading| reading.sentiment));
            }
            // Nobody there: the caller's thread died, and with it the wish to know.
            Job::Chunk { number, turns, results } => drop(results.send((number, run(&turns)))),
        }
    }
}
