//! Secrets: where their files are, and that their values are written nowhere.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::harness::Scene;

const VALUE: &str = "hunter2-hunter2";
/// The value in base64, as it is written in a Secret.
const ENCODED: &str = "aHVudGVyMi1odW50ZXIy";

const RUN: &str = r#"
apiVersion: v1
kind: Secret
metadata:
  name: login
  annotations: {tekton.dev/git-0: https://git.example}
type: kubernetes.io/basic-auth
data: {username: bWUtdGhlLXVzZXI=, password: aHVudGVyMi1odW50ZXIy}
---
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: secrets}
spec:
  pipelineSpec:
    tasks:
    - name: first
      taskSpec:
        results: [{name: token}]
        volumes: [{name: v, secret: {secretName: login}}]
        steps:
        - name: show
          image: busybox
          env:
          - {name: HOME, value: /tekton/home}
          - {name: WORD, valueFrom: {secretKeyRef: {name: login, key: password}}}
          volumeMounts: [{name: v, mountPath: /secret}]
          script: |
            #!/bin/sh
            set -e
            for dir in /secret /tekton/creds; do
              grep -q "^tmpfs $dir tmpfs" /proc/mounts && echo "$dir is in memory"
            done
            echo "plain $WORD; $(cat /secret/password)"
            echo "encoded $(echo "$WORD" | base64) $(echo -n "user:$WORD" | base64)"
            printf 'cut hunter2-'; sleep 0.3; echo hunter2
            cat "$HOME/.git-credentials"
            printf '%s' "$WORD" > $(results.token.path)
    - name: second
      params: [{name: token, value: $(tasks.first.results.token)}]
      taskSpec:
        params: [{name: token}]
        steps:
        - name: use
          image: busybox
          env: [{name: TOKEN, value: $(params.token)}]
          script: |
            #!/bin/sh
            test "${#TOKEN}" = 15 && echo "the value itself arrived"
            exit 1
"#;

/// The files below `dir` that hold `text`.
fn holding(dir: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if fs::read(&path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text))
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn values_of_secrets_are_masked_wherever_a_run_writes() {
    let scene = Scene::new();
    scene.write("run.yaml", RUN);
    let run = scene
        .tkn_local(["run", "run.yaml", "--events", "events.jsonl"])
        .run()
        .exits(1);
    for text in [
        "[first : show] /secret is in memory",
        "[first : show] /tekton/creds is in memory",
        "[first : show] plain ***; ***",
        "[first : show] cut ***",
        "[second : use] the value itself arrived",
    ] {
        assert!(run.stdout.lines().any(|line| line == text), "{text}\n{run}");
    }
    let object = scene
        .tkn_local(["describe", "latest", "-o", "yaml"])
        .run()
        .exits(0);
    for text in [VALUE, ENCODED] {
        for shown in [&run.stdout, &run.stderr, &object.stdout] {
            assert!(!shown.contains(text), "{text} in {shown}");
        }
        let events = fs::read_to_string(scene.path("events.jsonl")).unwrap();
        assert!(events.contains("***") && !events.contains(text), "{events}");
        let recorded = holding(&scene.state(), text);
        assert_eq!(recorded, Vec::<String>::new());
    }
    let mode = fs::metadata(scene.path("events.jsonl"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    // A result that was masked is not known, so its task runs again.
    let resumed = scene.tkn_local(["resume", "latest"]).run().exits(1);
    assert!(
        resumed
            .stdout
            .contains("[second : use] the value itself arrived"),
        "{resumed}"
    );
    let bare = scene
        .tkn_local(["run", "run.yaml", "--no-mask"])
        .run()
        .exits(1);
    assert!(bare.stdout.contains("plain hunter2-hunter2;"), "{bare}");
}

const LACKING: &str = r#"
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: lacking}
spec:
  pipelineSpec:
    tasks:
    - name: use
      taskSpec:
        steps:
        - name: s
          image: busybox
          env:
          - {name: WORD, valueFrom: {secretKeyRef: {name: login, key: password}}}
          - {name: COLOR, valueFrom: {configMapKeyRef: {name: settings, key: color}}}
          script: |
            #!/bin/sh
            echo "${#WORD} characters, $COLOR, $WORD"
            exit 1
"#;

#[test]
fn a_secret_that_the_files_lack_is_given_and_given_again() {
    let scene = Scene::new();
    scene.write("run.yaml", LACKING);
    let shown = "[use : s] 15 characters, blue, ***";
    let run = scene
        .tkn_local(["run", "run.yaml", "--configmap", "settings.color=blue"])
        .args(["--secret", "login.password=hunter2-hunter2"])
        .run()
        .exits(1)
        .prints_line(shown)
        .tells("--secret login.password=-");
    assert!(!run.stderr.contains(VALUE), "{run}");
    assert_eq!(holding(&scene.state(), VALUE), Vec::<String>::new());
    let refused = scene.tkn_local(["resume", "latest"]).run().exits(4);
    assert!(
        refused
            .stderr
            .contains("values of Secrets are never recorded"),
        "{refused}"
    );
    let _resumed = scene
        .tkn_local(["resume", "latest", "--secret", "login.password=-"])
        .stdin("hunter2-hunter2\n")
        .run()
        .exits(1)
        .prints_line(shown);
    let _resumed = scene
        .tkn_local(["resume", "latest", "--secret", "login.password=env:GIVEN"])
        .env("GIVEN", VALUE)
        .run()
        .exits(1)
        .prints_line(shown);
    // How it was given is remembered, its value is not.
    let _resumed = scene
        .tkn_local(["resume", "latest"])
        .env("GIVEN", VALUE)
        .run()
        .exits(1)
        .prints_line(shown);
    let _resumed = scene
        .tkn_local(["resume", "latest"])
        .run()
        .exits(2)
        .tells("GIVEN is not set");
}

#[test]
fn a_secret_of_standard_input_is_not_recorded() {
    let scene = Scene::new();
    let _run = scene.tkn_local(["run", "-"]).stdin(RUN).run().exits(1);
    assert_eq!(holding(&scene.state(), ENCODED), Vec::<String>::new());
    let refused = scene.tkn_local(["resume", "latest"]).run().exits(4);
    assert!(
        refused.stderr.contains("--secret login.password="),
        "{refused}"
    );
}
