//! The sandbox on the engine of this machine. Needs a running engine and a static busybox.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attacks;
mod contract;
mod files;
mod lifecycle;
mod program;
mod pull;
mod registry;
mod support;
