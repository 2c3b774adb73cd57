//! The flags that `run` and `resume` share, and what their values mean.
//!
//! Clap's structs come in ([`how_args`], [`partial_flags`]), one `RunSettings` goes out, with every
//! value parsed and every file that a flag names read. What a run was given on its command line is
//! kept as `Given`, so that a resume can apply it again. Nothing here reads manifests or knows an
//! engine.

pub(super) mod complete;
pub(super) mod data_flag;
pub(super) mod declared;
pub(super) mod given;
pub(super) mod how_args;
pub(super) mod image_map;
pub(super) mod overrides;
pub(super) mod param_flag;
pub(super) mod partial_flags;
pub(super) mod permission_flags;
pub(super) mod run_settings;
pub(super) mod workspace_flag;
