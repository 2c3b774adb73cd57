//! What can be seen of tkn-local from outside, and what can be seen by reading its sources.

mod actions;
mod breakpoints;
mod cases;
mod checklist;
mod compatibility;
mod completions;
mod cycles;
mod design;
mod examples;
mod faults;
mod fields;
mod forbidden;
mod harness;
mod layering;
mod readme;
mod refusals;
mod resume;
mod resume_bench;
mod resume_engine;
mod resume_faults;
mod resume_histories;
mod resume_parts;
mod runs;
mod sources;
mod terminal;
mod tokens;
