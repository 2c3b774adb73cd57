//! What the command line changes in a run.

use std::path::PathBuf;

use super::declared::Declared;
use super::param_flag::ParamFlag;
use super::workspace_flag::WorkspaceFlag;
use crate::cli::error::CliError;
use crate::cli::load::select::Run;
use crate::diagnostic::{Diagnostic, DocumentId, Severity};
use crate::resolve::Library;
use crate::spec::pipeline::{PipelineRunSpec, TimeoutFields};
use crate::spec::task::TaskRunSpec;
use crate::spec::{GoDuration, Object, Param, WorkspaceBinding};
use crate::validate;

/// `-p`, `-w`, `--serviceaccount` and `--timeout`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Overrides {
    pub(crate) params: Vec<ParamFlag>,
    pub(crate) workspaces: Vec<WorkspaceFlag>,
    pub(crate) service_account: Option<String>,
    pub(crate) timeout: Option<GoDuration>,
}

impl Overrides {
    /// Puts what the command line says in place of what the file says.
    pub(crate) fn apply(&self, run: &mut Run, library: &Library) -> Result<(), CliError> {
        if *self == Self::default() {
            return Ok(());
        }
        let declared = Declared::of(run, library).unwrap_or_default();
        let params = self
            .params
            .iter()
            .map(|flag| flag.typed(&declared.params))
            .collect::<Result<Vec<Param>, _>>()?;
        let title = run.title();
        match run {
            Run::Pipeline(run) => self.apply_to_pipeline_run(&mut run.spec, params),
            Run::Task(run) => self.apply_to_task_run(&mut run.spec, params),
        }
        check(run, &title)
    }

    /// Directories to copy into workspaces before the start.
    pub(crate) fn uploads(&self) -> Vec<(String, PathBuf)> {
        self.workspaces
            .iter()
            .filter_map(|flag| Some((flag.binding.name.clone(), flag.upload.clone()?)))
            .collect()
    }

    fn apply_to_pipeline_run(&self, spec: &mut PipelineRunSpec, params: Vec<Param>) {
        merge_params(&mut spec.params, params);
        self.merge_workspaces(&mut spec.workspaces);
        if let Some(account) = &self.service_account {
            spec.task_run_template
                .service_account_name
                .clone_from(account);
        }
        if let Some(timeout) = self.timeout {
            spec.timeouts
                .get_or_insert_with(TimeoutFields::default)
                .pipeline = Some(timeout);
        }
    }

    fn apply_to_task_run(&self, spec: &mut TaskRunSpec, params: Vec<Param>) {
        merge_params(&mut spec.params, params);
        self.merge_workspaces(&mut spec.workspaces);
        if let Some(account) = &self.service_account {
            spec.service_account_name.clone_from(account);
        }
        spec.timeout = self.timeout.or(spec.timeout);
    }

    fn merge_workspaces(&self, bindings: &mut Vec<WorkspaceBinding>) {
        for flag in &self.workspaces {
            bindings.retain(|binding| binding.name != flag.binding.name);
            bindings.push(flag.binding.clone());
        }
    }
}

/// The last of a name counts, in the place of the first.
fn merge_params(params: &mut Vec<Param>, given: Vec<Param>) {
    for param in given {
        match params.iter_mut().find(|own| own.name == param.name) {
            Some(own) => *own = param,
            None => params.push(param),
        }
    }
}

/// The run as it has become must be one that a cluster would take.
fn check(run: &Run, title: &str) -> Result<(), CliError> {
    let object = match run {
        Run::Pipeline(run) => Object::PipelineRun(run.clone()),
        Run::Task(run) => Object::TaskRun(run.clone()),
    };
    let diagnostics = validate::document(&object, DocumentId(0), "tekton.dev/v1");
    let faults: Vec<Diagnostic> = diagnostics
        .0
        .into_iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .collect();
    if faults.is_empty() {
        return Ok(());
    }
    let message = format!("{title} is invalid with the values from the command line");
    Err(faults
        .into_iter()
        .fold(CliError::invalid(message), |error, fault| {
            error.cause(fault.message)
        }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::{Overrides, ParamFlag, WorkspaceFlag};
    use crate::cli::load::select::Run;
    use crate::resolve::Library;
    use crate::spec::GoDuration;

    fn run() -> Run {
        Run::Pipeline(
            serde_json::from_value(json!({
                "metadata": {"name": "r"},
                "spec": {
                    "pipelineSpec": {
                        "params": [{"name": "files", "type": "array"}, {"name": "greeting"}],
                        "workspaces": [{"name": "source"}],
                        "tasks": [{"name": "a", "taskSpec": {"steps": [{"image": "i"}]}}],
                    },
                    "params": [{"name": "greeting", "value": "file"}],
                    "workspaces": [{"name": "source", "emptyDir": {}}],
                },
            }))
            .unwrap(),
        )
    }

    fn overrides(params: &[&str], workspaces: &[&str]) -> Overrides {
        let here = Path::new(".");
        Overrides {
            params: params
                .iter()
                .map(|param| ParamFlag::parse(param, here).unwrap())
                .collect(),
            workspaces: workspaces
                .iter()
                .map(|workspace| WorkspaceFlag::parse(workspace, here).unwrap())
                .collect(),
            ..Overrides::default()
        }
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let mut run = run();
        let overrides = Overrides {
            service_account: Some("bot".to_owned()),
            timeout: Some(GoDuration::from_secs(90)),
            ..overrides(
                &["greeting=first", "greeting=flag", "files=a,b"],
                &["name=source,claimName=c"],
            )
        };
        overrides.apply(&mut run, &Library::default()).unwrap();
        let Run::Pipeline(run) = run else {
            panic!("it was a PipelineRun");
        };
        let spec = serde_json::to_value(&run.spec).unwrap();
        assert_eq!(
            spec["params"],
            json!([{"name": "greeting", "value": "flag"}, {"name": "files", "value": ["a", "b"]}])
        );
        assert_eq!(
            spec["workspaces"],
            json!([{"name": "source", "persistentVolumeClaim": {"claimName": "c"}}])
        );
        assert_eq!(spec["taskRunTemplate"]["serviceAccountName"], "bot");
        assert_eq!(spec["timeouts"]["pipeline"], "1m30s");
    }

    #[test]
    fn what_a_cluster_would_refuse_is_an_error() {
        let overrides = Overrides {
            timeout: Some(GoDuration::from_secs(-1)),
            ..Overrides::default()
        };
        let error = overrides
            .apply(&mut run(), &Library::default())
            .unwrap_err();
        assert!(error.message.starts_with("PipelineRun r is invalid"));
        assert!(!error.causes.is_empty());
    }
}
