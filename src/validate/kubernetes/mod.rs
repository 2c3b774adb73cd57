//! Kubernetes' own rules: what an API server rejects.
//!
//! The rules are those of `k8s.io/kubernetes/pkg/apis/core/validation`, as far as the fields have an
//! effect here, with the words of an API server. [`pod`] holds the Pod that Tekton would create
//! against the two tables `rules` (a value alone decides) and `shapes` (fields that depend on each
//! other); [`object`] a ConfigMap, a Secret or a claim that is given.

mod invalid;
mod objects;
mod probes;
mod rules;
mod select;
mod shapes;
mod syntax;
mod volumes;

pub use invalid::Invalid;
pub use select::select;

use serde_json::Value;

use crate::diagnostic::FieldPath;
use crate::spec::Object;
use crate::spec::core::PersistentVolumeClaim;
use shapes::Part;

/// What an API server would reject of a Pod. A text that still has a reference in it is passed
/// over unless the Pod is `settled`.
pub fn pod(pod: &Value, settled: bool) -> Vec<Invalid> {
    let is_late = |value: &Value| {
        let text = value.as_str();
        !settled && text.is_some_and(|text| text.contains("$("))
    };
    let mut found = Vec::new();
    for rule in rules::RULES {
        for field in rule.fields {
            let values = select(pod, field).into_iter();
            let values = values.filter(|(_, value)| !is_late(value));
            found.extend(values.filter_map(|(path, value)| (rule.check)(path, value)));
        }
    }
    for shape in shapes::SHAPES {
        for (path, value) in shape.objects.iter().flat_map(|at| select(pod, at)) {
            let Some(fields) = value.as_object() else {
                continue;
            };
            let part = Part { path, fields, pod };
            (shape.check)(&part, &mut found);
        }
    }
    found.retain(|invalid| settled || !invalid.message.contains("$("));
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found.dedup();
    found
}

/// What an API server would reject of a document, besides the rules of Tekton's webhook.
pub(super) fn object(object: &Object) -> Vec<Invalid> {
    let mut found = objects::metadata(object.metadata());
    match object {
        Object::ConfigMap(object) => found.extend(objects::config_map(object)),
        Object::Secret(object) => found.extend(objects::secret(object)),
        Object::PersistentVolumeClaim(object) => {
            found.extend(claim(&FieldPath::root(), object));
        }
        Object::PipelineRun(_)
        | Object::TaskRun(_)
        | Object::Pipeline(_)
        | Object::Task(_)
        | Object::StepAction(_)
        | Object::ServiceAccount(_) => {}
    }
    found
}

/// What an API server would reject of the claims that are made of a run's templates.
pub(super) fn claim_templates(object: &Object) -> Vec<Invalid> {
    match object {
        Object::PipelineRun(run) => templates(&run.spec.workspaces),
        Object::TaskRun(run) => templates(&run.spec.workspaces),
        _ => Vec::new(),
    }
}

fn claim(path: &FieldPath, claim: &PersistentVolumeClaim) -> Vec<Invalid> {
    let spec = claim.spec.clone().unwrap_or_default();
    objects::claim(&path.key("spec"), &spec)
}

