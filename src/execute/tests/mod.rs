//! Whole runs on the fake engine, in virtual time.

mod cancel;
mod children;
mod dag;
mod finally;
mod harness;
mod images;
mod matrix;
mod params;
mod partial;
mod places;
mod prestart;
mod property;
mod results;
mod retries;
mod sidecars;
mod skip;
mod step_actions;
mod step_results;
mod steps;
mod timeouts;
mod unstartable;
mod workspaces;
