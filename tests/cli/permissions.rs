//! What a stranger's document may not ask for, wherever it asks. None of this needs an engine: what
//! is allowed gets as far as looking for one.

use std::path::Path;

use tkn_local::plan::permissions::permissions_table;

use crate::faults::{NOWHERE, run};
use crate::harness::Scene;
use crate::sources::read;

const DOCUMENT: &str = "docs/security.md";
const MARKS: (&str, &str) = ("<!-- permissions -->\n", "<!-- end of permissions -->\n");

#[test]
fn the_list_of_what_needs_a_flag_is_that_of_the_code() {
    let document = read(DOCUMENT).text;
    let (before, rest) = document.split_once(MARKS.0).expect("the list begins");
    let (_, after) = rest.split_once(MARKS.1).expect("the list ends");
    let wanted = [before, MARKS.0, &permissions_table(), MARKS.1, after].concat();
    if document != wanted {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("security.md");
        std::fs::write(&file, wanted).expect("the target's folder is writable");
        panic!(
            "{DOCUMENT} is not what the code says: cp {} {DOCUMENT}",
            file.display()
        );
    }
}

/// Runs whose one mistake is `ASK`, a security context that asks for a capability, each in another
/// place, and the line it stands on.
const PLACES: &[(&str, u32, &str)] = &[
    (
        "a step of a TaskRun",
        7,
        "
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: r}
spec:
  taskSpec:
    steps: [{name: s, image: i, securityContext: ASK}]
",
    ),
    (
        "a sidecar",
        8,
        "
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: r}
spec:
  taskSpec:
    steps: [{name: s, image: i}]
    sidecars: [{name: x, image: i, securityContext: ASK}]
",
    ),
    (
        "a stepTemplate",
        7,
        "
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: r}
spec:
  taskSpec:
    stepTemplate: {securityContext: ASK}
    steps: [{name: s, image: i, securityContext: {runAsUser: 7}}]
",
    ),
    (
        "a StepAction",
        12,
        "
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: r}
spec:
  taskSpec:
    steps: [{name: s, ref: {name: a}}]
---
apiVersion: tekton.dev/v1beta1
kind: StepAction
metadata: {name: a}
spec: {image: i, securityContext: ASK}
",
    ),
    (
        "a task of a child pipeline",
        12,
        "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: r}
spec:
  pipelineSpec:
    tasks:
      - name: child
        pipelineSpec:
          tasks:
            - name: a
              taskSpec: {steps: [{name: s, image: i, securityContext: ASK}]}
",
    ),
    (
        "a task with a matrix that runs in any case",
        10,
        "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: r}
spec:
  pipelineSpec:
    finally:
      - name: a
        matrix: {params: [{name: p, value: [u, w]}]}
        taskSpec: {params: [{name: p}], steps: [{name: s, image: i, securityContext: ASK}]}
    tasks:
      - name: b
        taskSpec: {steps: [{name: s, image: i}]}
",
    ),
    (
        "a task whose params are results",
        16,
        "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: r}
spec:
  pipelineSpec:
    tasks:
      - name: a
        taskSpec:
          results: [{name: r, type: array}]
          steps: [{name: s, image: i}]
      - name: b
        params: [{name: p, value: [\"$(tasks.a.results.r[*])\"]}]
        taskSpec:
          params: [{name: p, type: array}]
          steps: [{name: s, image: i, args: [\"$(params.p[*])\"], securityContext: ASK}]
",
    ),
];

#[test]
fn a_capability_is_refused_wherever_it_is_asked_for() {
    let ask = "{capabilities: {add: [DAC_READ_SEARCH]}}";
    for (place, line, text) in PLACES {
        let text = text.replace("ASK", ask);
        let _refused = run(&text, &[])
            .exits(4)
            .tells(&format!("pipeline.yaml:{line}:"))
            .tells("allow it with --allow-capability DAC_READ_SEARCH")
            .tells("1 problem found; nothing was started");
        let _allowed = run(&text, &["--allow-capability", "dac_read_search"]).exits(3);
        let _implied = run(&text, &["--allow-privileged"]).exits(3);
        let another = run(
            &text,
            &["--allow-capability", "SYS_ADMIN", "--allow-host-path"],
        );
        let _another = another.exits(4);
        println!("{place}: refused on line {line}");
    }
}

#[test]
fn a_remote_reference_is_held_against_the_same_list() {
    let scene = Scene::new();
    scene.write(
        "run.yaml",
        "
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: r}
spec:
  taskRef: {resolver: git, params: [{name: pathInRepo, value: t.yaml}]}
",
    );
    scene.write(
        "t.yaml",
        "
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: t}
spec:
  steps: [{name: s, image: i, securityContext: {seccompProfile: {type: Unconfined}}}]
",
    );
    let given = |more: &[&str]| {
        let args = ["run", "run.yaml", "--resolve", "git:t.yaml=t.yaml"];
        let args = args.iter().chain(more);
        scene.tkn_local(args).env("DOCKER_HOST", NOWHERE).run()
    };
    let _refused = given(&[])
        .exits(4)
        .tells("t.yaml:6:")
        .tells("--allow-unconfined");
    let _allowed = given(&["--allow-unconfined"]).exits(3);
}

/// A run with a task that asks for everything, and one that asks for nothing.
const PARTS: &str = "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: r}
spec:
  pipelineSpec:
    tasks:
      - name: good
        taskSpec: {steps: [{name: s, image: i}]}
      - name: wait
        taskRef: {apiVersion: example.dev/v1, kind: Wait, name: w}
      - name: root
        taskSpec:
          volumes: [{name: v, nfs: {server: s, path: /}}, {name: h, hostPath: {path: /}}]
          steps: [{name: s, image: i, securityContext: {privileged: true}}]
";

/// Nothing refers to it.
const UNUSED: &str = "
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: unused}
spec:
  volumes: [{name: v, nfs: {server: s, path: /}}]
  steps: [{name: s, image: i, securityContext: {privileged: true}}]
";

#[test]
fn what_will_not_run_is_asked_for_nothing() {
    let _whole = run(PARTS, &[])
        .exits(4)
        .tells("pipeline.yaml:11:")
        .tells("custom task example.dev/v1 Wait is not supported")
        .tells("nfs is not supported");
    let text = format!("{PARTS}{UNUSED}");
    let _disabled = run(&text, &["--disable", "wait,root"]).exits(3);
    let _only = run(&text, &["--only", "good"]).exits(3);
    let _one = run(&text, &["--disable", "wait"])
        .exits(4)
        .tells("pipeline.yaml:14:")
        .tells("pipeline.yaml:15:")
        .tells("--allow-host-path")
        .tells("--allow-privileged");
}

#[test]
fn the_restricted_profile_is_demanded_of_every_container() {
    let run_with = |context: &str| {
        let text = format!(
            "
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {{name: r}}
spec:
  taskSpec:
    steps:
      - {{name: s, image: i, securityContext: {context}}}
"
        );
        run(&text, &["--restricted"])
    };
    let _refused = run_with("{allowPrivilegeEscalation: true}")
        .exits(4)
        .tells("the restricted profile wants runAsNonRoot to be true")
        .tells("the restricted profile wants allowPrivilegeEscalation to be false")
        .tells("run without --restricted");
    let _allowed = run_with(
        "{allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: {drop: [ALL]}, \
         seccompProfile: {type: RuntimeDefault}}",
    )
    .exits(3);
}
