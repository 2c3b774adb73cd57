//! What a run declares, held against the names on the command line.
//!
//! Tekton ignores a param that nobody declares, and so do files here. On the command line such a
//! name is a typing error.

use super::param_flag::ParamFlag;
use super::workspace_flag::WorkspaceFlag;
use crate::cli::error::CliError;
use crate::cli::load::select::Run;
use crate::diagnostic::did_you_mean;
use crate::resolve::{Library, resolve_pipeline, resolve_task};
use crate::spec::{ParamSpec, PipelineSpec, TaskSpec};
use crate::substitution::Scope;

/// What a run can be given.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    /// The params its definition declares.
    pub(crate) params: Vec<ParamSpec>,
    /// Params its file sets without a declaration, which embedded tasks see.
    propagated: Vec<String>,
    workspaces: Vec<String>,
    /// Its definition as JSON: embedded tasks may use a param that nobody declares.
    definition: String,
}

impl Declared {
    /// What a run declares; `None` when its definition is not there, which is reported elsewhere.
    pub(crate) fn of(run: &Run, library: &Library) -> Option<Self> {
        let scope = Scope::new();
        match run {
            Run::Pipeline(run) => {
                let spec = &run.spec;
                let reference = spec.pipeline_ref.as_ref();
                let embedded = spec.pipeline_spec.as_ref();
                let pipeline = resolve_pipeline(reference, embedded, library, &scope).ok()?;
                let given = spec.params.iter().map(|param| param.name.clone());
                Some(Self::of_pipeline(pipeline.spec, given.collect()))
            }
            Run::Task(run) => {
                let task = match &run.spec.task_ref {
                    Some(reference) => resolve_task(reference, library, &scope).ok()?.spec,
                    None => run.spec.task_spec.clone()?,
                };
                let given = run.spec.params.iter().map(|param| param.name.clone());
                Some(Self::of_task(task, given.collect()))
            }
        }
    }

    fn of_pipeline(spec: PipelineSpec, propagated: Vec<String>) -> Self {
        let definition = serde_json::to_string(&spec).unwrap_or_default();
        let workspaces = spec.workspaces.into_iter();
        Self {
            params: spec.params,
            propagated,
            workspaces: workspaces.map(|workspace| workspace.name).collect(),
            definition,
        }
    }

    fn of_task(spec: TaskSpec, propagated: Vec<String>) -> Self {
        let definition = serde_json::to_string(&spec).unwrap_or_default();
        let workspaces = spec.workspaces.into_iter();
        Self {
            params: spec.params,
            propagated,
            workspaces: workspaces.map(|workspace| workspace.name).collect(),
            definition,
        }
    }

    fn takes_param(&self, name: &str) -> bool {
        self.params.iter().any(|spec| spec.name == name)
            || self.propagated.iter().any(|given| given == name)
            || uses_param(&self.definition, name)
    }
}

/// True when a definition in JSON refers to a param, in one of Tekton's three notations.
fn uses_param(definition: &str, name: &str) -> bool {
    let dotted = format!("$(params.{name}");
    let ends = |rest: &str| rest.starts_with([')', '[', '.']);
    definition
        .match_indices(&dotted)
        .any(|(at, found)| ends(&definition[at + found.len()..]))
        || definition.contains(&format!("$(params[\\\"{name}\\\"]"))
        || definition.contains(&format!("$(params['{name}']"))
}

/// Checks the names of `-p` and `-w` against all runs they apply to. A param that none of them
/// declares is an error, or a warning when `allow_unknown_params`. Returns the warnings.
pub(crate) fn check_names(
    params: &[ParamFlag],
    workspaces: &[WorkspaceFlag],
    runs: &[&Run],
    library: &Library,
    allow_unknown_params: bool,
) -> Result<Vec<String>, CliError> {
    let declared: Option<Vec<Declared>> =
        runs.iter().map(|run| Declared::of(run, library)).collect();
    let Some(declared) = declared else {
        return Ok(Vec::new());
    };
    let title = match runs {
        [run] => run.title(),
        _ => "any run of the files".to_owned(),
    };
    let mut unknown: Vec<&str> = Vec::new();
    for flag in params {
        let name = flag.name.as_str();
        if !unknown.contains(&name) && !declared.iter().any(|run| run.takes_param(name)) {
            unknown.push(name);
        }
    }
    let known = declared.iter().flat_map(|run| &run.params);
    let known: Vec<&str> = known.map(|spec| spec.name.as_str()).collect();
    let mut warnings = workspace_warnings(workspaces, &declared, &title);
    if unknown.is_empty() {
        return Ok(warnings);
    }
    if allow_unknown_params {
        let texts = unknown.iter();
        warnings.extend(texts.map(|name| format!("{name:?} is not a param of {title}")));
        return Ok(warnings);
    }
    Err(unknown_params(&unknown, &known, &title))
}

