//! Everything a run lacks, at once, and the command line that supplies it.

use std::collections::BTreeSet;

use crate::cli::args::run_settings::RunSettings;
use crate::cli::load::select::{Run, Selected};
use crate::cli::run::next_steps::quoted;
use crate::diagnostic::{Diagnostic, Diagnostics, DocumentId, FieldPath};
use crate::manifest::Catalog;
use crate::resolve::{Library, Reference};
use crate::spec::param::{Param, ParamSpec, ParamType};
use crate::spec::pipeline::{PipelineSpec, PipelineTask};
use crate::spec::task::TaskSpec;
use crate::spec::workspace::WorkspaceBinding;

/// What a run lacks.
#[derive(Debug, Default)]
pub(crate) struct Lacking {
    /// Each thing, at its place, with the flag that supplies it.
    pub(crate) found: Diagnostics,
    /// The arguments that supply all of it.
    arguments: Vec<String>,
}

impl Lacking {
    /// The complete command line, with what it has been given already.
    pub(crate) fn command(&self, files: &[String], settings: &RunSettings) -> Option<String> {
        if self.arguments.is_empty() {
            return None;
        }
        let mut words = vec!["tkn-local".to_owned(), "run".to_owned()];
        words.extend(files.iter().map(|file| quoted(file)));
        for given in &settings.given {
            let flags = [
                ("-p", &given.param),
                ("-w", &given.workspace),
                ("--resolve", &given.resolve),
                ("--image-map", &given.image_map),
            ];
            for (flag, values) in flags {
                for value in values {
                    words.extend([flag.to_owned(), quoted(value)]);
                }
            }
        }
        words.extend(self.arguments.iter().cloned());
        Some(words.join(" "))
    }
}

/// Looks for what a run lacks: params, workspaces, and the documents it refers to.
pub(crate) fn lacking(catalog: &Catalog, selected: &Selected, library: &Library) -> Lacking {
    let namespace = selected.run.metadata().namespace.clone();
    let library = library.in_namespace(&namespace);
    let mut search = Search {
        catalog,
        library: &library,
        namespace,
        seen: BTreeSet::new(),
        lacking: Lacking::default(),
    };
    search.run(selected);
    search.lacking
}

/// Where a part of a document is.
#[derive(Clone)]
struct At {
    document: DocumentId,
    path: FieldPath,
}

impl At {
    fn key(&self, key: &str) -> Self {
        Self {
            document: self.document,
            path: self.path.key(key),
        }
    }

    fn index(&self, index: usize) -> Self {
        Self {
            document: self.document,
            path: self.path.index(index),
        }
    }
}

struct Search<'a> {
    catalog: &'a Catalog,
    library: &'a Library,
    namespace: String,
    /// The documents looked at, and the references missed.
    seen: BTreeSet<String>,
    lacking: Lacking,
}

