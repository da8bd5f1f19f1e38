//! Where a turn lies in meaning.

use std::fmt;

/// Where a turn lies in meaning, as a vector of length 1 (or 0, where it lies nowhere): turns that say the same lie close together.
///
/// Two vectors can be compared only where the same model made them.
#[derive(Clone, PartialEq)]
pub struct Embedding(Box<[f32]>);

impl Embedding {
    /// Takes any numbers and scales them to a vector of length 1; nothing but zeros stays as it is.
    #[must_use]
    pub fn new(vector: impl Into<Box<[f32]>>) -> Self {
        let mut vector = vector.into();
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        if length > 0.0 {
            vector.iter_mut().for_each(|x| *x /= length);
        }
        Self(vector)
    }

    /// The cosine of the two, -1 to 1: 1 for the same direction, around 0 for turns that have nothing to do with each
    /// other. 0 where the vectors are of different sizes.
    #[must_use]
    pub fn similarity(&self, other: &Self) -> f32 {
        if self.0.len() != other.0.len() {
            return 0.0;
        }
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum()
    }

    /// The numbers, 96 from the bundled model.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }
}

impl fmt::Debug for Embedding {
    /// The size alone: the numbers are the user's words in another coat.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Embedding({} numbers)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similarity_is_the_cosine() {
        let [a, b, c] = [[3.0, 0.0], [0.0, 2.0], [5.0, 5.0]].map(Embedding::new);
        assert!((a.similarity(&a) - 1.0).abs() < 1e-6);
        assert!(a.similarity(&b).abs() < 1e-6);
        assert!((a.similarity(&c) - 0.5_f32.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn vectors_of_different_sizes_are_not_alike_and_zero_stays_zero() {
        assert!(Embedding::new([1.0]).similarity(&Embedding::new([1.0, 0.0])).abs() < 1e-6);
        assert_eq!(Embedding::new([0.0, 0.0]).as_slice(), [0.0, 0.0]);
    }

    #[test]
    fn debug_keeps_the_numbers_to_itself() {
        assert_eq!(format!("{:?}", Embedding::new([0.6, 0.8])), "Embedding(2 numbers)");
    }
}
