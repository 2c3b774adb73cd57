//! What holds for every pipeline.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use proptest::prelude::*;

use super::harness::{Ran, pipeline};
use crate::sandbox::fake::{Call, FakeEngine};

/// A task of a generated pipeline.
#[derive(Debug, Clone)]
struct Generated {
    /// Among the tasks before it.
    parents: BTreeSet<usize>,
    seconds: u8,
    /// Attempts that fail before one succeeds.
    failures: usize,
    retries: usize,
    forgiven: bool,
    guarded: bool,
}

impl Generated {
    fn fails(&self) -> bool {
        self.failures > self.retries
    }

    /// What stops the run.
    fn stops(&self) -> bool {
        self.fails() && !self.forgiven
    }
}

fn generated(index: usize) -> impl Strategy<Value = Generated> {
    let parents = proptest::collection::btree_set(0..index.max(1), 0..=index.min(3));
    let odds = (0..8_u8, 0..3_usize, 0..3_usize, 0..4_u8, 0..6_u8);
    (parents, 0..6_u8, odds).prop_map(
        move |(parents, seconds, (fails, failures, retries, forgiven, guarded))| {
            let forgiven = forgiven == 0;
            Generated {
                parents: if index == 0 { BTreeSet::new() } else { parents },
                seconds,
                failures: if fails < 2 { failures } else { 0 },
                retries: if forgiven { 0 } else { retries },
                forgiven,
                guarded: guarded == 0,
            }
        },
    )
}

fn pipelines() -> impl Strategy<Value = Vec<Generated>> {
    (1..=25_usize).prop_flat_map(|count| (0..count).map(generated).collect::<Vec<_>>())
}

fn yaml(tasks: &[Generated]) -> String {
    let mut yaml = "tasks:\n".to_owned();
    for (index, task) in tasks.iter().enumerate() {
        let parents: Vec<String> = task.parents.iter().map(|on| format!("t{on}")).collect();
        let error = if task.forgiven {
            "continue"
        } else {
            "stopAndFail"
        };
        let guard = if task.guarded { "[b]" } else { "[a]" };
        writeln!(
            yaml,
            "- {{name: t{index}, runAfter: [{}], retries: {}, onError: {error}, when: [{{input: a, operator: in, values: {guard}}}], run: \"sleep {}\\nfail-before {}\"}}",
            parents.join(", "),
            task.retries,
            task.seconds,
            task.failures,
        )
        .unwrap();
    }
    yaml + "finally: [{name: last, run: sleep 1}]\n"
}

fn executed(tasks: &[Generated], jobs: usize, delay: u64) -> Ran {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let engine = FakeEngine::new().start_delay(Duration::from_millis(delay));
        pipeline(&yaml(tasks)).jobs(jobs).on(engine).ran().await
    })
}

/// Every task ran or was skipped, once; those that ran waited for their parents.
fn check_order(tasks: &[Generated], ran: &Ran) {
    let skipped = ran.skipped();
    let why = |name: &str| {
        let prefix = format!("{name}: ");
        skipped.iter().find_map(|line| line.strip_prefix(&prefix))
    };
    let children: Vec<&str> = ran.children();
    let stopped = tasks
        .iter()
        .enumerate()
        .any(|(index, task)| task.stops() && ran.has_started(&format!("t{index}")));
    for (index, task) in tasks.iter().enumerate() {
        let name = format!("t{index}");
        let listed = children
            .iter()
            .filter(|child| **child == format!("r-{name}"));
        let reason = why(&name);
        assert_eq!(listed.count(), usize::from(reason.is_none()), "{name}");
        match reason {
            None => {
                assert!(!task.guarded);
                for &parent in &task.parents {
                    let name_of_parent = format!("t{parent}");
                    match why(&name_of_parent) {
                        None => {
                            assert!(ran.started(&name) >= ran.finished(&name_of_parent));
                            assert!(!tasks[parent].stops(), "{name} after a failure");
                        }
                        Some(reason) => {
                            assert_eq!(reason, "When Expressions evaluated to false");
                        }
                    }
                }
                let attempts = ran.task_run(&name).status.retries_status.len();
                assert_eq!(attempts, task.failures.min(task.retries), "{name}");
                let succeeded = ran.task_run(&name).condition().unwrap().is_true();
                assert_eq!(succeeded, !task.fails(), "{name}");
            }
            Some("When Expressions evaluated to false") => assert!(task.guarded),
            Some(reason) => {
                assert_eq!(reason, "PipelineRun was stopping", "{name}");
                assert!(stopped);
            }
        }
    }
    let ends = (0..tasks.len()).map(|index| format!("t{index}"));
    for name in ends.filter(|name| why(name).is_none()) {
        assert!(ran.started("last") >= ran.finished(&name));
    }
}

/// The numbers in the message are those of the TaskRuns.
fn check_message(tasks: &[Generated], ran: &Ran) {
    let names = (0..tasks.len()).map(|index| format!("t{index}"));
    let executed: Vec<(&Generated, String)> = tasks
        .iter()
        .zip(names)
        .filter(|(_, name)| ran.has_started(name))
        .collect();
    let failed = executed.iter().filter(|(task, _)| task.fails()).count();
    let ignored = executed
        .iter()
        .filter(|(task, _)| task.fails() && task.forgiven)
        .count();
    let skipped = tasks.len() - executed.len();
    let ignored_part = if ignored > 0 {
        format!(" (Ignored: {ignored})")
    } else {
        String::new()
    };
    let (status, reason) = match (failed - ignored, skipped) {
        (1.., _) => ("False", "Failed"),
        (_, 1..) => ("True", "Completed"),
        _ => ("True", "Succeeded"),
    };
    assert_eq!(
        ran.verdict(),
        format!(
            "{status} {reason}: Tasks Completed: {} (Failed: {failed}{ignored_part}, Cancelled 0), Skipped: {skipped}",
            executed.len() + 1
        )
    );
}

/// Every container was used or given up, and nothing happens to the sandbox after its end.
fn check_engine(ran: &Ran) {
    let count = |wanted: fn(&Call) -> bool| ran.log.count(wanted);
    let launched = count(|call| matches!(call, Call::Launch(..)));
    let ended = count(|call| matches!(call, Call::End(..)));
    assert_eq!(launched, ended);
    let calls = ran.log.calls();
    let closed = calls
        .iter()
        .position(|recorded| recorded.call == Call::Close);
    let after = &calls[closed.unwrap()..];
    assert!(
        !after
            .iter()
            .any(|recorded| matches!(recorded.call, Call::Launch(..)))
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_task_runs_once_after_its_parents_or_is_skipped_for_a_reason(
        tasks in pipelines(),
        jobs in 1..5_usize,
        delay in 0..1500_u64,
    ) {
        let ran = executed(&tasks, jobs, delay);
        check_order(&tasks, &ran);
        check_message(&tasks, &ran);
        check_engine(&ran);
    }
}
