//! Every example is run on the engine of this machine and must end as `examples/expected.tsv` says.

use std::collections::BTreeSet;
use std::fs;

use crate::harness::Scene;
use crate::sources::{files_below, has_extension, read};

const TABLE: &str = "examples/expected.tsv";

/// A row of the table.
struct Expectation {
    file: String,
    args: Vec<String>,
    exit_status: i32,
    status: String,
    reason: String,
    lines: Vec<String>,
}

impl Expectation {
    fn parse(row: &str) -> Self {
        let columns: Vec<&str> = row.split('\t').collect();
        let [file, args, exit_status, status, reason, lines @ ..] = columns.as_slice() else {
            panic!("{TABLE}: a row has at least five columns: {row}");
        };
        assert!(!lines.is_empty(), "{TABLE}: what must {file} print?");
        Self {
            file: (*file).to_owned(),
            args: match *args {
                "-" => Vec::new(),
                args => args.split(' ').map(str::to_owned).collect(),
            },
            exit_status: exit_status.parse().expect("an exit status is a number"),
            status: (*status).to_owned(),
            reason: (*reason).to_owned(),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        }
    }

    fn check(&self) {
        let file = format!("examples/{}", self.file);
        let args = ["run".to_owned(), file]
            .into_iter()
            .chain(self.args.iter().cloned());
        let output = Scene::in_project()
            .tkn_local(args)
            .recording_events()
            .run()
            .exits(self.exit_status)
            .condition(&self.status, &self.reason);
        let _output = self
            .lines
            .iter()
            .fold(output, |output, line| output.prints_line(line));
    }
}

fn table() -> Vec<Expectation> {
    read(TABLE)
        .text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(Expectation::parse)
        .collect()
}

fn check(file: &str) {
    let rows: Vec<_> = table().into_iter().filter(|row| row.file == file).collect();
    assert!(!rows.is_empty(), "{TABLE} has no row for {file}");
    for row in rows {
        row.check();
    }
}

/// One test for each example, so that they are told apart and run side by side.
macro_rules! examples {
    ($($test:ident: $file:literal,)*) => {
        const TESTED: &[&str] = &[$($file),*];
        $(#[test]
        fn $test() {
            check($file);
        })*
    };
}

examples! {
    hello: "hello.yaml",
    params_and_results: "params-and-results.yaml",
    parallel_with_workspace: "parallel-with-workspace.yaml",
    when: "when.yaml",
    finally_after_failure: "finally-after-failure.yaml",
    retries_and_timeouts: "retries-and-timeouts.yaml",
    sidecar: "sidecar.yaml",
    configmap_secret_env: "configmap-secret-env.yaml",
    matrix: "matrix.yaml",
    step_actions_and_step_results: "step-actions-and-step-results.yaml",
    build_test_report: "build-test-report.yaml",
    resume_after_fix: "resume-after-fix.yaml",
}

#[test]
fn every_example_has_a_test_and_every_row_a_file() {
    let there: BTreeSet<_> = files_below("examples")
        .iter()
        .filter_map(|path| path.strip_prefix("examples/"))
        .filter(|name| has_extension(name, "yaml"))
        .map(str::to_owned)
        .collect();
    let tested: BTreeSet<_> = TESTED.iter().map(|name| (*name).to_owned()).collect();
    let expected: BTreeSet<_> = table().into_iter().map(|row| row.file).collect();
    assert_eq!(there, tested, "examples, and the tests of this file");
    assert_eq!(there, expected, "examples, and the rows of {TABLE}");
}

#[test]
fn every_example_begins_with_what_it_shows_and_its_command() {
    for name in TESTED {
        let text = read(&format!("examples/{name}")).text;
        let comment: Vec<_> = text
            .lines()
            .take_while(|line| line.starts_with('#'))
            .collect();
        let command = format!("#   tkn-local run examples/{name}");
        assert!(
            comment.iter().any(|line| line.starts_with(&command)),
            "{name} does not begin with a comment that holds '{command}'"
        );
        assert!(
            comment[0].contains(char::is_alphabetic) && !comment[0].contains("tkn-local"),
            "{name} does not begin with a sentence on what it shows"
        );
    }
}

/// The three commands at the head of the example.
#[test]
fn the_mended_example_resumes_where_it_failed() {
    let scene = Scene::new();
    let broken = read("examples/resume-after-fix.yaml").text;
    scene.write("pipeline.yaml", &broken);
    let _failed = scene
        .tkn_local(["run", "pipeline.yaml"])
        .run()
        .exits(1)
        .prints_line("[fetch : download] fetched")
        .prints_line("[test : test] tested")
        .tells("tkn-local resume");

    fs::write(scene.path("pipeline.yaml"), broken.replace("tarr", "tar"))
        .expect("the scene's folder is writable");
    let _resumed = scene
        .tkn_local(["resume", "latest"])
        .recording_events()
        .run()
        .exits(0)
        .condition("True", "Succeeded")
        .prints_line("[pack : pack] packed program-1.4.2")
        .prints_nowhere("[fetch :")
        .prints_nowhere("[compile :")
        .prints_nowhere("[test :");
}
