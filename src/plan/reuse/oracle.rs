//! The table of decisions, held against an oracle over generated pipelines and histories.
//!
//! The oracle knows tasks by number and reads the table from the top for each of them; what lies
//! before and behind a task it finds with Warshall's algorithm on a matrix of edges.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    Decision, Disable, EarlierRun, PartialError, Reuse, Selection, SourceState, SourceTask,
    Success, decide,
};
use crate::plan::{Identity, Plan, RunRequest, TaskInputs, plan};
use crate::resolve::Library;
use crate::spec::{Param, ParamValue};

const MOST: usize = 7;

/// A generated pipeline, the last task a finally task.
#[derive(Debug, Clone)]
struct Case {
    /// Edges from an earlier to a later task: none, `runAfter`, or a result.
    edges: [[u8; MOST]; MOST],
    matrix: [bool; MOST],
    /// What the source run says of each task: nothing, or how it ended.
    history: [u8; MOST],
    resumes: bool,
    disabled: [bool; MOST],
    dependents: bool,
    enabled: [bool; MOST],
    given: [bool; MOST],
    only: [bool; MOST],
    until: [bool; MOST],
    from: [bool; MOST],
    always: bool,
}

fn name(task: usize) -> String {
    format!("t{task}")
}

fn cases() -> impl Strategy<Value = Case> {
    let rarely = || prop::array::uniform7(prop::bool::weighted(0.15));
    let names = (
        rarely(),
        any::<bool>(),
        rarely(),
        prop::array::uniform7(prop::bool::weighted(0.6)),
    );
    // Most requests choose no range.
    let ranges = (0..8_u8, rarely(), rarely(), rarely());
    let shape = (
        prop::array::uniform7(prop::array::uniform7(0..5_u8)),
        rarely(),
        prop::array::uniform7(0..9_u8),
        prop::bool::weighted(0.8),
    );
    (shape, names, ranges, any::<bool>()).prop_map(|(shape, names, ranges, always)| {
        let (edges, matrix, history, resumes) = shape;
        let (disabled, dependents, enabled, given) = names;
        let (which, only, until, from) = ranges;
        let range = |bit: u8, of: [bool; MOST]| of.map(|chosen| chosen && which == bit);
        Case {
            edges,
            matrix,
            history,
            resumes,
            disabled,
            dependents,
            enabled: enabled.map(|enabled| enabled && resumes),
            given,
            only: range(1, only),
            until: range(2, until),
            from: range(3, from),
            always,
        }
    })
}

impl Case {
    const FINALLY: usize = MOST - 1;

    fn waits(&self, task: usize, on: usize) -> bool {
        on < task && task != Self::FINALLY && on != Self::FINALLY && self.edges[on][task] >= 3
    }

    fn needs_result(&self, task: usize, of: usize) -> bool {
        self.waits(task, of) && self.edges[of][task] == 4
    }

    fn plan(&self) -> Plan {
        let task = |task: usize| {
            let before = 0..task;
            let after: Vec<String> = before
                .clone()
                .filter(|on| self.waits(task, *on) && !self.needs_result(task, *on))
                .map(name)
                .collect();
            let params: Vec<Value> = before
                .filter(|on| self.needs_result(task, *on))
                .map(|on| {
                    let all = if self.matrix[on] { "[*]" } else { "" };
                    let value = format!("$(tasks.t{on}.results.r{all})");
                    let value = if self.matrix[on] {
                        json!([value])
                    } else {
                        json!(value)
                    };
                    json!({"name": format!("p{on}"), "value": value})
                })
                .collect();
            let mut value = json!({
                "name": name(task),
                "params": params,
                "taskSpec": {"results": [{"name": "r"}], "steps": [{"name": "s", "image": "i"}]},
            });
            if !after.is_empty() {
                value["runAfter"] = json!(after);
            }
            if self.matrix[task] {
                value["matrix"] = json!({"params": [{"name": "m", "value": ["a", "b"]}]});
            }
            value
        };
        let tasks: Vec<Value> = (0..Self::FINALLY).map(task).collect();
        let spec = json!({"pipelineSpec": {"tasks": tasks, "finally": [task(Self::FINALLY)]}});
        let request = RunRequest {
            identity: Identity {
                name: "new".to_owned(),
                ..Identity::default()
            },
            spec: serde_json::from_value(spec).unwrap(),
            ..RunRequest::default()
        };
        plan(&request, &Library::default()).unwrap()
    }

