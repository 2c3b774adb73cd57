//! The values of Secrets, kept out of everything a run writes.
//!
//! Masking sits where messages leave the executor, before the recorder, the terminal and the
//! stream of events: [`Mask::message`]. What is not masked: values shorter than [`SHORTEST`] bytes,
//! values a step has transformed in another way than those of [`Patterns`](patterns::Patterns),
//! and names, states and digests, by which a record is read.

mod events;
mod masker;
mod patterns;
mod stream;

pub use self::masker::{MASK, Masker, is_masked};
pub use self::patterns::SHORTEST;
pub use self::stream::Mask;
