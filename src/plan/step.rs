//! One step as it will run: StepAction, template and references put together.

use super::bind::BoundTask;
use super::container_names::step_container;
use super::error::{Place, PlanError};
use super::problem::Problem;
use super::step_action::{action_scope, from_action, with_action};
use super::step_template::merge_template;
use crate::diagnostic::FieldPath;
use crate::spec::task::{Sidecar, Step, TaskSpec};
use crate::spec::workspace::WorkspaceUsage;
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
    pub fn step(&self, index: usize, known: &Scope) -> Result<Step, PlanError> {
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
    pub fn substituted(&self) -> Result<TaskSpec, PlanError> {
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
    fn own_paths(&self, usages: &[WorkspaceUsage], scope: &mut Scope) {
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

    fn resolved_step(&self, index: usize, scope: &Scope) -> Result<Step, PlanError> {
        let mut step = self.task.spec.steps[index].clone();
        let action = self.task.actions.get(index).and_then(Option::as_ref);
        let Some(action) = action else {
            fields::step(&mut step, &mut &*scope);
            return Ok(step);
        };
        let given = scope.params(&step.params);
        let inner = action_scope(action, given, scope).map_err(|error| {
            let step = step.name.clone();
            let problem = Problem::StepActionParams { step, index, error };
            PlanError::new(problem, self.place_of_step(index, "params"))
        })?;
        fields::step(&mut step, &mut &*scope);
        let mut resolved = from_action(action);
        fields::step(&mut resolved, &mut &inner);
        self.check_paths(index, &resolved.script)?;
        Ok(with_action(step, resolved))
    }
}

impl BoundTask {
    /// A StepAction may write only results that the Task has: the Task is validated once more when
    /// the action stands in it (`pkg/reconciler/taskrun/taskrun.go`, `createPod`).
    fn check_paths(&self, index: usize, script: &str) -> Result<(), PlanError> {
        let left = references(script);
        let Some(path) = left.iter().find(|name| name.starts_with("results.")) else {
            return Ok(());
        };
        let problem = Problem::ResultOfStepAction {
            task_run: self.scope.text("$(context.taskRun.name)"),
            reference: (*path).to_owned(),
            step: index,
        };
        Err(PlanError::new(problem, self.place_of_step(index, "ref")))
    }

    fn place_of_step(&self, index: usize, field: &str) -> Place {
        let steps = FieldPath::root().key("steps");
        let path = steps.index(index).key(field);
        Place::of_task(self.task.name.as_deref(), path)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use crate::plan::{Identity, PlanError, TaskRunRequest, bind};
    use crate::resolve::{Library, ResolvedTask};
    use crate::spec::Object;
    use crate::spec::param::ParamValue;
    use crate::spec::task::Step;
    use crate::substitution::Scope;

    fn step(
        spec: Value,
        params: Value,
        action: Option<Value>,
        known: &Scope,
    ) -> Result<Step, PlanError> {
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
    fn template_variables_keep_their_place() {
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
    fn template_merges_field_by_field() {
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
    fn step_action_params_must_match() {
        let spec = |params: Value| json!({"steps": [{"name": "s", "ref": {"name": "act"}, "params": params}]});
        let action = json!({"image": "i", "params": [{"name": "a"}]});
        let message = |params: Value| {
            step(spec(params), json!([]), Some(action.clone()), &Scope::new())
                .unwrap_err()
                .to_string()
        };
        assert!(
            message(json!([{"name": "a", "value": "1"}, {"name": "q", "value": "1"}]))
                .ends_with("extra params passed by Step to StepAction: [q]")
        );
        assert!(message(json!([])).ends_with("non-existent params in Step: [a]"));
    }

    #[test]
    fn step_results_reach_a_step_action_with_their_shape() {
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
    fn script_takes_no_command_of_the_template() {
        let spec =
            json!({"stepTemplate": {"image": "i", "args": ["a"]}, "steps": [{"script": "true"}]});
        let step = step(spec, json!([]), None, &Scope::new()).unwrap();
        assert_eq!((step.command.len(), step.args.len()), (0, 1));
    }

    #[test]
    fn an_index_out_of_range_is_named() {
        let spec = json!({"params": [{"name": "a", "type": "array"}], "steps": [{"image": "i", "script": "$(params.a[9])"}]});
        let error = step(
            spec,
            json!([{"name": "a", "value": ["x"]}]),
            None,
            &Scope::new(),
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "[User error] non-existent param references:[$(params.a[9])]"
        );
    }
}
