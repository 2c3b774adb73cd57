//! Chains of resumes of generated pipelines, held against an oracle that knows only what the files
//! said, what was asked for and what `describe` tells of the run before.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::Value;
use tkn_local::cli::ExitStatus;
use tkn_local::sandbox::fake::Call;

use crate::runs::{Folder, Ran};

const TASKS: usize = 5;

/// How tasks hang together: a later task consumes the result of an earlier one, waits for it, or
/// has nothing to do with it.
type Shape = [[u8; TASKS]; TASKS];

/// One command of the history, after an edit.
#[derive(Debug, Clone)]
struct Step {
    /// Tasks whose script becomes another.
    edited: [bool; TASKS],
    /// The result it has from then on; two values, so that an edit may yield the same again.
    yields: [bool; TASKS],
    /// A task that fails.
    fails: usize,
    disabled: [bool; TASKS],
    /// Values are given for the results of what is disabled.
    given: bool,
    dependents: bool,
    enabled: [bool; TASKS],
    always: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let rarely = || prop::array::uniform5(prop::bool::weighted(0.15));
    let step = (
        (rarely(), prop::array::uniform5(any::<bool>()), 0..TASKS + 2),
        (rarely(), prop::bool::weighted(0.7), any::<bool>()),
        (rarely(), prop::bool::weighted(0.2)),
    );
    let step = step.prop_map(
        |((edited, yields, fails), (disabled, given, dependents), last)| Step {
            edited,
            yields,
            fails,
            disabled,
            given,
            dependents,
            enabled: last.0,
            always: last.1,
        },
    );
    prop::collection::vec(step, 2..5)
}

fn name(task: usize) -> String {
    format!("t{task}")
}

const fn consumes(shape: &Shape, task: usize, of: usize) -> bool {
    of < task && shape[of][task] == 3
}

const fn waits(shape: &Shape, task: usize, on: usize) -> bool {
    on < task && shape[on][task] >= 2
}

/// What the files say of the tasks.
#[derive(Debug, Clone, Default)]
struct Files {
    version: [u32; TASKS],
    yields: [bool; TASKS],
    fails: Option<usize>,
}

impl Files {
    fn edit(&mut self, step: &Step) {
        for task in 0..TASKS {
            if step.edited[task] {
                self.version[task] += 1;
                self.yields[task] = step.yields[task];
            }
        }
        self.fails = (step.fails < TASKS).then_some(step.fails);
    }

    fn value(&self, task: usize) -> String {
        format!("v{}", u8::from(self.yields[task]))
    }

    fn script(&self, task: usize) -> String {
        let end = i32::from(self.fails == Some(task));
        format!(
            "echo version {}\\nresult r {}\\nexit {end}",
            self.version[task],
            self.value(task)
        )
    }

    fn text(&self, shape: &Shape) -> String {
        let task = |task: usize| {
            let after: Vec<String> = (0..task)
                .filter(|on| waits(shape, task, *on) && !consumes(shape, task, *on))
                .map(name)
                .collect();
            let consumed: Vec<usize> = (0..task).filter(|of| consumes(shape, task, *of)).collect();
            let list = |form: &dyn Fn(&usize) -> String| {
                consumed.iter().map(form).collect::<Vec<_>>().join(", ")
            };
            format!(
                "      - name: t{task}\n        runAfter: [{}]\n        params: [{}]\n        taskSpec: {{params: [{}], results: [{{name: r}}], steps: [{{name: s, image: busybox, script: \"{}\"}}]}}\n",
                after.join(", "),
                list(&|of| format!("{{name: p{of}, value: $(tasks.t{of}.results.r)}}")),
                list(&|of| format!("{{name: p{of}}}")),
                self.script(task),
            )
        };
        let tasks: String = (0..TASKS).map(task).collect();
        format!(
            "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {{name: run}}\nspec:\n  pipelineSpec:\n    tasks:\n{tasks}"
        )
    }
}

/// What a task was given when it really ran.
type Inputs = (String, BTreeMap<usize, String>);

