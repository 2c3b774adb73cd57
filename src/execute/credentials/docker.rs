//! `.docker/config.json` (`pkg/credentials/dockercreds`).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;

use super::select::Mounted;

/// A login to a registry: all that Tekton keeps of one. Identity tokens and credential helpers
/// are dropped, as upstream.
#[derive(Clone, Default, Serialize)]
struct Login {
    #[serde(skip_serializing_if = "String::is_empty")]
    username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    password: String,
    auth: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    email: String,
}

#[derive(Serialize)]
struct ConfigFile {
    auths: BTreeMap<String, Login>,
}

/// The logins to registries, by where they come from.
#[derive(Default)]
pub(super) struct DockerAuths {
    logins: BTreeMap<String, Login>,
    configs: Vec<Mounted>,
    cfgs: Vec<Mounted>,
}

impl DockerAuths {
    /// A user name and password for a URL.
    pub(super) fn add_login(&mut self, url: &str, secret: &Mounted) -> Result<(), String> {
        if self.logins.contains_key(url) {
            return Err(format!("multiple entries for url: {url}"));
        }
        let (username, password) = (secret.read("username")?, secret.read("password")?);
        let pair = [username, b":", password].concat();
        self.logins.insert(
            url.to_owned(),
            Login {
                username: String::from_utf8_lossy(username).into_owned(),
                password: String::from_utf8_lossy(password).into_owned(),
                auth: STANDARD.encode(pair),
                email: "not@val.id".to_owned(),
            },
        );
        Ok(())
    }

    /// A whole `config.json`.
    pub(super) fn add_config(&mut self, secret: &Mounted) {
        self.configs.push(secret.clone());
    }

    /// A whole `.dockercfg`.
    pub(super) fn add_cfg(&mut self, secret: &Mounted) {
        self.cfgs.push(secret.clone());
    }

    /// The content of `.docker/config.json`, `None` without a login. A later source wins for a
    /// registry: `.dockercfg`, then `config.json`, then user name and password.
    pub(super) fn config_json(&self) -> Result<Option<String>, String> {
        let mut auths = BTreeMap::new();
        for secret in &self.cfgs {
            auths.extend(entries(&document(secret, ".dockercfg")?, secret)?);
        }
        for secret in &self.configs {
            let document = document(secret, ".dockerconfigjson")?;
            if let Some(map) = field(&document, "auths") {
                auths.extend(entries(map, secret)?);
            }
        }
        auths.extend(self.logins.clone());
        if auths.is_empty() {
            return Ok(None);
        }
        let text =
            serde_json::to_string(&ConfigFile { auths }).map_err(|fault| fault.to_string())?;
        Ok(Some(html_escaped(&text)))
    }
}

fn document(secret: &Mounted, key: &str) -> Result<Value, String> {
    let document: Value = serde_json::from_slice(secret.read(key)?)
        .map_err(|fault| format!("{key} of secret \"{}\": {fault}", secret.name))?;
    if document.is_object() || document.is_null() {
        Ok(document)
    } else {
        Err(format!(
            "{key} of secret \"{}\": not an object",
            secret.name
        ))
    }
}

fn entries(map: &Value, secret: &Mounted) -> Result<Vec<(String, Login)>, String> {
    let wrong = |what: &str| format!("auths of secret \"{}\": {what}", secret.name);
    let map = match map {
        Value::Null => return Ok(Vec::new()),
        Value::Object(map) => map,
        _ => return Err(wrong("not an object")),
    };
    let mut list = Vec::new();
    for (registry, entry) in map {
        if !(entry.is_object() || entry.is_null()) {
            return Err(wrong(&format!("\"{registry}\" is not an object")));
        }
        let text = |name: &str| match field(entry, name) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(wrong(&format!("{name} of \"{registry}\" is not text"))),
        };
        let auth = Login {
            username: text("username")?,
            password: text("password")?,
            auth: text("auth")?,
            email: text("email")?,
        };
        list.push((registry.clone(), auth));
    }
    Ok(list)
}

/// A field, found as Go finds it: whatever its case, the last one counts.
fn field<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object
        .as_object()?
        .iter()
        .rfind(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// Go's JSON has these escaped, and they occur in strings only.
fn html_escaped(json: &str) -> String {
    json.replace('&', "\\u0026")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}
