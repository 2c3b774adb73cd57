//! Flags that several commands share, and what their values mean.

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