fn unknown_params(unknown: &[&str], params: &[&str], title: &str) -> CliError {
    let quoted = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        names.join(", ")
    };
    let mut error = match unknown {
        [name] => CliError::invalid(format!("{name:?} is not a param of {title}")),
        names => CliError::invalid(format!("{} are not params of {title}", quoted(names))),
    };
    for name in unknown {
        if let Some(near) = did_you_mean(name, params.iter().copied()) {
            error = error.hint(format!("did you mean {near:?} instead of {name:?}?"));
        }
    }
    if error.hints.is_empty() {
        error = error.hint(match params {
            [] => "no params are declared".to_owned(),
            params => format!("the declared params are {}", quoted(params)),
        });
    }
    error.hint("pass `--allow-unknown-params` to run anyway")
}

/// A workspace that is nearly declared is a typing error.
fn workspace_warnings(flags: &[WorkspaceFlag], declared: &[Declared], title: &str) -> Vec<String> {
    let known = declared.iter().flat_map(|run| &run.workspaces);
    let known: Vec<&str> = known.map(String::as_str).collect();
    let names = flags.iter().map(|flag| &flag.binding.name);
    names
        .filter(|name| !known.contains(&name.as_str()))
        .filter_map(|name| {
            let near = did_you_mean(name, known.iter().copied())?;
            Some(format!(
                "{name:?} is not a workspace of {title}; did you mean {near:?}?"
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::check_names;
    use crate::cli::args::param_flag::ParamFlag;
    use crate::cli::args::workspace_flag::WorkspaceFlag;
    use crate::cli::error::CliError;
    use crate::cli::load::select::Run;
    use crate::resolve::Library;

    fn run(params: &Value) -> Run {
        Run::Pipeline(
            serde_json::from_value(json!({
                "metadata": {"name": "r"},
                "spec": {
                    "pipelineSpec": {
                        "params": params,
                        "workspaces": [{"name": "source"}],
                        "tasks": [{"name": "a", "taskSpec": {"steps": [
                            {"image": "i", "script": "$(params.free) $(params['quoted'])"},
                        ]}}],
                    },
                    "params": [{"name": "file", "value": "x"}],
                },
            }))
            .unwrap(),
        )
    }

    fn checked(params: &[&str], runs: &[&Run], allow: bool) -> Result<Vec<String>, CliError> {
        let here = Path::new(".");
        let params = params.iter();
        let params: Vec<ParamFlag> = params
            .map(|param| ParamFlag::parse(param, here).unwrap())
            .collect();
        let workspaces = [WorkspaceFlag::parse("name=sorce,emptyDir=", here).unwrap()];
        check_names(&params, &workspaces, runs, &Library::default(), allow)
    }

    #[test]
    fn a_param_that_nobody_declares_is_an_error_with_a_suggestion() {
        let run = run(&json!([{"name": "fruits"}]));
        let error = checked(&["fruts="], &[&run], false).unwrap_err();
        assert_eq!(error.message, "\"fruts\" is not a param of PipelineRun r");
        assert_eq!(
            error.hints,
            [
                "did you mean \"fruits\" instead of \"fruts\"?",
                "pass `--allow-unknown-params` to run anyway"
            ]
        );
        let error = checked(&["other=", "more="], &[&run], false).unwrap_err();
        assert!(
            error
                .message
                .starts_with("\"other\", \"more\" are not params")
        );
        assert_eq!(error.hints[0], "the declared params are \"fruits\"");
    }

    #[test]
    fn unknown_params_can_be_allowed() {
        let warnings = checked(&["fruts="], &[&run(&json!([]))], true).unwrap();
        assert_eq!(
            warnings,
            [
                "\"sorce\" is not a workspace of PipelineRun r; did you mean \"source\"?",
                "\"fruts\" is not a param of PipelineRun r",
            ]
        );
    }

    #[test]
    fn one_of_several_runs_must_declare_a_param() {
        let (one, other) = (run(&json!([{"name": "x"}])), run(&json!([])));
        assert!(checked(&["x="], &[&one, &other], false).is_ok());
        let error = checked(&["y="], &[&one, &other], false).unwrap_err();
        assert_eq!(
            error.message,
            "\"y\" is not a param of any run of the files"
        );
    }

    #[test]
    fn a_param_that_an_embedded_task_uses_needs_no_declaration() {
        let run = run(&json!([]));
        for name in ["free=", "quoted=", "file="] {
            assert!(checked(&[name], &[&run], false).is_ok(), "{name}");
        }
        assert!(checked(&["fre="], &[&run], false).is_err());
    }
}
