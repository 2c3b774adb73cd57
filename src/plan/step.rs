//! One step as it will run: StepAction, template and references put together.

use super::task_run::{BoundTask, step_container};
use crate::resolve::{ParamFault, task_params};
use crate::spec::core::{EnvVar, SecurityContext, VolumeMount};
use crate::spec::param::{Param, ParamValue};
use crate::spec::task::{Sidecar, Step, StepActionSpec, StepTemplate, TaskSpec};
use crate::status::{Condition, Reason};
use crate::substitution::{Scope, fields, references};

impl BoundTask {
    /// The container name of a step.
    pub fn container(&self, index: usize) -> String {
        let step = &self.task.spec.steps[index];
        step_container(&self.scope.text(&step.name), index)
    }

    /// The name a step has in status and messages: that of its container.
    pub fn step_name(&self, index: usize) -> String {
        let container = self.container(index);
        let name = container.strip_prefix("step-").unwrap_or(&container);
        name.to_owned()
    }

    /// A step with all that is known replaced: `known` adds what earlier steps gave. The template
    /// is merged in.
    pub fn step(&self, index: usize, known: &Scope) -> Result<Step, Condition> {
        let scope = self.step_scope(index, known);
        let step = self.resolved_step(index, &scope)?;
        let Some(template) = &self.task.spec.step_template else {
            return Ok(step);
        };
        let mut template = template.clone();
        fields::step_template(&mut template, &mut &scope);
        Ok(merge_template(&template, step))
    }

    /// A sidecar with all that is known replaced.
    pub fn sidecar(&self, index: usize) -> Sidecar {
        let mut sidecar = self.task.spec.sidecars[index].clone();
        let mut scope = self.scope.clone();
        self.own_paths(&sidecar.workspaces, &mut scope);
        fields::sidecar(&mut sidecar, &mut &scope);
        sidecar
    }

    /// The Task as `status.taskSpec` shows it: StepActions in place, references replaced, the
    /// template not merged.
    pub fn substituted(&self) -> Result<TaskSpec, Condition> {
        let mut spec = self.task.spec.clone();
        fields::task_spec(&mut spec, &mut &self.scope);
        for index in 0..spec.steps.len() {
            spec.steps[index] =
                self.resolved_step(index, &self.step_scope(index, &Scope::new()))?;
        }
        Ok(spec)
    }

    fn step_scope(&self, index: usize, known: &Scope) -> Scope {
        let mut scope = self.scope.clone();
        scope.merge(known);
        let step = &self.task.spec.steps[index];
        let container = self.container(index);
        let action = self.task.actions.get(index).and_then(Option::as_ref);
        let results = action.map_or(&step.results, |action| &action.results);
        for result in results {
            let path = format!("/tekton/steps/{container}/results/{}", result.name);
            for key in [
                format!("step.results.{}.path", result.name),
                format!("step.results['{}'].path", result.name),
                format!("step.results[\"{}\"].path", result.name),
            ] {
                scope.set(key, &path);
            }
        }
        scope.set(
            "step.artifacts.path",
            format!("/tekton/steps/{container}/artifacts/provenance.json"),
        );
        self.own_paths(&step.workspaces, &mut scope);
        scope
    }

    /// Where a step or sidecar that lists a workspace has it mounted.
    fn own_paths(&self, usages: &[crate::spec::workspace::WorkspaceUsage], scope: &mut Scope) {
        for usage in usages.iter().filter(|usage| !usage.mount_path.is_empty()) {
            if self
                .workspaces
                .iter()
                .any(|workspace| workspace.declaration.name == usage.name)
            {
                let path = scope.text(&usage.mount_path);
                scope.set(format!("workspaces.{}.path", usage.name), path);
            }
        }
    }

