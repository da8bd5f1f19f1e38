//! The bound on what all exchanges together hold.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// How many bytes may be held in all, and how many are.
#[derive(Debug)]
pub(super) struct Quota {
    limit: usize,
    held: AtomicUsize,
}

/// What one holder has of a [`Quota`]; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    quota: Arc<Quota>,
    held: usize,
}

impl Quota {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, held: AtomicUsize::new(0) })
    }

    /// A share of nothing yet.
    pub(super) fn share(self: &Arc<Self>) -> Share {
        Share { quota: Arc::clone(self), held: 0 }
    }
}

impl Share {
    /// Takes this many bytes more. They are counted even where they go over the limit, since they are there.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        self.held += bytes;
        self.quota.held.fetch_add(bytes, Relaxed).saturating_add(bytes) <= self.quota.limit
    }

    /// Has this many bytes from now on. To have none is always possible.
    pub(super) fn set(&mut self, bytes: usize) -> bool {
        self.quota.held.fetch_sub(self.held, Relaxed);
        self.held = 0;
        self.grow(bytes) || bytes == 0
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.quota.held.fetch_sub(self.held, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_let_go_of_is_there_for_others() {
        let quota = Quota::new(10);
        let (mut one, mut other) = (quota.share(), quota.share());
        assert!(one.grow(6) && other.grow(4) && !other.grow(1));
        drop(other);
        assert!(one.grow(4) && !one.grow(1));
        assert!(one.set(10) && one.grow(0));
        assert!(!one.set(11) && one.set(0));
    }
}
