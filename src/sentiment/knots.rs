//! From the graph's raw affect to a weight: a monotone map.

use std::iter;

use serde::{Deserialize, Serialize};

/// A piecewise-linear map that never falls; flat beyond its first and its last knot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Knots(pub(super) Vec<(f32, f32)>);

impl Knots {
    /// # Errors
    ///
    /// What is wrong with the knots, in one line.
    pub(super) fn check(&self) -> Result<(), String> {
        let Self(knots) = self;
        if knots.len() < 2 {
            return Err(format!("expected at least 2, found {}", knots.len()));
        }
        if let Some((raw, weight)) =
            knots.iter().find(|(raw, weight)| !raw.is_finite() || !(0.0..=1.0).contains(weight))
        {
            return Err(format!("expected [raw, weight] with a weight of 0 to 1, found [{raw}, {weight}]"));
        }
        for ((raw, weight), (next_raw, next_weight)) in iter::zip(knots, knots.iter().skip(1)) {
            if next_raw <= raw || next_weight < weight {
                return Err(format!(
                    "expected them to rise, found [{next_raw}, {next_weight}] after [{raw}, {weight}]"
                ));
            }
        }
        Ok(())
    }

    /// The weight at a raw affect.
    pub(crate) fn map(&self, raw: f32) -> f32 {
        let mut below = None;
        for &(x, y) in &self.0 {
            if raw < x {
                return below.map_or(y, |(x0, y0)| y0 + (y - y0) * (raw - x0) / (x - x0));
            }
            below = Some((x, y));
        }
        below.map_or(0.0, |(_, y)| y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn affect_is_read_between_the_knots_and_flat_beyond_them() {
        let knots = Knots(vec![(0.2, 0.1), (0.4, 0.5), (0.8, 0.9)]);
        for (raw, affect) in [(-1.0, 0.1), (0.2, 0.1), (0.3, 0.3), (0.4, 0.5), (0.6, 0.7), (0.8, 0.9), (2.0, 0.9)] {
            assert!((knots.map(raw) - affect).abs() < 1e-6, "{raw}: {} instead of {affect}", knots.map(raw));
        }
    }
}