    fn state(&self, task: usize) -> Option<SourceState> {
        match self.history[task] {
            0 => None,
            1 => Some(SourceState::NotRun),
            2 => Some(SourceState::SkippedByWhen),
            3 => Some(SourceState::Failed),
            4 => Some(SourceState::Cancelled),
            5 => Some(SourceState::TimedOut),
            _ => Some(SourceState::Succeeded),
        }
    }

    fn source(&self) -> EarlierRun {
        let tasks = (0..MOST).filter_map(|task| {
            let state = self.state(task)?;
            let combinations = match (self.matrix[task], state) {
                (false, SourceState::Succeeded) => vec![None],
                (true, SourceState::Succeeded) => vec![Some("a"), Some("b")],
                (true, SourceState::Failed) => vec![Some("b")],
                _ => Vec::new(),
            };
            let successes = combinations.into_iter().map(|combination| Success {
                combination: combination
                    .map(|value| Param {
                        name: "m".to_owned(),
                        value: value.into(),
                    })
                    .into_iter()
                    .collect(),
                executed_by: format!("old/{}", name(task)),
                object: Value::Null,
                results: BTreeMap::from([("r".to_owned(), "old".into())]),
                inputs: TaskInputs::new(),
            });
            let successes = successes.collect();
            Some((name(task), SourceTask { state, successes }))
        });
        EarlierRun {
            run: "old".to_owned(),
            tasks: tasks.collect(),
        }
    }

    fn selection(&self) -> Selection {
        let list = |of: [bool; MOST]| (0..MOST).filter(|task| of[*task]).map(name).collect();
        let given = (0..MOST).filter(|task| self.disabled[*task] && self.given[*task]);
        Selection {
            disable: (0..MOST)
                .filter(|task| self.disabled[*task])
                .map(|task| Disable {
                    name: name(task),
                    dependents: self.dependents,
                })
                .collect(),
            enable: list(self.enabled),
            results: given
                .map(|task| {
                    let value = if self.matrix[task] {
                        ParamValue::Array(vec!["given".to_owned()])
                    } else {
                        "given".into()
                    };
                    (name(task), BTreeMap::from([("r".to_owned(), value)]))
                })
                .collect(),
            only: list(self.only),
            until: list(self.until),
            from: list(self.from),
            reuse: if self.always {
                Reuse::Always
            } else {
                Reuse::Unchanged
            },
            force: true,
        }
    }

    /// Which tasks lie behind which.
    fn behind(&self) -> [[bool; MOST]; MOST] {
        let mut behind = [[false; MOST]; MOST];
        for (on, row) in behind.iter_mut().enumerate() {
            for (task, cell) in row.iter_mut().enumerate() {
                *cell = self.waits(task, on);
            }
        }
        for middle in 0..MOST {
            for on in 0..MOST {
                for task in 0..MOST {
                    behind[on][task] |= behind[on][middle] && behind[middle][task];
                }
            }
        }
        behind
    }

    /// Whether a task is left as it is: others were chosen.
    fn keeps(&self, task: usize) -> bool {
        let behind = self.behind();
        let any = |of: [bool; MOST]| of.contains(&true);
        let chosen = self.only[task]
            || self.until[task]
            || self.from[task]
            || (0..MOST).any(|other| self.until[other] && behind[task][other])
            || (0..MOST).any(|other| self.from[other] && behind[other][task]);
        (any(self.only) || any(self.until) || any(self.from))
            && task != Self::FINALLY
            && !chosen
            && !self.enabled[task]
    }
}

/// What the table says of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Disabled,
    Run,
    Reuse,
}

