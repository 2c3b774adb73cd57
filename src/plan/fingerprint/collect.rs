//! Going through a TaskRun for its inputs.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::input::{TaskInput, TaskInputs, canonical};
use super::results::results_of_task;
use super::run_names::RunNames;
use crate::plan::bind::{BoundTask, BoundWorkspace};
use crate::plan::task_run::TaskRunRequest;
use crate::resolve::{Library, config_map_data, secret_data};
use crate::spec::PodTemplate;
use crate::spec::core::{ProjectedSource, Volume};
use crate::substitution::fields;

/// The inputs of a TaskRun bound for its first attempt. `images` gives the digest of an image
/// reference when it is known, `run_claims` the directories of the claims the run has made of
/// templates.
pub fn inputs(
    bound: &BoundTask,
    request: &TaskRunRequest,
    library: &Library,
    images: &dyn Fn(&str) -> Option<String>,
    run_claims: &BTreeMap<String, String>,
) -> TaskInputs {
    let mut collector = Collector {
        names: RunNames::new(request, run_claims),
        images,
        found: TaskInputs::new(),
        config_maps: BTreeSet::new(),
        secrets: BTreeSet::new(),
    };
    collector.params(bound, request);
    collector.containers(bound);
    collector.task(bound);
    for workspace in &bound.workspaces {
        collector.workspace(workspace, run_claims);
    }
    collector.pod(&request.overrides.pod_template);
    collector.objects(library);
    collector.found
}

pub(crate) struct Collector<'a> {
    names: RunNames,
    pub(crate) images: &'a dyn Fn(&str) -> Option<String>,
    found: TaskInputs,
    pub(crate) config_maps: BTreeSet<String>,
    pub(crate) secrets: BTreeSet<String>,
}

