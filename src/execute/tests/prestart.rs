//! Containers started before their turn.

use std::time::Duration;

use super::harness::{Ran, pipeline};
use crate::sandbox::fake::{Call, FakeEngine, Name};

async fn slow(yaml: &str) -> Ran {
    let engine = FakeEngine::new().start_delay(Duration::from_secs(1));
    pipeline(yaml).on(engine).ran().await
}

fn starts(ran: &Ran) -> Vec<(u64, String)> {
    ran.log
        .calls()
        .into_iter()
        .filter_map(|recorded| match recorded.call {
            Call::Start(spec) => Some((
                recorded.at.as_secs(),
                format!("{}/{}", spec.task_run, spec.container),
            )),
            _ => None,
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_next_step_starts_while_one_runs() {
    let ran = slow(
        "tasks: [{name: a, taskSpec: {steps: [{name: x, run: sleep 5}, {name: y, run: sleep 5}, {name: z, run: sleep 5}]}}]",
    )
    .await;
    assert_eq!(ran.took(), 16_000);
}

/// The first, then two at a time.
#[tokio::test(start_paused = true)]
async fn short_steps_do_not_wait_for_one_start_after_another() {
    let ran = slow(
        "tasks: [{name: a, taskSpec: {steps: [{name: w, run: echo 1}, {name: x, run: echo 2}, {name: y, run: echo 3}, {name: z, run: echo 4}]}}]",
    )
    .await;
    assert_eq!(ran.took(), 3_000);
}

#[tokio::test(start_paused = true)]
async fn the_next_task_starts_while_one_runs() {
    let ran = slow(
        "
tasks:
- {name: a, run: sleep 5}
- {name: b, runAfter: [a], run: sleep 5}
finally: [{name: f, run: sleep 5}]",
    )
    .await;
    ran.assert_counted("True Succeeded", [3, 0, 0, 0]);
    assert_eq!(ran.took(), 16_000);
}

/// What was started for nothing is given up.
#[tokio::test(start_paused = true)]
async fn a_container_that_is_not_needed_is_discarded() {
    let ran = slow(
        "
tasks:
- {name: a, run: \"sleep 5\\nexit 1\"}
- {name: b, runAfter: [a], run: sleep 5}",
    )
    .await;
    ran.assert_counted("False Failed", [1, 1, 0, 1]);
    assert_eq!(starts(&ran).len(), 2);
    let b = Name {
        task_run: "r-b".to_owned(),
        attempt: 0,
        container: "step-s".to_owned(),
    };
    assert!(
        ran.log
            .find(|call| *call == Call::Discard(b.clone()))
            .is_some()
    );
}

#[tokio::test(start_paused = true)]
async fn every_container_is_started_once_and_used_or_discarded() {
    let ran = slow(
        "
tasks:
- {name: a, run: sleep 2}
- {name: b, run: \"sleep 1\\nresult x v\"}
- {name: c, runAfter: [a], params: [{name: p, value: $(tasks.b.results.x)}], run: echo $(params.p)}
- {name: d, runAfter: [c], retries: 1, run: fail-before 1}
- {name: e, when: [{input: a, operator: in, values: [b]}], run: sleep 1}
- {name: g, runAfter: [e], run: sleep 1}",
    )
    .await;
    ran.assert_counted("True Completed", [5, 0, 0, 1]);
    let all = starts(&ran);
    let launched = ran.log.count(|call| matches!(call, Call::Launch(..)));
    let discarded = ran.log.count(|call| matches!(call, Call::Discard(_)));
    assert_eq!(all.len(), launched + discarded, "{all:?}");
}

/// On several threads, where tasks begin in any order. A place in the window comes free when a
/// container of this chain is taken, which may be while that container is still being started: so
/// nothing is started before what comes two windows earlier.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn wishes_are_met_in_the_order_they_will_be_needed() {
    let chain: Vec<String> = (1..30)
        .map(|index| {
            format!(
                "- {{name: t{index}, runAfter: [t{}], run: echo}}",
                index - 1
            )
        })
        .collect();
    let yaml = format!("tasks:\n- {{name: t0, run: echo}}\n{}", chain.join("\n"));
    for _ in 0..20 {
        let engine = FakeEngine::new().start_delay(Duration::from_millis(2));
        let ran = pipeline(&yaml).on(engine).ran().await;
        let order: Vec<String> = starts(&ran).into_iter().map(|(_, name)| name).collect();
        let turn = |index: usize| {
            let name = format!("r-t{index}/step-s");
            order.iter().position(|started| *started == name).unwrap()
        };
        for late in 9..30 {
            assert!(turn(late - 8) < turn(late), "{order:?}");
        }
    }
}

/// A limit keeps the memory of waiting containers small.
#[tokio::test(start_paused = true)]
async fn only_a_few_containers_wait_ahead() {
    let many: Vec<String> = (0..20)
        .map(|index| format!("- {{name: t{index}, runAfter: [a], run: sleep 1}}"))
        .collect();
    let ran = slow(&format!(
        "tasks:\n- {{name: a, run: sleep 60}}\n{}",
        many.join("\n")
    ))
    .await;
    assert!(ran.condition().is_true());
    let early = starts(&ran).iter().filter(|(at, _)| *at < 60).count();
    assert!(early < 10, "{early} containers started ahead");
}

/// The first attempt was started with the first wish, the next ones must be new containers.
#[tokio::test(start_paused = true)]
async fn each_attempt_has_its_own_containers() {
    let ran = slow("tasks: [{name: a, retries: 2, taskSpec: {steps: [{name: x, run: sleep 1}, {name: y, run: fail-before 2}]}}]").await;
    assert!(ran.condition().is_true());
    let mut attempts: Vec<(usize, String)> = ran
        .log
        .calls()
        .into_iter()
        .filter_map(|recorded| match recorded.call {
            Call::Launch(name, _) => Some((name.attempt, name.container)),
            _ => None,
        })
        .collect();
    attempts.dedup();
    assert_eq!(attempts.len(), 6);
}
