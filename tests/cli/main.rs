//! What can be seen of tkn-local from outside, and what can be seen by reading its sources.

mod completions;
mod examples;
mod forbidden;
mod harness;
mod layering;
mod readme;
mod sources;
mod tokens;
