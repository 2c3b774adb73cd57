//! One step: decided, released, watched, and put into Tekton's words (`cmd/entrypoint`).

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::attempt::{Attempt, StepEnd};
use super::breakpoints;
use super::program::Program;
use super::results;
use crate::event::{LogSource, TaskRunEvent};
use crate::execute::pod::builder::PodContainer;
use crate::execute::pod::env::{EnvSources, environment};
use crate::execute::pod::failure::{config_fault, pod_fault};
use crate::language::when::holds;
use crate::sandbox::{
    Container, Control, Engine, FileOp, Launch, Outcome, Output, Pauses, Sandbox, SandboxError,
    VolumePath,
};
use crate::spec::task::Step;
use crate::status::Running;
use crate::substitution::{ResultRef, references};

/// The shell a script without interpreter is run by.
const PREAMBLE: &str = "#!/bin/sh\nset -e\n";

/// How often the container of a step is started when it is lost before its program starts.
const STARTS: usize = 3;

impl<E: Engine> Attempt<E> {
    /// Runs a step, unless a `when` expression is false.
    pub(crate) async fn step(&mut self, index: usize) -> Result<StepEnd, SandboxError> {
        let laid = self.layout.steps[index].clone();
        let mut state = self.state(index);
        let step = match self.bound.step(index, &self.known) {
            Ok(step) => step,
            Err(error) => return Ok(self.never_ran(index, state, error.into())),
        };
        if !matches!(step.on_error.as_str(), "" | "continue" | "stopAndFail") {
            let text = format!(
                "translating TaskSpec to Pod: task step onError must be either \"continue\" or \"stopAndFail\" but it is set to an invalid value \"{}\"",
                step.on_error
            );
            let condition = pod_fault(&self.request, &text);
            return Ok(self.never_ran(index, state, condition));
        }
        if let Some(text) = self.credential_fault.clone() {
            return Ok(self.failed_early(index, state, 2, &text).await);
        }
        match holds(&step.when) {
            Ok(true) => {}
            Ok(false) => return self.skipped_by_when(index, state).await,
            Err(error) => return Ok(self.failed_early(index, state, 1, &error.to_string()).await),
        }
        let launch = match self.launch(index, &step, &laid) {
            Ok(launch) => launch,
            Err(text) => return Ok(self.failed_early(index, state, 1, &text).await),
        };
        self.write_script(index, &step).await?;
        let started = tokio::select! {
            started = self.context.prestart.take(&laid.spec) => started,
            halt = self.halted() => return Ok(self.stopped_before(index, state, halt)),
        };
        let container = match started {
            Ok(container) => container,
            Err(SandboxError::Container(text)) => {
                let condition = config_fault(&self.request, "step", &state.name, &text);
                return Ok(self.never_ran(index, state, condition));
            }
            Err(error) => return Err(error),
        };
        self.prestart_next(index);
        state.running = Some(Running {
            started_at: jiff::Timestamp::now(),
        });
        self.emit(TaskRunEvent::StepStarted {
            index,
            step: state.clone(),
        });
        match self.released(container, &launch, &laid, &state.name).await {
            Ok((outcome, container)) => Ok(self
                .conclude(index, state, &step, outcome, &container)
                .await),
            Err(SandboxError::Container(text)) => {
                let condition = config_fault(&self.request, "step", &state.name, &text);
                Ok(self.never_ran(index, state, condition))
            }
            Err(error) => Err(error),
        }
    }

    /// Releases the container and watches it. One that was lost while it waited is started again.
    async fn released(
        &mut self,
        mut container: <E::Sandbox as Sandbox>::Container,
        launch: &Launch,
        laid: &PodContainer<Step>,
        step: &str,
    ) -> Result<(Outcome, Named), SandboxError> {
        let mut starts = 1;
        loop {
            let named = Named {
                step: step.to_owned(),
                uri: container.uri(),
                advice: [true, false].map(|before| breakpoints::advice(&container, before)),
            };
            match self.watch(container, launch.clone(), &named).await {
                Err(SandboxError::LostWaiting) if starts < STARTS => {
                    starts += 1;
                    container = self.context.sandbox.start(laid.spec.clone()).await?;
                }
                outcome => return outcome.map(|outcome| (outcome, named)),
            }
        }
    }

    /// Releases the container, passes its output on and ends it when the TaskRun is to stop.
    async fn watch(
        &mut self,
        container: <E::Sandbox as Sandbox>::Container,
        launch: Launch,
        named: &Named,
    ) -> Result<Outcome, SandboxError> {
        let (sender, mut output) = mpsc::channel::<Output>(16);
        let emitter = self.context.emitter.clone();
        let source = self.log_source(&named.step, false);
        let mut control = container.control();
        let mut waits_before = launch.pauses.before;
        let mut run = std::pin::pin!(container.run(launch, sender));
        let mut told = false;
        let outcome = loop {
            tokio::select! {
                biased;
                Some(piece) = output.recv() => emitter.log(&source, piece).await,
                outcome = &mut run => break outcome?,
                () = control.paused() => {
                    self.say_paused(named, std::mem::take(&mut waits_before));
                }
                _ = self.halted(), if !told => {
                    told = true;
                    control.kill(self.context.options.grace);
                }
            }
        };
        while let Some(piece) = output.recv().await {
            emitter.log(&source, piece).await;
        }
        Ok(outcome)
    }

