//! Rules for probes and lifecycle handlers.

use serde_json::Value;

use super::invalid::Invalid;
use super::shapes::Part;
use super::syntax;
use crate::diagnostic::FieldPath;

const HANDLERS: [&str; 5] = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"];

/// Numbers of a probe that may not be negative.
const NUMBERS: [&str; 5] = [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
];

/// A readiness probe.
pub(super) fn probe(part: &Part<'_>, found: &mut Vec<Invalid>) {
    handler(part, found);
    for field in NUMBERS {
        if let Some(value) = part.fields.get(field)
            && value.as_i64().is_some_and(|number| number < 0)
        {
            let why = "must be greater than or equal to 0";
            found.push(Invalid::value(part.path.key(field), value, why));
        }
    }
    let grace = "terminationGracePeriodSeconds";
    if let Some(value) = part.fields.get(grace)
        && value.as_i64().is_some_and(|seconds| seconds < 1)
    {
        let why = "must be greater than 0";
        found.push(Invalid::value(part.path.key(grace), value, why));
    }
}

/// A liveness or startup probe.
pub(super) fn that_succeeds_once(part: &Part<'_>, found: &mut Vec<Invalid>) {
    probe(part, found);
    if let Some(value) = part.fields.get("successThreshold")
        && *value != 1
    {
        let path = part.path.key("successThreshold");
        found.push(Invalid::value(path, value, "must be 1"));
    }
}

/// What a probe or hook does: exactly one thing.
pub(super) fn handler(part: &Part<'_>, found: &mut Vec<Invalid>) {
    let mut given = HANDLERS.into_iter().filter(|name| part.has(name));
    if given.next().is_none() {
        let why = "must specify a handler type";
        found.push(Invalid::required(part.path.clone(), why));
    }
    for second in given {
        let why = "may not specify more than 1 handler type";
        found.push(Invalid::forbidden(part.path.key(second), why));
    }
    if let Some(exec) = part.fields.get("exec") {
        let command = exec.get("command").and_then(Value::as_array);
        if command.is_none_or(Vec::is_empty) {
            let path = part.path.key("exec").key("command");
            found.push(Invalid::required(path, ""));
        }
    }
    for action in ["httpGet", "tcpSocket"] {
        if let Some(fields) = part.fields.get(action) {
            let path = part.path.key(action).key("port");
            found.extend(port(path, fields.get("port")));
        }
    }
    if let Some(request) = part.fields.get("httpGet") {
        http(&part.path.key("httpGet"), request, found);
    }
}

fn http(path: &FieldPath, request: &Value, found: &mut Vec<Invalid>) {
    if let Some(scheme) = request.get("scheme")
        && !matches!(scheme.as_str(), Some("HTTP" | "HTTPS"))
    {
        let path = path.key("scheme");
        found.push(Invalid::unsupported(path, scheme, &["HTTP", "HTTPS"]));
    }
    let headers = request.get("httpHeaders").and_then(Value::as_array);
    for (index, header) in headers.into_iter().flatten().enumerate() {
        let name = header
            .get("name")
            .cloned()
            .unwrap_or_else(|| Value::from(""));
        if let Some(why) = name.as_str().and_then(syntax::header) {
            let path = path.key("httpHeaders").index(index).key("name");
            found.push(Invalid::value(path, &name, why));
        }
    }
}

/// A port by number or name.
fn port(path: FieldPath, value: Option<&Value>) -> Option<Invalid> {
    let Some(value) = value else {
        return Some(Invalid::value(path, &Value::from(0), RANGE));
    };
    let written = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match written.parse::<i64>() {
        Ok(1..=65535) => None,
        Ok(number) => Some(Invalid::value(path, &Value::from(number), RANGE)),
        Err(_) => {
            let why = syntax::port_name(&written)?;
            Some(Invalid::value(path, value, why))
        }
    }
}

const RANGE: &str = "must be between 1 and 65535, inclusive";