fn oracle(case: &Case) -> Vec<(Word, &'static str)> {
    let behind = case.behind();
    let of = |task: usize| {
        let with = (0..MOST).any(|other| case.disabled[other] && behind[other][task]);
        let state = if case.resumes { case.state(task) } else { None };
        let left_out = case.keeps(task);
        if case.disabled[task] {
            (Word::Disabled, "disabled")
        } else if case.dependents && with {
            (Word::Disabled, "disabled with")
        } else if left_out && state != Some(SourceState::Succeeded) {
            (Word::Disabled, "not selected")
        } else if !case.resumes {
            (Word::Run, "")
        } else if task == Case::FINALLY {
            (Word::Run, "finally tasks always run again")
        } else if case.enabled[task] {
            (Word::Run, "enabled")
        } else {
            match state {
                Some(SourceState::Masked) => (
                    Word::Run,
                    "a result in old held a value of a Secret, which is not recorded",
                ),
                Some(SourceState::Succeeded) => (Word::Reuse, "succeeded in old"),
                Some(SourceState::Failed) => (Word::Run, "failed in old"),
                Some(SourceState::Cancelled) => (Word::Run, "cancelled in old"),
                Some(SourceState::TimedOut) => (Word::Run, "timed out in old"),
                Some(SourceState::SkippedByWhen) => (Word::Run, "skipped in old"),
                Some(SourceState::NotRun) | None => (Word::Run, "not run in old"),
            }
        }
    };
    (0..MOST).map(of).collect()
}

/// Pairs of a consumer that runs and a disabled task whose result is not given.
fn missing(case: &Case, words: &[(Word, &str)]) -> BTreeSet<(usize, usize)> {
    let mut found = BTreeSet::new();
    for task in 0..Case::FINALLY {
        let settled = match words[task].0 {
            Word::Disabled => true,
            Word::Reuse => case.always || case.keeps(task),
            Word::Run => false,
        };
        for (on, word) in words.iter().enumerate() {
            let from_source = case.resumes && case.state(on) == Some(SourceState::Succeeded);
            let supplied = from_source || (case.disabled[on] && case.given[on]);
            if !settled && case.needs_result(task, on) && word.0 == Word::Disabled && !supplied {
                found.insert((task, on));
            }
        }
    }
    found
}

fn told(errors: impl IntoIterator<Item = PartialError>) -> BTreeSet<String> {
    errors.into_iter().map(|error| error.to_string()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_task_gets_what_the_table_says(case in cases()) {
        let plan = case.plan();
        let source = case.source();
        let source = case.resumes.then_some(&source);
        let decided = decide(&plan, source, &case.selection());
        let both: BTreeSet<usize> = (0..MOST)
            .filter(|task| case.enabled[*task] && case.disabled[*task])
            .collect();
        if !both.is_empty() {
            let expected = both.into_iter().map(|task| PartialError::Both(name(task)));
            prop_assert_eq!(told(decided.unwrap_err().0), told(expected));
            return Ok(());
        }
        let words = oracle(&case);
        let missing = missing(&case, &words);
        if !missing.is_empty() {
            let expected = missing
                .into_iter()
                .map(|(task, on)| PartialError::MissingResult {
                    task: name(on),
                    result: "r".to_owned(),
                    needed_by: name(task),
                });
            prop_assert_eq!(told(decided.unwrap_err().0), told(expected));
            return Ok(());
        }
        let reuse = decided.unwrap();
        for (task, (word, reason)) in words.into_iter().enumerate() {
            let decision = reuse.decision(&name(task)).unwrap();
            let found = match decision.decision {
                Decision::Disabled(_) => Word::Disabled,
                Decision::Run => Word::Run,
                Decision::Reuse => Word::Reuse,
            };
            prop_assert_eq!(found, word, "{}", name(task));
            prop_assert!(decision.reason.starts_with(reason), "{}: {}", name(task), decision.reason);
            // A matrix that failed keeps the combination that succeeded.
            let part = word == Word::Run
                && case.resumes
                && case.matrix[task]
                && task != Case::FINALLY
                && !case.enabled[task]
                && case.state(task) == Some(SourceState::Failed);
            let kept = match word {
                Word::Reuse if case.matrix[task] => 2,
                Word::Reuse => 1,
                _ if part => 1,
                _ => 0,
            };
            prop_assert_eq!(reuse.successes(&name(task)).len(), kept, "{}", name(task));
        }
    }
}