    fn say_paused(&self, named: &Named, before: bool) {
        let [advice_before, advice_after] = &named.advice;
        let advice = if before { advice_before } else { advice_after };
        self.emit(TaskRunEvent::StepPaused {
            step: named.step.clone(),
            message: advice.clone(),
        });
    }

    /// A container of this attempt, as its output names it.
    pub(crate) fn log_source(&self, container: &str, sidecar: bool) -> Arc<LogSource> {
        Arc::new(LogSource {
            run: self.run.clone(),
            task: self.request.pipeline_task.clone(),
            task_run: self.request.identity.name.clone(),
            container: container.to_owned(),
            sidecar,
        })
    }

    /// What a step is released with. The error is the text it fails with instead.
    fn launch(
        &self,
        index: usize,
        step: &Step,
        laid: &PodContainer<Step>,
    ) -> Result<Launch, String> {
        self.check_step_results(step)?;
        let mut vars = step.env.clone();
        vars.extend(self.request.overrides.pod_template.env.clone());
        let env = environment(&EnvSources {
            env_from: &step.env_from,
            env: &vars,
            library: &self.context.options.library,
            pod: &self.layout.pod,
            resources: &laid.source.compute_resources,
        })?;
        let program = Program {
            script: (!step.script.is_empty()).then(|| self.script_path(index)),
            command: &step.command,
            args: &step.args,
            image: &laid.image,
            // Without an entrypoint Tekton takes CMD for the command.
            keeps_cmd: laid.image.entrypoint.is_empty(),
        };
        let argv = program.argv(&env);
        let working_dir = match step.working_dir.as_str() {
            "" => laid.image.working_dir.clone(),
            path if path.starts_with('/') => path.to_owned(),
            path => format!("/workspace/{path}"),
        };
        Ok(Launch {
            argv,
            env,
            working_dir,
            timeout: step.timeout.and_then(crate::spec::GoDuration::limit),
            stdout_path: step
                .stdout_config
                .as_ref()
                .map(|config| config.path.clone()),
            stderr_path: step
                .stderr_config
                .as_ref()
                .map(|config| config.path.clone()),
            run_dir: Some(format!("/tekton/run/{index}")),
            on_error_continue: step.on_error == "continue",
            files: results::wanted(&self.bound.task.spec, step, &laid.container),
            credentials: self.credentials.clone(),
            hermetic: self.is_hermetic(),
            pauses: Pauses {
                before: breakpoints::before(&self.request, &step.name),
                on_failure: breakpoints::on_failure(&self.request),
            },
        })
    }

    fn is_hermetic(&self) -> bool {
        let annotations = &self.request.identity.annotations;
        annotations
            .get("experimental.tekton.dev/execution-mode")
            .is_some_and(|mode| mode == "hermetic")
    }

    /// A result of an earlier step that does not exist fails the step that needs it; Tekton would
    /// run it with the reference as text.
    fn check_step_results(&self, step: &Step) -> Result<(), String> {
        let texts = step
            .args
            .iter()
            .chain(&step.command)
            .chain(step.env.iter().map(|var| &var.value));
        for reference in texts.flat_map(|text| references(text)) {
            let Some((name, rest)) = reference
                .strip_prefix("steps.")
                .and_then(|rest| rest.split_once('.'))
            else {
                continue;
            };
            let known_step = self
                .bound
                .task
                .spec
                .steps
                .iter()
                .any(|other| other.name == name);
            let as_task = format!("tasks.{name}.{rest}");
            let parsed = ResultRef::parse(&as_task);
            if let Some(parsed) = parsed.filter(|_| known_step && !self.known.knows(reference)) {
                return Err(format!(
                    "$({reference}): step \"{name}\" has no such result \"{}\", or it was not written",
                    parsed.result
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn script_path(&self, index: usize) -> String {
        format!("/tekton/scripts/script-{index}-{}", self.suffix)
    }

    async fn write_script(&self, index: usize, step: &Step) -> Result<(), SandboxError> {
        if step.script.is_empty() {
            return Ok(());
        }
        let name = self.script_path(index);
        let path = self.layout.dir.join(name.trim_start_matches("/tekton/"));
        self.context
            .sandbox
            .files(vec![script_file(path, &step.script)])
            .await
    }
}

/// The container of a step, as people are told of it.
pub(crate) struct Named {
    step: String,
    /// Its id in the step's status.
    pub(crate) uri: String,
    /// What to do at a breakpoint before the program, and after it.
    advice: [String; 2],
}

/// A script as a file: with the shell's line in front when it names no interpreter. Blank lines
/// before the interpreter are dropped: a kernel would refuse the file with them.
pub(crate) fn script_file(path: String, script: &str) -> FileOp {
    let trimmed = script.trim_start();
    let content = if trimmed.starts_with("#!") {
        trimmed.to_owned()
    } else {
        format!("{PREAMBLE}{script}")
    };
    FileOp::File {
        path: VolumePath::Run(path),
        mode: 0o755,
        owner: None,
        content: Bytes::from(content),
    }
}
