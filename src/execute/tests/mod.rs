//! Whole runs on the fake engine, in virtual time.

mod dag;
mod harness;
