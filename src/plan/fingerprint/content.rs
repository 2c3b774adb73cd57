//! What a task finds in its workspaces when the run begins, as far as it can be known.

use std::collections::BTreeMap;

use super::change::CONTENT_OF_WORKSPACE;
use super::input::{TaskInput, TaskInputs};
use crate::spec::workspace::WorkspacePipelineTaskBinding;

/// The inputs a task has in the workspaces it binds. `contents` gives what identifies the content
/// of a workspace of the pipeline.
pub fn content_inputs(
    bound: &[WorkspacePipelineTaskBinding],
    contents: &BTreeMap<String, String>,
) -> TaskInputs {
    bound
        .iter()
        .filter_map(|usage| {
            let content = contents.get(usage.source())?;
            let name = format!("{CONTENT_OF_WORKSPACE}{}", usage.source());
            Some((name, TaskInput::of_text(content)))
        })
        .collect()
}
