//! What public bug reports and users' files asked for: each case must end as the comment at its head
//! says, in the form of [`cases`](crate::cases).

use std::collections::BTreeSet;

use crate::cases::check;
use crate::sources::files_below;

const FOLDER: &str = "tests/cases/reports";

/// One test for each case, named as its file.
macro_rules! reports {
    ($($name:ident,)*) => {
        const TESTED: &[&str] = &[$(stringify!($name)),*];
        $(#[test]
        fn $name() {
            check(FOLDER, stringify!($name));
        })*
    };
}

reports! {
    a_field_in_another_case,
    a_group_of_read_only_volumes,
    a_lone_trigger_template,
    a_matrix_of_pipelines,
    a_missing_interpreter,
    a_quote_in_a_param_of_cel,
    a_task_found_in_any_namespace,
    a_task_of_another_namespace,
    a_template_of_helm,
    a_workspace_in_brackets,
    all_errors_at_once,
    an_image_that_is_empty,
    an_image_with_a_line_break,
    an_item_of_a_text,
    an_undeclared_param_in_an_embedded_task,
    an_undeclared_variable_among_many,
    blanks_in_an_object_of_the_command_line,
    kubelet_details,
    objects_an_api_server_rejects,
    one_name_in_two_namespaces,
    params_that_multiply,
    pod_with_a_decimal_mode,
    pod_with_a_file_outside_its_volume,
    pod_with_a_port_out_of_range,
    pod_with_a_probe_of_two_handlers,
    pod_with_a_variable_of_two_sources,
    pod_with_a_variable_of_value_and_source,
    pod_with_a_volume_of_no_source,
    pod_with_a_volume_of_two_sources,
    pod_with_an_unknown_field_of_the_pod,
    pod_with_an_unknown_pull_policy,
    results_of_a_child_pipeline,
    what_does_not_run_is_asked_for_nothing,
    workspaces_of_a_v1beta1_run,
}

#[test]
fn every_report_is_tested() {
    let there: BTreeSet<_> = files_below(FOLDER)
        .iter()
        .map(|path| path[FOLDER.len() + 1..path.len() - ".yaml".len()].to_owned())
        .collect();
    let tested: BTreeSet<_> = TESTED.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(there, tested);
}
