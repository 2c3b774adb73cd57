//! Events and output in the one order in which they happened.

use super::kind::Event;
use super::log::LogChunk;

/// What the executor hands to its sinks.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// A fact.
    Event(Box<Event>),
    /// Output.
    Log(LogChunk),
}
