//! Numbers of Tekton's checklists that only an engine can answer: each case is run and must end as
//! the comment at its head says.
//!
//! | line | meaning |
//! | --- | --- |
//! | `# exit: N` | the exit status |
//! | `# condition: STATUS REASON` | the condition of the run |
//! | `# args: …` | further arguments; `~` is a blank in one of them |
//! | `# prints: LINE` | a line of standard output; the name of a script is `SCRIPT` |
//! | `# holds: TEXT` | text that standard output holds somewhere, names of scripts as above |
//! | `# tells: TEXT` | text that standard error holds somewhere |
//! | `# never: TEXT` | text that standard output holds nowhere |

use std::collections::BTreeSet;

use crate::harness::Scene;
use crate::sources::{files_below, has_extension, read};

const FOLDER: &str = "tests/cases";

/// The values of one kind of line.
fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let prefix = format!("# {key}: ");
    text.lines()
        .take_while(|line| line.starts_with('#'))
        .filter_map(|line| line.strip_prefix(prefix.as_str()))
        .collect()
}

/// Scripts have names that end at random.
fn without_names_of_scripts(output: &str) -> String {
    let mut parts = output.split("/tekton/scripts/script-");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        format!(
            "{text}/tekton/scripts/SCRIPT{}",
            &part[end.unwrap_or(part.len())..]
        )
    })
}

pub(crate) fn check(folder: &str, name: &str) {
    let file = format!("{folder}/{name}.yaml");
    let text = read(&file).text;
    let exit = values(&text, "exit").first().map(|status| status.parse());
    let exit: i32 = exit
        .unwrap_or_else(|| panic!("{file}: with which status does it exit?"))
        .expect("an exit status is a number");
    let args = values(&text, "args");
    let args = args
        .iter()
        .flat_map(|args| args.split(' '))
        .map(|arg| arg.replace('~', " "));
    let mut output = Scene::in_project()
        .tkn_local(["run".to_owned(), file].into_iter().chain(args))
        .recording_events()
        .run()
        .exits(exit);
    output.stdout = without_names_of_scripts(&output.stdout);
    let output = values(&text, "condition")
        .iter()
        .fold(output, |output, condition| {
            let (status, reason) = condition.split_once(' ').expect("a status and a reason");
            output.condition(status, reason)
        });
    for held in values(&text, "holds") {
        assert!(
            output.stdout.contains(held),
            "no '{held}' on standard output\n{output}"
        );
    }
    let output = values(&text, "tells")
        .iter()
        .fold(output, |output, text| output.tells(text));
    let output = values(&text, "prints")
        .iter()
        .fold(output, |output, line| output.prints_line(line));
    let _output = values(&text, "never")
        .iter()
        .fold(output, |output, text| output.prints_nowhere(text));
}

/// One test for each case, named as its file.
macro_rules! cases {
    ($($name:ident,)*) => {
        const TESTED: &[&str] = &[$(stringify!($name)),*];
        $(#[test]
        fn $name() {
            check(FOLDER, stringify!($name));
        })*
    };
}

cases! {
    scripts_and_their_interpreters,
    programs_that_are_not_there,
    a_blank_line_before_the_interpreter,
    files_of_the_entrypoint,
    the_pod_of_a_task,
    a_pending_task_run,
    names_and_resolvers_of_the_pod,
    pipelines_in_a_circle,
    a_sidecar_that_is_ended,
    a_mount_over_the_agent,
    a_mount_over_the_agent_by_a_step,
    a_planted_entrypoint,
    a_sub_path_that_leads_out,
    pipes_in_place_of_files,
    resolved_from_given_files,
    refused_by_name,
}

#[test]
fn every_case_is_tested() {
    let there: BTreeSet<_> = files_below(FOLDER)
        .iter()
        .filter(|path| {
            let other = ["/given/", "/actions/", "/reports/"];
            has_extension(path, "yaml") && !other.iter().any(|folder| path.contains(folder))
        })
        .map(|path| path[FOLDER.len() + 1..path.len() - ".yaml".len()].to_owned())
        .collect();
    let tested: BTreeSet<_> = TESTED.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(there, tested);
}