    fn resolved_step(&self, index: usize, scope: &Scope) -> Result<Step, Condition> {
        let mut step = self.task.spec.steps[index].clone();
        let action = self.task.actions.get(index).and_then(Option::as_ref);
        let Some(action) = action else {
            fields::step(&mut step, &mut &*scope);
            return Ok(step);
        };
        let given = scope.params(&step.params);
        let inner = action_scope(action, given, scope).map_err(|message| {
            Condition::failed(
                Reason::TaskRunResolutionFailed,
                format!(
                    "failed to resolve step ref for step \"{}\" (index {index}): {message}",
                    step.name
                ),
            )
        })?;
        fields::step(&mut step, &mut &*scope);
        let mut resolved = from_action(action);
        fields::step(&mut resolved, &mut &inner);
        self.check_paths(index, &resolved.script)?;
        Ok(Step {
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
        })
    }
}

impl BoundTask {
    /// A StepAction may write only results that the Task has: the Task is validated once more when
    /// the action stands in it (`pkg/reconciler/taskrun/taskrun.go`, `createPod`).
    fn check_paths(&self, index: usize, script: &str) -> Result<(), Condition> {
        let left = references(script);
        let Some(path) = left.iter().find(|name| name.starts_with("results.")) else {
            return Ok(());
        };
        Err(Condition::failed(
            Reason::PodCreationFailed,
            format!(
                "failed to create task run pod \"{}\": non-existent variable in \"$({path})\": steps[{index}].script. Maybe invalid TaskSpec",
                self.scope.text("$(context.taskRun.name)")
            ),
        ))
    }
}

