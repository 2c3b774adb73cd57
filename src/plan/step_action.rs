//! The StepAction of a step.

use crate::resolve::{DefaultError, ParamError, task_params};
use crate::spec::param::Param;
use crate::spec::task::{Step, StepActionSpec};
use crate::substitution::Scope;

/// What is wrong with the params a step gives to its StepAction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ActionParamError {
    /// Some that the StepAction does not declare.
    #[error("extra params passed by Step to StepAction: [{}]", .0.join(" "))]
    Extra(Vec<String>),
    /// The values do not fit the declarations.
    #[error("{}", worded(.0))]
    Invalid(ParamError),
}

/// As a StepAction says it (`pkg/reconciler/taskrun/resources/taskspec.go`).
fn worded(error: &ParamError) -> String {
    match error {
        ParamError::Missing(names) => {
            format!("non-existent params in Step: [{}]", names.join(" "))
        }
        ParamError::Type(names) => format!(
            "invalid parameter substitution: {}. Please check the types of the default value and the passed value",
            names.join(", ")
        ),
        ParamError::Default(DefaultError::Circular(name)) => {
            format!("circular dependency detected in parameter references: param \"params.{name}\"")
        }
        ParamError::Default(error) => error.to_string(),
        ParamError::Enum(..) | ParamError::Keys(_) | ParamError::TooLarge(..) => error.of_task(),
    }
}

/// A step with what its StepAction says.
pub(super) fn from_action(action: &StepActionSpec) -> Step {
    Step {
        image: action.image.clone(),
        command: action.command.clone(),
        args: action.args.clone(),
        env: action.env.clone(),
        script: action.script.clone(),
        working_dir: action.working_dir.clone(),
        results: action.results.clone(),
        security_context: action.security_context.clone(),
        volume_mounts: action.volume_mounts.clone(),
        ..Step::default()
    }
}

/// A step that takes from its StepAction what that says.
pub(super) fn with_action(step: Step, resolved: Step) -> Step {
    Step {
        image: resolved.image,
        working_dir: resolved.working_dir,
        security_context: resolved.security_context,
        command: if resolved.command.is_empty() {
            step.command
        } else {
            resolved.command
        },
        args: if resolved.args.is_empty() {
            step.args
        } else {
            resolved.args
        },
        script: if resolved.script.is_empty() {
            step.script
        } else {
            resolved.script
        },
        env: if resolved.env.is_empty() {
            step.env
        } else {
            resolved.env
        },
        volume_mounts: if resolved.volume_mounts.is_empty() {
            step.volume_mounts
        } else {
            resolved.volume_mounts
        },
        results: if resolved.results.is_empty() {
            step.results
        } else {
            resolved.results
        },
        step_ref: None,
        params: Vec::new(),
        ..step
    }
}

/// What a StepAction sees: its own params, and everything of the Task but the Task's params
/// (`pkg/reconciler/taskrun/resources/taskspec.go`).
pub(super) fn action_scope(
    action: &StepActionSpec,
    given: Vec<Param>,
    scope: &Scope,
) -> Result<Scope, ActionParamError> {
    let names = given.iter().map(|param| &param.name);
    let extra: Vec<String> = names
        .filter(|name| !action.params.iter().any(|spec| spec.name == **name))
        .cloned()
        .collect();
    if !extra.is_empty() {
        return Err(ActionParamError::Extra(extra));
    }
    let late = |param: &Param| {
        let default = action
            .params
            .iter()
            .find(|spec| spec.name == param.name)
            .and_then(|spec| spec.default.as_ref());
        let text = param.value.as_str().is_some_and(|text| text.contains("$("));
        text && default.is_some_and(|default| default.kind() != param.value.kind())
    };
    let given: Vec<Param> = given.into_iter().filter(|param| !late(param)).collect();
    let mut inner = scope.without_params();
    let values = task_params(&action.params, &given, &inner).map_err(ActionParamError::Invalid)?;
    for (name, value) in &values {
        inner.set_param(name, value);
    }
    Ok(inner)
}