/// What is known of the tasks of a run that succeeded in it.
type Successes = BTreeMap<usize, (Inputs, String)>;

#[derive(Debug, Clone, PartialEq)]
enum Word {
    Disabled(Option<String>),
    Run,
    Reuse,
}

/// What was said of disabled tasks; it holds for the run that resumes, until it is said anew.
#[derive(Debug, Clone, Default)]
struct Told {
    disabled: [bool; TASKS],
    dependents: bool,
    given: [bool; TASKS],
}

impl Told {
    fn then(&self, step: &Step) -> Self {
        let disables = step.disabled.contains(&true);
        let mut told = Self {
            disabled: step.disabled,
            dependents: step.dependents,
            given: [false; TASKS],
        };
        if !disables {
            told.dependents |= self.dependents;
        }
        for task in 0..TASKS {
            if !disables {
                told.disabled[task] = self.disabled[task] && !step.enabled[task];
            }
            let gives = disables && step.given;
            told.given[task] = told.disabled[task] && (gives || self.given[task]);
        }
        told
    }
}

/// The table of decisions, and what each task that may run would be given. `None` when a value is
/// missing.
fn predicted(
    shape: &Shape,
    files: &Files,
    step: &Step,
    told: &Told,
    source: Option<&Successes>,
) -> Option<Vec<(Word, Inputs)>> {
    let mut words: Vec<(Word, Inputs)> = Vec::new();
    let mut below = [false; TASKS];
    for task in 0..TASKS {
        below[task] = told.dependents
            && (0..task).any(|on| waits(shape, task, on) && (below[on] || told.disabled[on]));
        let known = source.and_then(|source| source.get(&task));
        let disabled = told.disabled[task] || below[task];
        let mut given = BTreeMap::new();
        for of in (0..task).filter(|of| consumes(shape, task, *of)) {
            let value = match &words[of].0 {
                Word::Disabled(value) => value.clone(),
                Word::Run => Some(files.value(of)),
                Word::Reuse => Some(source?.get(&of)?.1.clone()),
            };
            given.insert(of, value);
        }
        let complete = given.values().all(Option::is_some);
        let given = given
            .into_iter()
            .map(|(of, value)| (of, value.unwrap_or_default()))
            .collect();
        let inputs = (files.script(task), given);
        let same = known.is_some_and(|(before, _)| *before == inputs);
        let word = if disabled {
            let preset = told.given[task].then(|| "preset".to_owned());
            Word::Disabled(preset.or_else(|| known.map(|(_, value)| value.clone())))
        } else if source.is_some() && step.enabled[task] {
            Word::Run
        } else if known.is_some() && (same || step.always) {
            Word::Reuse
        } else {
            Word::Run
        };
        let reused_blindly = step.always && word == Word::Reuse;
        if !complete && !disabled && !reused_blindly {
            return None;
        }
        words.push((word, inputs));
    }
    Some(words)
}

fn launched(ran: &Ran) -> BTreeSet<usize> {
    let calls = ran.engine.log().calls().into_iter();
    let names = calls.filter_map(|recorded| match recorded.call {
        Call::Launch(name, _) => Some(name.task_run),
        _ => None,
    });
    names
        .filter_map(|name| name.rsplit_once("-t")?.1.parse().ok())
        .collect()
}

/// The tasks of the newest run that were reused, and those that succeeded in it.
fn told(folder: &Folder) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let described = folder.run(&["describe", "latest", "-o", "json"]);
    let objects: Value = serde_json::from_str(&described.out).expect("it is JSON");
    let items = objects["items"].as_array().expect("a list");
    let number =
        |value: &Value| -> Option<usize> { value.as_str()?.strip_prefix('t')?.parse().ok() };
    let children = items[0]["status"]["childReferences"].as_array();
    let reused: BTreeSet<usize> = children
        .into_iter()
        .flatten()
        .filter(|child| !child["reusedFrom"].is_null())
        .filter_map(|child| number(&child["pipelineTaskName"]))
        .collect();
    let succeeded = items[1..]
        .iter()
        .filter(|run| run["status"]["conditions"][0]["status"] == "True")
        .filter_map(|run| number(&run["metadata"]["labels"]["tekton.dev/pipelineTask"]))
        .chain(reused.iter().copied())
        .collect();
    (reused, succeeded)
}

