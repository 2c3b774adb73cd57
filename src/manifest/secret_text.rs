//! The parts of a file that hold Secrets, recognised by their text: also where the YAML is broken.

use std::ops::Range;

/// What stands in a recorded file for a value of a Secret. It reads as text and as base64.
pub const RECORDED_SECRET: &str = "NotRecorded0";

/// The documents of a YAML stream, with the line that separates each from the one before.
fn documents(text: &str) -> Vec<Range<usize>> {
    let mut starts = vec![0];
    starts.extend(
        text.match_indices("\n---")
            .map(|(at, _)| at + 1)
            .filter(|at| *at > 0),
    );
    starts.push(text.len());
    starts.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

/// Whether a document says that it, or an item of it, is a Secret.
fn is_secret(document: &str) -> bool {
    let is_quote = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
    document.match_indices("kind").any(|(at, word)| {
        let value = document[at + word.len()..].trim_start_matches(is_quote);
        let value = value
            .strip_prefix(':')
            .map(|value| value.trim_start_matches(is_quote));
        let rest = value.and_then(|value| value.strip_prefix("Secret"));
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
    })
}

/// Where a field of that name begins.
fn place_of(document: &str, field: &str) -> Option<usize> {
    let is_quote = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
    let mut places = document.match_indices(field).map(|(at, _)| at);
    places.find(|at| {
        let before = document[..*at].chars().next_back();
        let behind = document[at + field.len()..].trim_start_matches(is_quote);
        behind.starts_with(':') && !before.is_some_and(char::is_alphanumeric)
    })
}

/// Whether the byte at `offset` may be part of a Secret.
pub(super) fn may_be_secret(text: &str, offset: usize) -> bool {
    let documents = documents(text);
    let document = documents
        .into_iter()
        .find(|range| range.contains(&offset) || range.end == text.len());
    document.is_some_and(|range| is_secret(&text[range]))
}

/// The text with the values of its Secrets replaced by `replace`, which knows them. What stands
/// before the data of a Secret, such as its name, stays.
pub fn without_secrets(text: &str, replace: impl Fn(&str) -> String) -> String {
    documents(text)
        .into_iter()
        .map(|range| {
            let document = &text[range];
            let data = ["data", "stringData"]
                .into_iter()
                .filter_map(|field| place_of(document, field))
                .min();
            match data.filter(|_| is_secret(document)) {
                Some(at) => document[..at].to_owned() + &replace(&document[at..]),
                None => document.to_owned(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{may_be_secret, without_secrets};

    const FILE: &str = "kind: Task\nx: hunter2\n---\nkind: Secret\nmetadata: {name: hunter2}\nstringData:\n  a: hunter2\n---\n{\"kind\" : \"Secret\", \"data\": {\"a\": \"hunter2\"}}\n---\nkind: SecretStore\n";

    #[test]
    fn values_of_secrets_are_replaced_and_nothing_else() {
        let text = without_secrets(FILE, |text| text.replace("hunter2", "gone"));
        assert_eq!(
            text,
            "kind: Task\nx: hunter2\n---\nkind: Secret\nmetadata: {name: hunter2}\nstringData:\n  a: gone\n---\n{\"kind\" : \"Secret\", \"data\": {\"a\": \"gone\"}}\n---\nkind: SecretStore\n"
        );
    }

    #[test]
    fn a_secret_is_known_by_its_text() {
        let at = |word: &str| may_be_secret(FILE, FILE.find(word).unwrap());
        assert!(at("stringData") && at("\"data\""));
        assert!(!at("x: hunter2") && !at("SecretStore"));
    }
}
