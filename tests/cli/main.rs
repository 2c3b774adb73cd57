//! What can be seen of tkn-local from outside, and what can be seen by reading its sources.

mod breakpoints;
mod cases;
mod checklist;
mod compatibility;
mod completions;
mod examples;
mod faults;
mod forbidden;
mod harness;
mod layering;
mod readme;
mod resume;
mod resume_histories;
mod runs;
mod sources;
mod tokens;
