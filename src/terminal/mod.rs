//! What may reach a terminal.
//!
//! A terminal obeys what it is sent. Output of steps and text of documents come from strangers, so
//! everything that goes to a terminal passes one [`Filter`], which knows the grammar of control
//! sequences (ECMA-48, and what xterm adds) and lets text, line ends, tabs and colours pass. Text
//! that becomes part of a line of ours is made visible by [`clean`] before.

mod color;
mod filter;
mod text;

pub use self::filter::{Filter, last_version, plain};
pub use self::text::{clean, is_hostile};
