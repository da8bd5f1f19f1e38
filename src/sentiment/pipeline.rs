//! Text in, sentiment out: tokenizer, engine and calibration in a row.

use super::{
    ClassifyError,
    calibration::Calibration,
    engine::{Batch, Engine, EngineError},
    reading::Reading,
    sentences::sentences,
    tokenizer::Tokenizer,
};

/// What all workers share.
pub(super) struct Pipeline {
    pub(super) tokenizer: Tokenizer,
    pub(super) calibration: Calibration,
}

impl Pipeline {
    /// Reads `turns`, in their order, one run of the engine each; a long one takes a run a sentence.
    ///
    /// Batches of 16 would be a quarter to a half faster, but an int8 graph takes its scales from all that is in a
    /// batch: a turn's weight would depend on who else is talking, and would not be the one that a server gives it.
    pub(super) fn run(&self, engine: &mut dyn Engine, turns: &[String]) -> Result<Vec<Reading>, ClassifyError> {
        turns.iter().map(|turn| self.read(engine, turn)).collect()
    }

    fn read(&self, engine: &mut dyn Engine, turn: &str) -> Result<Reading, ClassifyError> {
        let readings = sentences(turn).into_iter().map(|sentence| self.read_sentence(engine, sentence));
        Ok(Reading::of_sentences(readings.collect::<Result<_, _>>()?).unwrap_or_else(Reading::of_nothing))
    }

    /// A text without a single token (blank, or nothing but control characters) expresses nothing, and the engine is
    /// not asked.
    fn read_sentence(&self, engine: &mut dyn Engine, text: &str) -> Result<Reading, ClassifyError> {
        let row = self.tokenizer.encode(text).map_err(ClassifyError::Engine)?;
        if row.len() <= 2 {
            return Ok(Reading::of_nothing());
        }
        let heads = engine.run(&Batch::new(&[row])).map_err(|error| ClassifyError::Engine(error.to_string()))?;
        let row = heads.rows().next().ok_or_else(|| ClassifyError::Engine("no row came back".to_owned()))?;
        self.calibration.reading(row).map_err(ClassifyError::Engine)
    }

    /// Runs the shortest and the longest row, so that the first turn is not the slow one, and so that a graph which
    /// fails on either is refused before anybody relies on it.
    pub(super) fn warm_up(&self, engine: &mut dyn Engine) -> Result<(), EngineError> {
        let longest = "a ".repeat(self.calibration.max_tokens());
        for text in ["a", &longest] {
            let row = self.tokenizer.encode(text).map_err(EngineError::Run)?;
            let heads = engine.run(&Batch::new(&[row]))?;
            let row = heads.rows().next().ok_or_else(|| EngineError::Run("no row came back".to_owned()))?;
            self.calibration.reading(row).map_err(EngineError::Run)?;
        }
        Ok(())
    }
}