fn from_action(action: &StepActionSpec) -> Step {
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

/// What a StepAction sees: its own params, and everything of the Task but the Task's params
/// (`pkg/reconciler/taskrun/resources/taskspec.go`).
fn action_scope(
    action: &StepActionSpec,
    given: Vec<Param>,
    scope: &Scope,
) -> Result<Scope, String> {
    let extra: Vec<&str> = given
        .iter()
        .map(|param| param.name.as_str())
        .filter(|name| !action.params.iter().any(|spec| spec.name == *name))
        .collect();
    if !extra.is_empty() {
        return Err(format!(
            "extra params passed by Step to StepAction: [{}]",
            extra.join(" ")
        ));
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
    let values = task_params(&action.params, &given, &inner).map_err(|fault| match fault {
        ParamFault::Missing(names) => format!("non-existent params in Step: [{}]", names.join(" ")),
        ParamFault::Type(names) => format!(
            "invalid parameter substitution: {}. Please check the types of the default value and the passed value",
            names.join(", ")
        ),
        ParamFault::Default(message) => message
            .strip_prefix("parameter resolution failed: ")
            .map_or(message.clone(), |text| text.replace("detected in param", "detected in parameter references: param")),
        ParamFault::Enum(..) | ParamFault::Keys(_) | ParamFault::TooLarge(..) => fault.of_task(),
    })?;
    for (name, value) in &values {
        inner.set_param(name, value);
    }
    Ok(inner)
}

/// Kubernetes' strategic merge of a template and a step (`pkg/apis/pipeline/v1/merge.go`).
fn merge_template(template: &StepTemplate, step: Step) -> Step {
    let text = |own: String, base: &str| if own.is_empty() { base.to_owned() } else { own };
    let list = |own: Vec<String>, base: &[String]| if own.is_empty() { base.to_vec() } else { own };
    Step {
        image: text(step.image, &template.image),
        working_dir: text(step.working_dir, &template.working_dir),
        image_pull_policy: text(step.image_pull_policy, &template.image_pull_policy),
        command: if step.script.is_empty() {
            list(step.command, &template.command)
        } else {
            step.command
        },
        args: list(step.args, &template.args),
        env: merge_env(&template.env, step.env),
        env_from: if step.env_from.is_empty() {
            template.env_from.clone()
        } else {
            step.env_from
        },
        volume_mounts: merge_mounts(&template.volume_mounts, step.volume_mounts),
        compute_resources: template
            .compute_resources
            .overridden_by(&step.compute_resources),
        security_context: merge_security(template.security_context.as_ref(), step.security_context),
        ..step
    }
}

/// The step's order stays; a variable only the template has goes before the first of the step's
/// that the template has later, else to the end.
fn merge_env(template: &[EnvVar], mut env: Vec<EnvVar>) -> Vec<EnvVar> {
    let own: Vec<String> = env.iter().map(|var| var.name.clone()).collect();
    for (position, var) in template.iter().enumerate() {
        if own.contains(&var.name) {
            continue;
        }
        let later: Vec<&str> = template[position + 1..]
            .iter()
            .map(|var| var.name.as_str())
            .collect();
        let place = env
            .iter()
            .position(|each| own.contains(&each.name) && later.contains(&each.name.as_str()));
        env.insert(place.unwrap_or(env.len()), var.clone());
    }
    env
}

fn merge_mounts(template: &[VolumeMount], mounts: Vec<VolumeMount>) -> Vec<VolumeMount> {
    let mut merged: Vec<VolumeMount> = template.to_vec();
    for mount in mounts {
        match merged
            .iter_mut()
            .find(|other| other.mount_path == mount.mount_path)
        {
            Some(base) => {
                base.name = mount.name;
                base.read_only |= mount.read_only;
                if !mount.sub_path.is_empty() {
                    base.sub_path = mount.sub_path;
                }
                if !mount.sub_path_expr.is_empty() {
                    base.sub_path_expr = mount.sub_path_expr;
                }
            }
            None => merged.push(mount),
        }
    }
    merged
}

fn merge_security(
    base: Option<&SecurityContext>,
    own: Option<SecurityContext>,
) -> Option<SecurityContext> {
    let (Some(base), Some(own)) = (base, own.as_ref()) else {
        return own.or_else(|| base.cloned());
    };
    let mut json = serde_json::to_value(base).unwrap_or_default();
    deep_merge(&mut json, serde_json::to_value(own).unwrap_or_default());
    serde_json::from_value(json).ok()
}

fn deep_merge(base: &mut serde_json::Value, own: serde_json::Value) {
    match (base, own) {
        (serde_json::Value::Object(base), serde_json::Value::Object(own)) => {
            for (key, value) in own {
                deep_merge(base.entry(key).or_insert(serde_json::Value::Null), value);
            }
        }
        (base, own) => *base = own,
    }
}

/// The value of a step's result for later steps: text as it is when declared a string, else by
/// its shape.
pub fn step_result_value(declared: &str, content: &str) -> ParamValue {
    if matches!(declared, "" | "string") {
        ParamValue::from(content)
    } else {
        ParamValue::from_result_text(content)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use crate::plan::model::Identity;
    use crate::plan::task_run::{TaskRunRequest, bind};
    use crate::resolve::{Library, ResolvedTask};
    use crate::spec::Object;
    use crate::spec::param::ParamValue;
    use crate::spec::task::Step;
    use crate::status::Condition;
    use crate::substitution::Scope;

    fn step(
        spec: Value,
        params: Value,
        action: Option<Value>,
        known: &Scope,
    ) -> Result<Step, Condition> {
        let action = action.map(|spec| {
            Object::StepAction(Box::new(
                serde_json::from_value(json!({"metadata": {"name": "act"}, "spec": spec})).unwrap(),
            ))
        });
        let library = Library::new(action.iter());
        let task = ResolvedTask::embedded(
            serde_json::from_value(spec).unwrap(),
            &library,
            &Scope::new(),
        )
        .unwrap();
        let request = TaskRunRequest {
            identity: Identity {
                name: "tr".into(),
                ..Identity::default()
            },
            task: Arc::new(task),
            params: serde_json::from_value(params).unwrap(),
            ..TaskRunRequest::default()
        };
        bind(&request, 0)?.step(0, known)
    }

    fn env_names(step: &Step) -> String {
        step.env
            .iter()
            .map(|var| var.name.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn task_54_template_variables_keep_their_place() {
        let named = |names: &[&str]| -> Value {
            names
                .iter()
                .map(|name| json!({"name": name, "value": "v"}))
                .collect()
        };
        let merged = |own: &[&str]| {
            let spec = json!({"stepTemplate": {"env": named(&["A", "B", "C"])}, "steps": [{"image": "i", "env": named(own)}]});
            env_names(&step(spec, json!([]), None, &Scope::new()).unwrap())
        };
        assert_eq!(merged(&["X", "B", "Y"]), "X A B Y C");
        assert_eq!(merged(&["Z"]), "Z A B C");
    }

    #[test]
    fn task_55_56_57_template_merges_field_by_field() {
        let spec = json!({
            "stepTemplate": {
                "image": "base", "args": ["t"],
                "env": [{"name": "TOKEN", "value": "x"}],
                "volumeMounts": [{"name": "a", "mountPath": "/v", "readOnly": true}],
            },
            "steps": [{
                "args": [],
                "env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
                "volumeMounts": [{"name": "b", "mountPath": "/v"}],
            }],
        });
        let step = step(spec, json!([]), None, &Scope::new()).unwrap();
        assert_eq!(
            (step.image.as_str(), step.args.as_slice()),
            ("base", &["t".to_owned()][..])
        );
        assert!(step.env[0].value.is_empty() && step.env[0].value_from.is_some());
        assert_eq!(step.volume_mounts.len(), 1);
        assert!(step.volume_mounts[0].name == "b" && step.volume_mounts[0].read_only);
    }

    #[test]
    fn task_134_step_action_params_must_match() {
        let spec = |params: Value| json!({"steps": [{"name": "s", "ref": {"name": "act"}, "params": params}]});
        let action = json!({"image": "i", "params": [{"name": "a"}]});
        let message = |params: Value| {
            step(spec(params), json!([]), Some(action.clone()), &Scope::new())
                .unwrap_err()
                .message
        };
        assert!(
            message(json!([{"name": "a", "value": "1"}, {"name": "q", "value": "1"}]))
                .ends_with("extra params passed by Step to StepAction: [q]")
        );
        assert!(message(json!([])).ends_with("non-existent params in Step: [a]"));
    }

    #[test]
    fn task_138_step_results_reach_a_step_action_with_their_shape() {
        let spec = json!({"steps": [{"name": "s", "ref": {"name": "act"}, "params": [
            {"name": "list", "value": "$(steps.inline.results.arr[*])"},
        ]}]});
        let action = json!({
            "image": "i", "args": ["$(params.list[*])", "$(params.list[0])"],
            "params": [{"name": "list", "type": "array", "default": ["d"]}],
        });
        let mut known = Scope::new();
        known.set_value(
            "steps.inline.results.arr",
            &ParamValue::Array(vec!["x".into(), "y".into()]),
        );
        let step = step(spec, json!([]), Some(action), &known).unwrap();
        assert_eq!(step.args, ["x", "y", "x"]);
    }

    #[test]
    fn task_5_script_takes_no_command_of_the_template() {
        let spec =
            json!({"stepTemplate": {"image": "i", "args": ["a"]}, "steps": [{"script": "true"}]});
        let step = step(spec, json!([]), None, &Scope::new()).unwrap();
        assert_eq!((step.command.len(), step.args.len()), (0, 1));
    }

    #[test]
    fn task_146_an_index_out_of_range_is_named() {
        let spec = json!({"params": [{"name": "a", "type": "array"}], "steps": [{"image": "i", "script": "$(params.a[9])"}]});
        let fault = step(
            spec,
            json!([{"name": "a", "value": ["x"]}]),
            None,
            &Scope::new(),
        )
        .unwrap_err();
        assert_eq!(
            fault.message,
            "[User error] non-existent param references:[$(params.a[9])]"
        );
    }
}
