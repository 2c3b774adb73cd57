//! The live view of a terminal: rows of what runs at the bottom, everything else scrolling above.
//!
//! Messages come in; text and the escape sequences that draw rows go to the writers the sink was
//! given. Nothing here asks the terminal anything: its size comes from a function the sink is given.

mod device;
#[cfg(test)]
mod glass;
mod screen;
mod view;

pub use self::device::Device;
pub use self::screen::TerminalSize;
pub use self::view::{AskSize, Live};
