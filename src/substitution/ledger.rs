//! How much replacing references may make of a text, an object and a run.
//!
//! A few lines can stand for gigabytes: ten params, each made of ten copies of the one before it.
//! The limits are those of the store of a cluster, which holds no object of more than 1.5 MiB
//! (etcd's `--max-request-bytes`).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// How large a text, and an object, may be once its references are replaced, in bytes.
pub const MAX_OBJECT: usize = 3 << 19;
/// How much all objects of a run may come to, in bytes.
pub(super) const MAX_RUN: usize = 1 << 30;
/// How much of a text is shown, in characters.
const SHOWN: usize = 60;

/// References were replaced by more than an object, or all objects of a run, may hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} {} MiB once its references are replaced, and {limit}: {text:?}",
    if *.of_run { "the run is larger than" } else { "this is larger than" },
    if *.of_run { "1024" } else { "1.5" },
    limit = if *.of_run { "a run is not given more here" } else { "a cluster stores no larger object" }
)]
pub struct TooLarge {
    /// The beginning of the text at which the limit was reached.
    pub text: String,
    /// True when it is all objects of the run together.
    pub of_run: bool,
}

/// What was spent on an object.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// What the texts of the object came to; not counted where no object is made.
    object: Option<AtomicUsize>,
    /// What all objects of the run came to.
    run: Arc<AtomicUsize>,
    exceeded: OnceLock<TooLarge>,
}

impl Ledger {
    /// The account of another object of the same run.
    pub(super) fn of_object(&self) -> Self {
        Self {
            object: Some(AtomicUsize::new(0)),
            run: Arc::clone(&self.run),
            exceeded: OnceLock::new(),
        }
    }

    /// Spends `bytes` on what `text` became. False when there is not that much left.
    pub(super) fn spend(&self, bytes: usize, text: &str) -> bool {
        if self.exceeded.get().is_some() {
            return false;
        }
        let of_run = match &self.object {
            _ if bytes > MAX_OBJECT => Some(false),
            None => None,
            Some(object) if add(object, bytes) > MAX_OBJECT => Some(false),
            Some(_) => (add(&self.run, bytes) > MAX_RUN).then_some(true),
        };
        if let Some(of_run) = of_run {
            let text = text.chars().take(SHOWN).collect();
            drop(self.exceeded.set(TooLarge { text, of_run }));
        }
        of_run.is_none()
    }

    pub(super) fn exceeded(&self) -> Option<&TooLarge> {
        self.exceeded.get()
    }
}

fn add(counter: &AtomicUsize, bytes: usize) -> usize {
    let before = counter.fetch_add(bytes, Ordering::Relaxed);
    before.saturating_add(bytes)
}

#[cfg(test)]
mod tests {
    use super::{Ledger, MAX_OBJECT, MAX_RUN};

    #[test]
    fn a_text_an_object_and_a_run_have_a_limit() {
        let ledger = Ledger::default();
        assert!(ledger.spend(MAX_OBJECT, "fits"));
        assert!(ledger.spend(MAX_OBJECT, "fits too: no object is made of it"));
        let object = ledger.of_object();
        assert!(object.spend(MAX_OBJECT, "fits"));
        assert!(!object.spend(1, "one more"));
        assert_eq!(object.exceeded().unwrap().text, "one more");
        assert!(!ledger.spend(MAX_OBJECT + 1, "too large"));
        assert!(!ledger.spend(1, "it stays exceeded"));

        let ledger = Ledger::default();
        let fits = (0..MAX_RUN / MAX_OBJECT + 2)
            .take_while(|_| ledger.of_object().spend(MAX_OBJECT, "x"))
            .count();
        assert_eq!(fits, MAX_RUN / MAX_OBJECT);
    }
}
