//! Whole runs on the fake engine, in virtual time.

mod cancel;
mod dag;
mod finally;
mod harness;
mod matrix;
mod results;
mod retries;
mod skip;
mod timeouts;
