//! The sandbox on the engine of this machine. Needs a running engine and a static busybox.

mod files;
mod lifecycle;
mod program;
mod support;