impl Search<'_> {
    fn miss(&mut self, at: &At, message: String, argument: String, how: &str) {
        if !self.seen.insert(message.clone()) {
            return;
        }
        let diagnostic = Diagnostic::error(message)
            .at(at.document, at.path.clone())
            .hint(format!("{how} {argument}"));
        self.lacking.found.push(diagnostic);
        self.lacking.arguments.push(argument);
    }

    fn run(&mut self, selected: &Selected) {
        let spec = At {
            document: selected.document,
            path: FieldPath::root().key("spec"),
        };
        match &selected.run {
            Run::Pipeline(run) => {
                let given = (&run.spec.params[..], &run.spec.workspaces[..]);
                if let Some(pipeline) = &run.spec.pipeline_spec {
                    let at = spec.key("pipelineSpec");
                    self.pipeline_inputs(&at, pipeline, given);
                    self.tasks(&at, pipeline);
                } else if let Some(reference) = &run.spec.pipeline_ref {
                    let at = spec.key("pipelineRef");
                    let reference = Reference {
                        name: &reference.name,
                        resolver: &reference.resolver,
                        params: &reference.params,
                    };
                    if let Some((at, pipeline)) = self.pipeline(&at, reference) {
                        self.pipeline_inputs(&at, &pipeline, given);
                        self.tasks(&at, &pipeline);
                    }
                }
            }
            Run::Task(run) => {
                let given = (&run.spec.params[..], &run.spec.workspaces[..]);
                if let Some(task) = &run.spec.task_spec {
                    let at = spec.key("taskSpec");
                    self.task_inputs(&at, task, given);
                    self.steps(&at, task);
                } else if let Some(reference) = &run.spec.task_ref {
                    let at = spec.key("taskRef");
                    let reference = Reference {
                        name: &reference.name,
                        resolver: &reference.resolver,
                        params: &reference.params,
                    };
                    if let Some((at, task)) = self.task(&at, reference) {
                        self.task_inputs(&at, &task, given);
                    }
                }
            }
        }
    }

    fn pipeline_inputs(
        &mut self,
        at: &At,
        pipeline: &PipelineSpec,
        (params, workspaces): (&[Param], &[WorkspaceBinding]),
    ) {
        self.params(at, &pipeline.params, params);
        for (index, workspace) in pipeline.workspaces.iter().enumerate() {
            let bound = workspaces.iter().any(|it| it.name == workspace.name);
            if !bound && !workspace.optional {
                self.workspace(&at.key("workspaces").index(index), &workspace.name);
            }
        }
    }

    fn task_inputs(
        &mut self,
        at: &At,
        task: &TaskSpec,
        (params, workspaces): (&[Param], &[WorkspaceBinding]),
    ) {
        self.params(at, &task.params, params);
        for (index, workspace) in task.workspaces.iter().enumerate() {
            let bound = workspaces.iter().any(|it| it.name == workspace.name);
            if !bound && !workspace.optional {
                self.workspace(&at.key("workspaces").index(index), &workspace.name);
            }
        }
    }

    fn params(&mut self, at: &At, specs: &[ParamSpec], given: &[Param]) {
        let given: BTreeSet<&str> = given.iter().map(|param| param.name.as_str()).collect();
        for (index, spec) in specs.iter().enumerate() {
            if spec.default.is_some() || given.contains(spec.name.as_str()) {
                continue;
            }
            let value = match spec.kind() {
                ParamType::String => "VALUE".to_owned(),
                ParamType::Array => "ITEM,ITEM".to_owned(),
                ParamType::Object => {
                    let keys = spec.properties.keys().map(|key| format!("{key}:VALUE"));
                    keys.collect::<Vec<_>>().join(",")
                }
            };
            let argument = format!("-p {}", quoted(&format!("{}={value}", spec.name)));
            let message = format!("param {:?} has no value", spec.name);
            let at = at.key("params").index(index).key("name");
            self.miss(&at, message, argument, "give it with");
        }
    }

    fn workspace(&mut self, at: &At, name: &str) {
        let argument = format!("-w {}", quoted(&format!("name={name},emptyDir=")));
        let message = format!("workspace {name:?} is not bound");
        self.miss(
            &at.key("name"),
            message,
            argument,
            "bind it with -w, such as",
        );
    }

    fn missing(&mut self, at: &At, kind: &str, reference: Reference<'_>) {
        if reference.name.contains("$(") {
            return;
        }
        if matches!(reference.resolver, "" | "cluster") {
            let name = reference.local_name();
            let message = format!("{kind} {name:?} is not in the files");
            let argument = format!("{kind}-{name}.yaml");
            self.miss(
                at,
                message,
                argument,
                "give the file that holds it as well, such as",
            );
        } else {
            let key = reference.key();
            let message = format!("{kind} {key:?} would be fetched by a resolver");
            let argument = format!("--resolve {}", quoted(&format!("{key}=FILE")));
            self.miss(at, message, argument, "give a file for it with");
        }
    }

    /// Where a document is; the reference itself for one that is in none of the files.
    fn home(&self, kind: &'static str, name: &str, from: &At) -> At {
        let document = self.catalog.find(kind, name, &self.namespace);
        document.map_or_else(
            || from.clone(),
            |document| At {
                document: document.id,
                path: FieldPath::root().key("spec"),
            },
        )
    }

    fn pipeline(&mut self, at: &At, reference: Reference<'_>) -> Option<(At, PipelineSpec)> {
        let Ok(pipeline) = self.library.pipeline(reference) else {
            self.missing(at, "Pipeline", reference);
            return None;
        };
        let name = &pipeline.metadata.name;
        let new = self.seen.insert(format!("Pipeline {name}"));
        new.then(|| (self.home("Pipeline", name, at), pipeline.spec.clone()))
    }

    fn task(&mut self, at: &At, reference: Reference<'_>) -> Option<(At, TaskSpec)> {
        let Ok(task) = self.library.task(reference) else {
            self.missing(at, "Task", reference);
            return None;
        };
        let name = &task.metadata.name;
        if !self.seen.insert(format!("Task {name}")) {
            return None;
        }
        let home = self.home("Task", name, at);
        self.steps(&home, &task.spec);
        Some((home, task.spec.clone()))
    }

    fn steps(&mut self, at: &At, task: &TaskSpec) {
        for (index, step) in task.steps.iter().enumerate() {
            let Some(reference) = &step.step_ref else {
                continue;
            };
            let reference = Reference {
                name: &reference.name,
                resolver: &reference.resolver,
                params: &reference.params,
            };
            if self.library.step_action(reference).is_err() {
                let at = at.key("steps").index(index).key("ref");
                self.missing(&at, "StepAction", reference);
            }
        }
    }

    fn tasks(&mut self, at: &At, pipeline: &PipelineSpec) {
        for (side, tasks) in [("tasks", &pipeline.tasks), ("finally", &pipeline.finally)] {
            for (index, task) in tasks.iter().enumerate() {
                self.pipeline_task(&at.key(side).index(index), task);
            }
        }
    }

    fn pipeline_task(&mut self, at: &At, task: &PipelineTask) {
        if let Some(reference) = &task.task_ref {
            let reference = Reference {
                name: &reference.name,
                resolver: &reference.resolver,
                params: &reference.params,
            };
            self.task(&at.key("taskRef"), reference);
        }
        if let Some(spec) = &task.task_spec {
            self.steps(&at.key("taskSpec"), &spec.to_task_spec());
        }
        if let Some(reference) = &task.pipeline_ref {
            let reference = Reference {
                name: &reference.name,
                resolver: &reference.resolver,
                params: &reference.params,
            };
            if let Some((at, child)) = self.pipeline(&at.key("pipelineRef"), reference) {
                self.tasks(&at, &child);
            }
        }
        if let Some(child) = &task.pipeline_spec {
            self.tasks(&at.key("pipelineSpec"), child);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::lacking;
    use crate::cli::load::select::select;
    use crate::manifest::{Catalog, ManifestInput, ReadOptions, load};
    use crate::resolve::Library;

    const FILES: &str = "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: r}
spec:
  pipelineRef: {name: p}
  params: [{name: given, value: x}]
---
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p}
spec:
  params: [{name: given}, {name: url}, {name: list, type: array}, {name: has, default: d}]
  workspaces: [{name: source}, {name: cache, optional: true}]
  tasks:
    - name: a
      taskRef: {name: t}
    - name: b
      taskRef: {name: nope}
    - name: c
      taskRef: {name: nope}
    - name: d
      taskRef: {resolver: hub, params: [{name: name, value: git-clone}]}
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: t}
spec: {steps: [{ref: {name: s}}]}
";

    #[test]
    fn everything_a_run_lacks_is_found_at_once() {
        let input = ManifestInput::Text {
            name: "f.yaml".to_owned(),
            bytes: FILES.into(),
        };
        let (catalog, diagnostics): (Catalog, _) = load(&[input], ReadOptions::default());
        assert!(!diagnostics.has_errors(), "{diagnostics:?}");
        let library = Library::new(catalog.documents().iter().map(|it| &it.object));
        let selected = select(&catalog, None).unwrap().remove(0);
        let lacking = lacking(&catalog, &selected, &library);
        let found: Vec<String> = lacking
            .found
            .0
            .iter()
            .map(|found| {
                let place = catalog
                    .locate(found.document.unwrap(), &found.path)
                    .unwrap();
                format!("{}: {}", place.position.line, found.message)
            })
            .collect();
        assert_eq!(
            found,
            [
                "13: param \"url\" has no value",
                "13: param \"list\" has no value",
                "14: workspace \"source\" is not bound",
                "28: StepAction \"s\" is not in the files",
                "19: Task \"nope\" is not in the files",
                "23: Task \"hub:git-clone\" would be fetched by a resolver",
            ]
        );
        assert_eq!(
            lacking.arguments,
            [
                "-p url=VALUE",
                "-p list=ITEM,ITEM",
                "-w name=source,emptyDir=",
                "StepAction-s.yaml",
                "Task-nope.yaml",
                "--resolve hub:git-clone=FILE",
            ]
        );
    }
}
