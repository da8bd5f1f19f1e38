//! Text in, sentiment out: tokenizer, engine and calibration in a row.

use super::{
    ClassifyError, Sentiment,
    calibration::Calibration,
    engine::{Batch, Engine, EngineError},
    tokenizer::Tokenizer,
};

/// Turns in one run of the engine. Measured on MiniLM-L6 int8: the gain over one at a time is spent by 16, and larger
/// batches only pad more.
const BATCH: usize = 16;

/// What all workers share.
pub(super) struct Pipeline {
    pub(super) tokenizer: Tokenizer,
    pub(super) calibration: Calibration,
}

impl Pipeline {
    /// Classifies `turns`, in their order.
    ///
    /// Rows of like length go together, so that little is padding. A turn without a single token (blank, or nothing but
    /// control characters) expresses nothing, and the engine is not asked.
    pub(super) fn run(&self, engine: &mut dyn Engine, turns: &[String]) -> Result<Vec<Sentiment>, ClassifyError> {
        let rows = turns.iter().map(|turn| self.tokenizer.encode(turn)).collect::<Result<Vec<_>, _>>();
        let rows = rows.map_err(ClassifyError::Engine)?;
        let mut sentiments = vec![Sentiment::default(); turns.len()];

        let mut work: Vec<_> = rows.iter().zip(&mut sentiments).filter(|(row, _)| row.len() > 2).collect();
        work.sort_by_key(|(row, _)| row.len());
        for part in work.chunks_mut(BATCH) {
            let batch = Batch::new(&part.iter().map(|(row, _)| row).collect::<Vec<_>>());
            let heads = engine.run(&batch).map_err(|error| ClassifyError::Engine(error.to_string()))?;
            for ((_, sentiment), row) in part.iter_mut().zip(heads.rows()) {
                **sentiment = self.calibration.sentiment(row).map_err(ClassifyError::Engine)?;
            }
        }
        Ok(sentiments)
    }

    /// Runs the shortest and the longest row, so that the first turn is not the slow one, and so that a graph which
    /// fails on either is refused before anybody relies on it.
    pub(super) fn warm_up(&self, engine: &mut dyn Engine) -> Result<(), EngineError> {
        let longest = "a ".repeat(self.calibration.max_tokens());
        for text in ["a", &longest] {
            let row = self.tokenizer.encode(text).map_err(EngineError::Run)?;
            let heads = engine.run(&Batch::new(&[row]))?;
            let row = heads.rows().next().ok_or_else(|| EngineError::Run("no row came back".to_owned()))?;
            self.calibration.sentiment(row).map_err(EngineError::Run)?;
        }
        Ok(())
    }
}
