//! The one place that catches a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::outcome::FailOpen;

/// Runs what is not this layer's own: a protocol, a classifier, a store, a policy. A panic in it is a reason to leave
/// the reply alone, and no more: the panic hook has told of it already.
///
/// The caller keeps nothing that the code behind `run` may have left half done.
///
/// # Errors
///
/// [`FailOpen::Panic`].
pub(super) fn guard<T>(run: impl FnOnce() -> T) -> Result<T, FailOpen> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|_| FailOpen::Panic)
}
