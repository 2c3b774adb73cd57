//! The texts of a task of a pipeline that may refer to something, each with its field.

use crate::diagnostic::FieldPath;
use crate::spec::param::{Param, ParamValue};
use crate::spec::pipeline::PipelineTask;
use crate::spec::when::WhenExpression;

/// The texts of the params, the matrix, the `when` expressions and the sub-paths of a task; `at` is
/// the place of the task.
pub(super) fn texts<'t>(task: &'t PipelineTask, at: &FieldPath) -> Vec<(FieldPath, &'t str)> {
    let mut found = Vec::new();
    of_params(&task.params, &at.key("params"), &mut found);
    if let Some(matrix) = &task.matrix {
        let at = at.key("matrix");
        of_params(&matrix.params, &at.key("params"), &mut found);
        for (index, include) in matrix.include.iter().enumerate() {
            let at = at.key("include").index(index).key("params");
            of_params(&include.params, &at, &mut found);
        }
    }
    for (index, when) in task.when.iter().enumerate() {
        let at = at.key("when").index(index);
        found.extend(WhenExpression::texts(when).map(|text| (at.clone(), text)));
    }
    for (index, workspace) in task.workspaces.iter().enumerate() {
        let at = at.key("workspaces").index(index).key("subPath");
        found.push((at, workspace.sub_path.as_str()));
    }
    found
}

fn of_params<'t>(params: &'t [Param], at: &FieldPath, found: &mut Vec<(FieldPath, &'t str)>) {
    for (index, param) in params.iter().enumerate() {
        let at = at.index(index).key("value");
        let texts = ParamValue::texts(&param.value).into_iter();
        found.extend(texts.map(|text| (at.clone(), text)));
    }
}
