//! What of the Secrets of a run is to be masked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::resolve::{Library, secret_data};

/// The fields of a Docker configuration that grant access.
const CREDENTIALS: &[&str] = &["auth", "password", "identitytoken", "registrytoken"];

/// Every value of every Secret; of Docker configurations also the passwords in them.
pub(crate) fn secret_values(library: &Library) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    for secret in library.secrets() {
        for value in secret_data(secret).into_values() {
            if let Ok(config @ Value::Object(_)) = serde_json::from_slice(&value) {
                credentials(&config, &mut values);
            }
            values.push(value);
        }
    }
    values
}

fn credentials(value: &Value, found: &mut Vec<Vec<u8>>) {
    let Value::Object(map) = value else {
        return;
    };
    for (key, value) in map {
        credentials(value, found);
        let Some(text) = value
            .as_str()
            .filter(|_| CREDENTIALS.contains(&key.as_str()))
        else {
            continue;
        };
        found.push(text.as_bytes().to_vec());
        // `user:password`.
        let login = STANDARD.decode(text).ok().filter(|_| key == "auth");
        let login = login.and_then(|login| String::from_utf8(login).ok());
        if let Some((_, password)) = login.as_deref().and_then(|login| login.split_once(':')) {
            found.push(password.as_bytes().to_vec());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::secret_values;
    use crate::resolve::Library;

    #[test]
    fn passwords_inside_a_docker_configuration_are_values_too() {
        let mut library = Library::default();
        let config = br#"{"auths": {"r.example": {"auth": "bWU6aHVudGVyMg=="}}}"#;
        library.set_secret_value("s", ".dockerconfigjson", config);
        let values = secret_values(&library);
        for value in [&config[..], b"bWU6aHVudGVyMg==", b"hunter2"] {
            assert!(values.iter().any(|found| found == value), "{values:?}");
        }
    }
}