fn templates(bindings: &[crate::spec::WorkspaceBinding]) -> Vec<Invalid> {
    let at = FieldPath::root().key("spec").key("workspaces");
    let templates = bindings.iter().enumerate().filter_map(|(index, binding)| {
        let template = binding.volume_claim_template.as_ref()?;
        Some(claim(&at.index(index).key("volumeClaimTemplate"), template))
    });
    templates.flatten().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{object, pod};
    use crate::spec::Object;

    fn said(value: &Value) -> Vec<String> {
        pod(value, true).iter().map(ToString::to_string).collect()
    }

    fn container(fields: &Value) -> Value {
        let mut container = json!({"name": "step-a", "image": "i"});
        for (key, value) in fields.as_object().unwrap() {
            container[key] = value.clone();
        }
        json!({"spec": {"containers": [container]}})
    }

    fn spec(fields: &Value) -> Value {
        json!({"spec": fields})
    }

    /// Pods that an API server rejects, and what it says.
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn rejected() -> Vec<(Value, &'static str)> {
        let volume = |source: Value| {
            let mut volume = source;
            volume["name"] = json!("v");
            spec(&json!({"volumes": [volume]}))
        };
        vec![
            (
                container(&json!({"ports": [{"containerPort": 70000}]})),
                "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
            ),
            (
                container(
                    &json!({"readinessProbe": {"exec": {"command": ["true"]}, "tcpSocket": {"port": "80"}}}),
                ),
                "spec.containers[0].readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
            ),
            (
                container(&json!({"livenessProbe": {"periodSeconds": 1}})),
                "spec.containers[0].livenessProbe: Required value: must specify a handler type",
            ),
            (
                container(
                    &json!({"livenessProbe": {"exec": {"command": ["a"]}, "periodSeconds": -1}}),
                ),
                "spec.containers[0].livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
            ),
            (
                container(&json!({"startupProbe": {"httpGet": {"port": "99999", "path": "/"}}})),
                "spec.containers[0].startupProbe.httpGet.port: Invalid value: 99999: must be between 1 and 65535, inclusive",
            ),
            (
                volume(json!({"configMap": {"name": "c", "defaultMode": 755}})),
                "spec.volumes[0].configMap.defaultMode: Invalid value: 755: must be a number between 0 and 0777 (octal), both inclusive",
            ),
            (
                volume(json!({"configMap": {"name": "c"}, "secret": {"secretName": "s"}})),
                "spec.volumes[0].secret: Forbidden: may not specify more than 1 volume type",
            ),
            (
                volume(
                    json!({"configMap": {"name": "c", "items": [{"key": "a", "path": "../../x"}]}}),
                ),
                "spec.volumes[0].configMap.items[0].path: Invalid value: \"../../x\": must not contain '..'",
            ),
            (
                volume(
                    json!({"secret": {"secretName": "c", "items": [{"key": "a", "path": "/x"}]}}),
                ),
                "spec.volumes[0].secret.items[0].path: Invalid value: \"/x\": must be a relative path",
            ),
            (
                volume(json!({"secret": {}})),
                "spec.volumes[0].secret.secretName: Required value",
            ),
            (
                container(&json!({"imagePullPolicy": "Sometimes"})),
                "spec.containers[0].imagePullPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"IfNotPresent\", \"Never\"",
            ),
            (
                container(&json!({"image": "busybox\n"})),
                "spec.containers[0].image: Invalid value: \"busybox\\n\": must not have leading or trailing whitespace",
            ),
            (
                container(
                    &json!({"env": [{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}),
                ),
                "spec.containers[0].env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty",
            ),
            (
                container(
                    &json!({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}, "configMapKeyRef": {"name": "c", "key": "a"}}}]}),
                ),
                "spec.containers[0].env[0].valueFrom: Invalid value: \"\": may not have more than one field specified at a time",
            ),
            (
                container(
                    &json!({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "c", "key": "a/b"}}}]}),
                ),
                "spec.containers[0].env[0].valueFrom.secretKeyRef.key: Invalid value: \"a/b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
            ),
            (
                container(&json!({"env": [{"value": "x"}]})),
                "spec.containers[0].env[0].name: Required value",
            ),
            (
                container(&json!({"envFrom": [{"prefix": "A"}]})),
                "spec.containers[0].envFrom[0]: Invalid value: \"\": must specify one of: `configMapRef` or `secretRef`",
            ),
            (
                container(&json!({"volumeMounts": [{"name": "v", "mountPath": "/x"}]})),
                "spec.containers[0].volumeMounts[0].name: Not found: \"v\"",
            ),
            (
                container(
                    &json!({"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1500m"}}}),
                ),
                "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1500m",
            ),
            (
                container(&json!({"resources": {"limits": {"memory": "1GB"}}})),
                "spec.containers[0].resources.limits.memory: Invalid value: \"1GB\": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            ),
            (
                container(&json!({"securityContext": {"runAsUser": -1}})),
                "spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive",
            ),
            (
                container(&json!({"securityContext": {"seccompProfile": {"type": "Localhost"}}})),
                "spec.containers[0].securityContext.seccompProfile.localhostProfile: Required value: must be set when the type is Localhost",
            ),
            (
                spec(&json!({"hostAliases": [{"ip": "here", "hostnames": ["db"]}]})),
                "spec.hostAliases[0].ip: Invalid value: \"here\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            ),
            (
                spec(&json!({"dnsPolicy": "None"})),
                "spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None",
            ),
            (
                spec(
                    &json!({"dnsConfig": {"nameservers": ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"]}}),
                ),
                "spec.dnsConfig.nameservers: Invalid value: [\"1.1.1.1\",\"1.1.1.2\",\"1.1.1.3\",\"1.1.1.4\"]: must not have more than 3 nameservers",
            ),
            (
                spec(&json!({"tolerations": [{"key": "a", "operator": "In"}]})),
                "spec.tolerations[0].operator: Unsupported value: \"In\": supported values: \"Equal\", \"Exists\"",
            ),
            (
                spec(&json!({"securityContext": {"sysctls": [{"name": "Kernel", "value": "1"}]}})),
                "spec.securityContext.sysctls[0].name: Invalid value: \"Kernel\": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$",
            ),
        ]
    }

    #[test]
    fn an_invalid_pod_is_told_in_the_words_of_an_api_server() {
        for (pod, expected) in rejected() {
            assert_eq!(said(&pod), [expected], "{pod:#}");
        }
    }

    #[test]
    fn fields_of_variables_and_mounts_are_checked() {
        let first = |pod: &Value| said(pod).first().cloned().unwrap_or_default();
        let field = container(
            &json!({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.foo"}}}]}),
        );
        assert!(
            first(&field).starts_with(
                "spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: \"spec.foo\""
            ),
            "{}",
            first(&field)
        );
        let mount = |mounts: Value| {
            let mut pod = container(&json!({"volumeMounts": mounts}));
            pod["spec"]["volumes"] = json!([{"name": "v", "emptyDir": {}}]);
            said(&pod)
        };
        assert_eq!(
            mount(json!([{"name": "v", "mountPath": "/x"}, {"name": "v", "mountPath": "/x"}])),
            ["spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/x\": must be unique"]
        );
        assert_eq!(
            mount(json!([{"name": "v", "mountPath": "/x", "subPath": "../y"}])),
            [
                "spec.containers[0].volumeMounts[0].subPath: Invalid value: \"../y\": must not contain '..'"
            ]
        );
        assert_eq!(
            mount(json!([{"name": "v", "mountPath": "/x", "subPath": "a", "subPathExpr": "b"}])),
            [
                "spec.containers[0].volumeMounts[0].subPathExpr: Invalid value: \"b\": subPathExpr and subPath are mutually exclusive"
            ]
        );
    }

    #[test]
    fn a_text_with_a_reference_waits_until_its_value_is_known() {
        let value = container(&json!({"imagePullPolicy": "$(params.p)"}));
        assert!(pod(&value, false).is_empty());
        assert_eq!(said(&value).len(), 1);
    }

    #[test]
    fn a_valid_pod_is_taken() {
        let mut value = container(&json!({
            "env": [{"name": "a.b-c", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a']"}}}],
            "envFrom": [{"prefix": "P_", "secretRef": {"name": "s"}}],
            "ports": [{"name": "http", "containerPort": 80, "protocol": "UDP"}],
            "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}},
            "readinessProbe": {"httpGet": {"path": "/", "port": "http", "httpHeaders": [{"name": "X-A", "value": "1"}]}},
        }));
        value["metadata"] = json!({"labels": {"a/b": ""}, "annotations": {"A": "any thing"}});
        value["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
        value["spec"]["volumes"] = json!([
            {"name": "v", "projected": {"defaultMode": 288, "sources": [
                {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
            ]}},
        ]);
        assert_eq!(said(&value), [""; 0]);
    }

    fn of_object(kind: &str, value: Value) -> Vec<String> {
        let object = match kind {
            "ConfigMap" => {
                super::object(&Object::ConfigMap(serde_json::from_value(value).unwrap()))
            }
            "Secret" => super::object(&Object::Secret(serde_json::from_value(value).unwrap())),
            _ => object(&Object::PersistentVolumeClaim(
                serde_json::from_value(value).unwrap(),
            )),
        };
        object.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn objects_are_checked_without_quoting_secrets() {
        let keys = of_object(
            "ConfigMap",
            json!({"data": {"a/b": "x", "dup": "1"}, "binaryData": {"dup": "AAE="}}),
        );
        assert!(
            keys[0].starts_with("data.a/b: Invalid value: \"a/b\": a valid config key"),
            "{keys:?}"
        );
        assert_eq!(
            keys[1..],
            ["data.dup: Invalid value: \"dup\": duplicate of key present in binaryData"]
        );
        assert_eq!(
            of_object("Secret", json!({"data": {"token": "not base64!"}})),
            ["data.token: illegal base64 data at input byte 3"]
        );
        assert_eq!(
            of_object(
                "Secret",
                json!({"data": {"a": "YWJj\nZGVm\n"}, "type": "kubernetes.io/ssh-auth"})
            ),
            ["data.ssh-privatekey: Required value"]
        );
        assert_eq!(
            of_object(
                "Secret",
                json!({"stringData": {".dockerconfigjson": "hunter2"}, "type": "kubernetes.io/dockerconfigjson"})
            ),
            [
                "data..dockerconfigjson: Invalid value: \"<secret contents redacted>\": must be a JSON object"
            ]
        );
        let labels = of_object(
            "ConfigMap",
            json!({"metadata": {"labels": {"team": "a b"}}}),
        );
        assert!(
            labels[0].starts_with("metadata.labels.team: Invalid value: \"a b\": a valid label"),
            "{labels:?}"
        );
    }

    #[test]
    fn claims_need_a_mode_and_a_size() {
        assert_eq!(
            of_object("PersistentVolumeClaim", json!({"spec": {}})),
            [
                "spec.accessModes: Required value: at least 1 access mode is required",
                "spec.resources.requests.storage: Required value",
            ]
        );
        assert_eq!(
            of_object(
                "PersistentVolumeClaim",
                json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})
            ),
            [""; 0]
        );
    }
}
