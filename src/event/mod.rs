//! What happens during a run, and what a run is after all of it.
//!
//! The record of a run **is** the sequence of its events: [`Event`] is what the executor emits,
//! what `events.jsonl` and `--events` hold; [`Record`] is the status folded from them.

mod apply;
mod kind;
mod log;
mod log_path;
mod message;
mod object;
mod record;
mod run_record;
mod task_run_record;
mod task_state;

pub use self::kind::{Event, EventKind, RunEvent, RunKind, TaskRunEvent};
pub use self::log::{LogChunk, LogSource, Stream};
pub use self::log_path::log_path;
pub use self::message::Message;
pub use self::record::{Notice, Record};
pub use self::run_record::RunRecord;
pub use self::task_run_record::TaskRunRecord;
pub use self::task_state::TaskState;
