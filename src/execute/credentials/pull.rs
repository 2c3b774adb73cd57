//! Credentials for pulling images.

use serde_json::json;

use crate::resolve::{Library, secret_data};
use crate::spec::ServiceAccount;
use crate::spec::core::LocalObjectReference;

/// The `config.json` of every `imagePullSecrets` there is, in order. As on a cluster, those of the
/// service account are used when the pod template names none; secrets that are not there, or hold
/// no docker configuration, are passed over.
pub(in crate::execute) fn pull_secrets(
    service_account: Option<&ServiceAccount>,
    image_pull_secrets: &[LocalObjectReference],
    library: &Library,
) -> Vec<Vec<u8>> {
    let of_account = service_account.map_or(&[][..], |account| &account.image_pull_secrets);
    let names = if image_pull_secrets.is_empty() {
        of_account
    } else {
        image_pull_secrets
    };
    names
        .iter()
        .filter_map(|reference| library.secret(&reference.name))
        .filter_map(|secret| {
            let mut data = secret_data(secret);
            match secret.secret_type.as_str() {
                "kubernetes.io/dockerconfigjson" => data.remove(".dockerconfigjson"),
                "kubernetes.io/dockercfg" => wrapped(&data.remove(".dockercfg")?),
                _ => None,
            }
        })
        .collect()
}

/// A `.dockercfg` is what `config.json` has below `auths`.
fn wrapped(cfg: &[u8]) -> Option<Vec<u8>> {
    let auths: serde_json::Value = serde_json::from_slice(cfg).ok()?;
    Some(json!({ "auths": auths }).to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::pull_secrets;
    use crate::resolve::Library;
    use crate::spec::{Object, ServiceAccount};

    fn pulled(account: &Value, template: Value) -> Vec<String> {
        let secret = |name: &str, kind: &str, key: &str, text: &str| {
            let object = json!({"metadata": {"name": name}, "type": format!("kubernetes.io/{kind}"), "stringData": {key: text}});
            Object::Secret(Box::new(serde_json::from_value(object).unwrap()))
        };
        let library = Library::new(&[
            secret(
                "new",
                "dockerconfigjson",
                ".dockerconfigjson",
                r#"{"auths":{"a":{}}, "credsStore":"x"}"#,
            ),
            secret("old", "dockercfg", ".dockercfg", r#"{"b":{"auth":"dTpw"}}"#),
            secret("login", "basic-auth", "username", "u"),
        ]);
        let account: ServiceAccount = serde_json::from_value(account.clone()).unwrap();
        let template: Vec<_> = serde_json::from_value(template).unwrap();
        pull_secrets(Some(&account), &template, &library)
            .into_iter()
            .map(|content| String::from_utf8(content).unwrap())
            .collect()
    }

    #[test]
    fn the_template_comes_before_the_account_and_both_formats_are_config_json() {
        let account =
            json!({"imagePullSecrets": [{"name": "login"}, {"name": "gone"}, {"name": "new"}]});
        let new = r#"{"auths":{"a":{}}, "credsStore":"x"}"#;
        let old = r#"{"auths":{"b":{"auth":"dTpw"}}}"#;
        assert_eq!(pulled(&account, json!([])), [new]);
        assert_eq!(
            pulled(&account, json!([{"name": "old"}, {"name": "new"}])),
            [old, new]
        );
    }
}
