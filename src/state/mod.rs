//! What a run leaves on disk, and reading it back.
//!
//! One directory per run below `<state dir>/runs`:
//!
//! ```text
//! <run id>/
//!   run.json        the header: format, owner, arguments; written once
//!   manifests/      the input documents, as given
//!   resolved.json   the resolved run
//!   events.jsonl    what happened, appended to; the run's status is the fold of it
//!   logs/           <taskrun>/<step>.log
//!   results/        <taskrun>/<result>, and <run>/<result> of a pipeline
//!   status.yaml     all objects with status, at the end
//!   taken-by        the id of the run that took the volume, if one did
//!   lock            locked by the process that owns the run, as long as it lives
//! ```
//!
//! Invariants: a directory appears complete (it is made under another name and renamed); one
//! process writes to it, once; every event is one write, so that `kill -9` at any instant leaves
//! whole lines, but for the last. Nothing here is readable for others: logs and specs may hold
//! secrets.

mod dirs;
mod error;
mod header;
mod owner;
mod private;
mod reader;
mod recorder;
mod run_dir;
mod source;
mod store;
#[cfg(test)]
mod testing;

pub use self::dirs::default_state_dir;
pub use self::error::StateError;
pub use self::header::{FORMAT, Header, Manifest, NewRun, RecordedFile};
pub use self::owner::OwnerProcess;
pub use self::reader::RunReader;
pub use self::recorder::Recorder;
pub use self::run_dir::RunDir;
pub use self::source::source;
pub use self::store::{Broken, Listing, PruneRule, RunStore};