fn command(step: &Step, resumes: bool, file: &str) -> Vec<String> {
    let list = |of: [bool; TASKS]| {
        let tasks: Vec<String> = (0..TASKS).filter(|task| of[*task]).map(name).collect();
        tasks.join(",")
    };
    let (first, what) = if resumes {
        ("resume", "latest")
    } else {
        ("run", file)
    };
    let mut line = vec![first.to_owned(), what.to_owned()];
    let (disabled, enabled) = (list(step.disabled), list(step.enabled));
    if !disabled.is_empty() {
        line.extend(["--disable".to_owned(), disabled]);
    }
    if resumes && !enabled.is_empty() {
        line.extend(["--enable".to_owned(), enabled]);
    }
    for task in (0..TASKS).filter(|task| step.given && step.disabled[*task]) {
        line.extend(["--result".to_owned(), format!("t{task}.r=preset")]);
    }
    if step.dependents {
        line.push("--disable-dependents".to_owned());
    }
    if resumes && step.always {
        line.extend(["--reuse".to_owned(), "always".to_owned()]);
    }
    line
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_runs_is_what_the_history_demands(
        shape in prop::array::uniform5(prop::array::uniform5(0..4_u8)),
        steps in steps(),
    ) {
        let folder = Folder::new();
        let mut files = Files::default();
        let mut source: Option<Successes> = None;
        let mut told_before = Told::default();
        for mut step in steps {
            for task in 0..TASKS {
                step.enabled[task] &= !step.disabled[task];
            }
            files.edit(&step);
            let file = folder.file("run.yaml", &files.text(&shape));
            let line = command(&step, source.is_some(), &file);
            let line: Vec<&str> = line.iter().map(String::as_str).collect();
            let ran = folder.run(&line);
            let now = told_before.then(&step);
            let Some(words) = predicted(&shape, &files, &step, &now, source.as_ref()) else {
                prop_assert_eq!(ran.status, ExitStatus::Invalid, "{:?}: {}", line, ran.err);
                continue;
            };
            prop_assert!(
                matches!(ran.status, ExitStatus::Success | ExitStatus::RunFailed),
                "{:?}: {}", line, ran.err
            );
            let (reused, succeeded) = told(&folder);
            let launched = launched(&ran);
            let expected = |word: &Word| -> BTreeSet<usize> {
                (0..TASKS).filter(|task| words[*task].0 == *word).collect()
            };
            // A failure keeps others from being started.
            prop_assert!(launched.is_subset(&expected(&Word::Run)), "{:?}: {}", line, ran.err);
            prop_assert!(reused.is_subset(&expected(&Word::Reuse)), "{:?}: {}", line, ran.err);
            if ran.status == ExitStatus::Success {
                prop_assert_eq!(&launched, &expected(&Word::Run), "{:?}: {}", line, ran.err);
                prop_assert_eq!(&reused, &expected(&Word::Reuse), "{:?}: {}", line, ran.err);
            }
            // What a reused task was given is what it was given when it really ran.
            let is_resumed = source.is_some();
            let before = source.take().unwrap_or_default();
            if !is_resumed || !launched.is_empty() || !reused.is_empty() {
                told_before = now;
            }
            if launched.is_empty() && reused.is_empty() && !before.is_empty() {
                source = Some(before);
                continue;
            }
            source = Some(succeeded.into_iter().map(|task| {
                let kept = before.get(&task).filter(|_| reused.contains(&task));
                let ran = || (words[task].1.clone(), files.value(task));
                (task, kept.cloned().unwrap_or_else(ran))
            }).collect());
        }
    }
}