impl Collector<'_> {
    pub(crate) fn text(&mut self, name: impl Into<String>, text: &str) {
        let mut input = TaskInput::of_text(text);
        let hidden = self.names.hidden(text);
        if hidden != text {
            input.nameless = Some(TaskInput::of_text(&hidden).value);
        }
        self.found.insert(name.into(), input);
    }

    pub(crate) fn json(&mut self, name: impl Into<String>, value: &impl Serialize) {
        self.text(name, &canonical(value));
    }

    /// Every field of an object by itself.
    pub(crate) fn object(&mut self, owner: &str, value: &impl Serialize) {
        let Ok(Value::Object(fields)) = serde_json::to_value(value) else {
            return;
        };
        for (field, value) in fields {
            let name = format!("{field} of {owner}");
            match value {
                Value::String(text) => self.text(name, &text),
                value => self.json(name, &value),
            }
        }
    }

    fn params(&mut self, bound: &BoundTask, request: &TaskRunRequest) {
        let spec = &bound.task.spec;
        let mut names: BTreeSet<String> =
            spec.params.iter().map(|param| param.name.clone()).collect();
        names.extend(request.params.iter().map(|param| param.name.clone()));
        if request.task.name.is_none() {
            for (name, value) in results_of_task(spec, &bound.scope) {
                self.text(name, &value.to_string());
            }
        }
        for name in names {
            if let Some(value) = bound.scope.get(&format!("params.{name}")) {
                self.text(format!("param {name}"), &value.to_string());
            }
        }
    }

    fn task(&mut self, bound: &BoundTask) {
        let spec = &bound.task.spec;
        let mut results = spec.results.clone();
        for result in &mut results {
            result.description.clear();
        }
        if !results.is_empty() {
            self.json("results", &results);
        }
        for volume in &spec.volumes {
            let mut volume = volume.clone();
            fields::volume(&mut volume, &mut &bound.scope);
            self.volume(volume);
        }
    }

    fn volume(&mut self, mut volume: Volume) {
        let name = std::mem::take(&mut volume.name);
        self.json(format!("volume {name}"), &volume);
        let map = volume.config_map.iter();
        self.config_maps.extend(map.map(|it| it.name.clone()));
        let secret = volume.secret.iter();
        self.secrets.extend(secret.map(|it| it.secret_name.clone()));
        self.projected(volume.projected.iter().flat_map(|it| &it.sources));
    }

    fn projected<'s>(&mut self, sources: impl Iterator<Item = &'s ProjectedSource>) {
        for source in sources {
            let map = source.config_map.iter();
            self.config_maps.extend(map.map(|it| it.name.clone()));
            let secret = source.secret.iter();
            self.secrets.extend(secret.map(|it| it.name.clone()));
        }
    }

    /// A claim made of a template has another name in every run; its directory has not.
    fn workspace(&mut self, workspace: &BoundWorkspace, run_claims: &BTreeMap<String, String>) {
        let (mut declaration, mut binding) =
            (workspace.declaration.clone(), workspace.binding.clone());
        let name = std::mem::take(&mut declaration.name);
        declaration.description.clear();
        binding.name.clear();
        let claim = binding.persistent_volume_claim.as_ref();
        let own = claim.and_then(|claim| run_claims.get(&claim.claim_name));
        let template = binding.volume_claim_template.take().is_some();
        if own.is_some() {
            binding.persistent_volume_claim = None;
        }
        let mut value = json!(binding);
        if template || own.is_some() {
            value["volumeClaimTemplate"] = json!(own);
        }
        self.json(format!("workspace {name}"), &value);
        self.json(format!("declaration of workspace {name}"), &declaration);
        let map = binding.config_map.iter();
        self.config_maps.extend(map.map(|it| it.name.clone()));
        let secret = binding.secret.iter();
        self.secrets.extend(secret.map(|it| it.secret_name.clone()));
        self.projected(binding.projected.iter().flat_map(|it| &it.sources));
    }

    /// What of the pod template its containers can see.
    fn pod(&mut self, template: &PodTemplate) {
        self.env("podTemplate", &template.env);
        for volume in &template.volumes {
            self.volume(volume.clone());
        }
        let seen = PodTemplate {
            security_context: template.security_context.clone(),
            host_aliases: template.host_aliases.clone(),
            dns_config: template.dns_config.clone(),
            host_network: template.host_network,
            ..PodTemplate::default()
        };
        self.object("podTemplate", &seen);
    }

    /// The content of every ConfigMap and Secret that is used, as a digest.
    fn objects(&mut self, library: &Library) {
        for name in std::mem::take(&mut self.config_maps) {
            let data = library.config_map(&name).map(|map| config_map_data(map));
            self.found.insert(
                format!("configMap {name}"),
                TaskInput::of_content(data.as_ref()),
            );
        }
        for name in std::mem::take(&mut self.secrets) {
            let data = library.secret(&name).map(|secret| secret_data(secret));
            self.found.insert(
                format!("secret {name}"),
                TaskInput::of_content(data.as_ref()),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use proptest::prelude::{any, prop_assert_eq, proptest};
    use serde_json::{Map, Value, json};

    use super::inputs;
    use crate::plan::{Identity, TaskInputs, TaskRunRequest, bind, first_change};
    use crate::resolve::{Library, ResolvedTask};
    use crate::spec::Object;
    use crate::spec::param::ParamValue;
    use crate::substitution::Scope;

    /// A TaskRun as JSON: everything a run gives to a task, and the objects around it.
    fn base() -> Value {
        json!({
            "run": "ci", "uid": "11111111-run",
            "task": {
                "params": [{"name": "tag"}, {"name": "level", "default": "info"}],
                "workspaces": [{"name": "tree"}, {"name": "conf", "optional": true}],
                "results": [{"name": "digest", "description": "of the image"}],
                "volumes": [{"name": "v", "secret": {"secretName": "token"}}],
                "stepTemplate": {"env": [{"name": "CI", "value": "1"}]},
                "steps": [
                    {"name": "compile", "image": "rust:1", "timeout": "5m", "displayName": "Compile",
                     "script": "make $(params.tag) in $(workspaces.tree.path)",
                     "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "b"}}}]},
                    {"image": "alpine", "command": ["echo"], "args": ["$(tasks.fetch.results.commit)", "$(context.pipelineRun.name)"]},
                ],
                "sidecars": [{"name": "db", "image": "postgres:16", "lifecycle": {"a": 1, "b": {"c": 2, "d": 3}}}],
            },
            "params": [{"name": "tag", "value": "v1"}],
            "workspaces": [
                {"name": "tree", "persistentVolumeClaim": {"claimName": "pvc-0000"}, "subPath": "src"},
            ],
            "commit": "abc",
            "settings": {"b": "2"},
            "token": {"t": "s3cret"},
            "podTemplate": {},
            "images": {"rust:1": "rust@sha256:aa"},
            "timeout": 60, "retries": 0, "labels": {"team": "a"},
        })
    }

    fn object(kind: &str, name: &str, field: &str, data: &Value) -> Object {
        let object = json!({"metadata": {"name": name}, field: data});
        match kind {
            "ConfigMap" => Object::ConfigMap(Box::new(serde_json::from_value(object).unwrap())),
            _ => Object::Secret(Box::new(serde_json::from_value(object).unwrap())),
        }
    }

    fn request(given: &Value, library: &Library) -> TaskRunRequest {
        let run = given["run"].as_str().unwrap();
        let task = serde_json::from_value(given["task"].clone()).unwrap();
        let mut outer = Scope::new();
        outer.set("context.pipelineRun.name", run);
        outer.set("context.pipelineRun.uid", given["uid"].as_str().unwrap());
        let commit = ParamValue::from(given["commit"].as_str().unwrap());
        outer.set_result("tasks", "fetch", "commit", &commit);
        let mut request = TaskRunRequest {
            identity: Identity {
                name: format!("{run}-build"),
                uid: format!("task-{run}"),
                labels: serde_json::from_value(given["labels"].clone()).unwrap(),
                ..Identity::default()
            },
            pipeline_task: "build".into(),
            pipeline_run: Some(run.to_owned()),
            task: Arc::new(ResolvedTask::embedded(task, library, &outer).unwrap()),
            params: serde_json::from_value(given["params"].clone()).unwrap(),
            outer,
            workspaces: serde_json::from_value(given["workspaces"].clone()).unwrap(),
            retries: usize::try_from(given["retries"].as_u64().unwrap()).unwrap(),
            timeout: given["timeout"]
                .as_u64()
                .map(std::time::Duration::from_secs),
            ..TaskRunRequest::default()
        };
        request.overrides.pod_template =
            serde_json::from_value(given["podTemplate"].clone()).unwrap();
        request
    }

    fn of(given: &Value) -> TaskInputs {
        let objects = [
            object("ConfigMap", "settings", "data", &given["settings"]),
            object("Secret", "token", "stringData", &given["token"]),
        ];
        let library = Library::new(&objects);
        let request = request(given, &library);
        let bound = bind(&request, 0).unwrap();
        let images = |image: &str| given["images"][image].as_str().map(str::to_owned);
        let claims = given["workspaces"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|workspace| {
                let claim = workspace["persistentVolumeClaim"]["claimName"].as_str()?;
                claim
                    .starts_with("pvc-")
                    .then(|| (claim.to_owned(), "workspaces/tree".to_owned()))
            });
        inputs(
            &bound,
            &request,
            &library,
            &images,
            &claims.collect::<BTreeMap<_, _>>(),
        )
    }

    /// Sets the value at a JSON pointer, or removes it.
    fn with(changes: &[(&str, Value)]) -> Value {
        let mut given = base();
        for (pointer, value) in changes {
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            match given.pointer_mut(parent).unwrap() {
                Value::Array(list) => list[key.parse::<usize>().unwrap()] = value.clone(),
                parent => parent[key] = value.clone(),
            }
        }
        given
    }

    fn change(changes: &[(&str, Value)]) -> String {
        first_change(&of(&base()), &of(&with(changes)))
            .map_or_else(|| "unchanged".to_owned(), |change| change.to_string())
    }

    #[test]
    fn what_changed_is_reported_by_its_cause() {
        for (pointer, value, expected) in [
            (
                "/task/steps/0/script",
                json!("true"),
                "script of step compile: make v1 in /workspace/tree → true",
            ),
            (
                "/task/steps/0/image",
                json!("rust:2"),
                "image of step compile: rust:1 → rust:2",
            ),
            (
                "/images",
                json!({"rust:1": "rust@sha256:bb"}),
                "image digest of step compile: rust@sha256:aa → rust@sha256:bb",
            ),
            (
                "/task/steps/1/command",
                json!(["cat"]),
                "command of step unnamed-1: [\"echo\"] → [\"cat\"]",
            ),
            (
                "/task/steps/1/onError",
                json!("continue"),
                "onError of step unnamed-1: none → continue",
            ),
            (
                "/task/steps/0/env/0/value",
                json!("2"),
                "env A of step compile: 1 → 2",
            ),
            (
                "/task/stepTemplate/env/0/value",
                json!("2"),
                "env CI of step compile: 1 → 2",
            ),
            (
                "/task/sidecars/0/image",
                json!("postgres:17"),
                "image of sidecar db: postgres:16 → postgres:17",
            ),
            (
                "/task/results",
                json!([{"name": "other"}]),
                "results: [{\"name\":\"digest\"}] → [{\"name\":\"other\"}]",
            ),
            ("/params/0/value", json!("v2"), "param tag: v1 → v2"),
            (
                "/task/params/1/default",
                json!("debug"),
                "param level: info → debug",
            ),
            ("/commit", json!("def"), "result fetch.commit: abc → def"),
            (
                "/workspaces/0/subPath",
                json!("lib"),
                "workspace tree: {\"subPath\":\"src\",\"volumeClaimTemplate\":\"workspaces/tree\"} → {\"subPath\":\"lib\",\"volumeClaimTemplate\":\"workspaces/tree\"}",
            ),
            (
                "/task/workspaces/0/mountPath",
                json!("/m"),
                "declaration of workspace tree: {\"mountPath\":\"/workspace/tree\"} → {\"mountPath\":\"/m\"}",
            ),
        ] {
            assert_eq!(change(&[(pointer, value)]), expected, "{pointer}");
        }
    }

    #[test]
    fn contents_count_and_are_not_shown() {
        let map = change(&[("/settings/b", json!("3"))]);
        let secret = change(&[("/token/t", json!("0ther"))]);
        assert!(map.starts_with("configMap settings: sha256:"), "{map}");
        assert!(secret.starts_with("secret token: sha256:"), "{secret}");
        let all = serde_json::to_string(&of(&base())).unwrap();
        assert!(!all.contains("s3cret"), "{all}");
    }

    #[test]
    fn steps_count_in_their_order() {
        let steps = json!([
            {"name": "b", "image": "i"}, {"name": "a", "image": "i"}
        ]);
        let mut swapped = steps.clone();
        swapped.as_array_mut().unwrap().reverse();
        let (one, other) = (
            with(&[("/task/steps", steps)]),
            with(&[("/task/steps", swapped)]),
        );
        let change = first_change(&of(&one), &of(&other)).unwrap();
        assert_eq!(change.to_string(), "steps: b a → a b");
    }

    #[test]
    fn what_is_long_or_has_lines_is_a_digest() {
        let script = "x".repeat(81);
        let told = change(&[("/task/steps/0/script", json!(script))]);
        assert!(
            told.starts_with("script of step compile: make v1 in /workspace/tree → sha256:"),
            "{told}"
        );
        assert_eq!(
            told.chars()
                .rev()
                .take_while(char::is_ascii_hexdigit)
                .count(),
            12
        );
    }

    #[test]
    fn what_does_not_decide_the_outcome_does_not_count() {
        for (pointer, value) in [
            ("/run", json!("ci-x7k2p")),
            ("/uid", json!("22222222-run")),
            (
                "/workspaces/0/persistentVolumeClaim/claimName",
                json!("pvc-1111"),
            ),
            ("/timeout", json!(1)),
            ("/retries", json!(3)),
            ("/labels", json!({"team": "b"})),
            ("/images", json!({})),
            ("/task/steps/0/timeout", json!("1h")),
            ("/task/steps/0/displayName", json!("other")),
            ("/task/displayName", json!("other")),
            ("/task/description", json!("other")),
            ("/task/results/0/description", json!("other")),
            ("/task/workspaces/0/description", json!("other")),
            ("/podTemplate/nodeSelector", json!({"a": "b"})),
        ] {
            assert_eq!(change(&[(pointer, value)]), "unchanged", "{pointer}");
        }
    }

    #[test]
    fn names_of_runs_in_values_do_not_count_but_other_words_do() {
        let named = |run: &str, tag: &str| {
            of(&with(&[
                ("/run", json!(run)),
                ("/params/0/value", json!(tag)),
            ]))
        };
        let old = named("nightly", "app:nightly-amd64");
        assert_eq!(
            first_change(&old, &named("nightly-x7k2p", "app:nightly-x7k2p-amd64")),
            None
        );
        assert_eq!(
            first_change(&old, &named("nightly-x7k2p", "app:nightly-amd64")),
            None
        );
        let change = first_change(&old, &named("nightly-x7k2p", "app:weekly-amd64")).unwrap();
        assert_eq!(
            change.to_string(),
            "param tag: app:nightly-amd64 → app:weekly-amd64"
        );
    }

    #[test]
    fn inputs_survive_being_recorded() {
        let found = of(&base());
        let text = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<TaskInputs>(&text).unwrap(), found);
    }

    /// The same JSON with the keys of every object in another order.
    fn shuffled(value: &Value, seed: u64) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| shuffled(item, seed)).collect(),
            Value::Object(map) => {
                let mut keys: Vec<&String> = map.keys().collect();
                keys.sort_by_key(|key| {
                    key.bytes().fold(seed, |hash, byte| {
                        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
                    })
                });
                let entry = |key: &String| (key.clone(), shuffled(&map[key], seed));
                Value::Object(keys.into_iter().map(entry).collect::<Map<_, _>>())
            }
            other => other.clone(),
        }
    }

    proptest! {
        #[test]
        fn the_order_of_keys_does_not_count(seed in any::<u64>()) {
            prop_assert_eq!(of(&shuffled(&base(), seed)), of(&base()));
        }

        #[test]
        fn any_other_script_counts(script in "[a-z$() ]{1,100}") {
            let changed = with(&[("/task/steps/0/script", json!(script))]);
            let what = first_change(&of(&base()), &of(&changed)).map(|change| change.what);
            prop_assert_eq!(what.as_deref(), Some("script of step compile"));
        }
    }
}
