//! Finding values in a JSON tree by a pattern of field names.

use serde_json::Value;

use crate::diagnostic::FieldPath;

/// Every value that a pattern such as `spec.containers[*].ports[*].hostPort` names, with its
/// path. `[*]` stands for each item of a list and `*` for each key of a map.
pub fn select<'v>(root: &'v Value, pattern: &str) -> Vec<(FieldPath, &'v Value)> {
    let mut found = vec![(FieldPath::root(), root)];
    for part in pattern.split('.').filter(|part| !part.is_empty()) {
        let (field, is_list) = match part.strip_suffix("[*]") {
            Some(field) => (field, true),
            None => (part, false),
        };
        found = found
            .iter()
            .flat_map(|(path, value)| fields(path, value, field))
            .collect();
        if is_list {
            found = found
                .iter()
                .flat_map(|(path, value)| items(path, value))
                .collect();
        }
    }
    found
}

fn fields<'v>(path: &FieldPath, value: &'v Value, field: &str) -> Vec<(FieldPath, &'v Value)> {
    let map = value.as_object().into_iter().flatten();
    map.filter(|(key, _)| field == "*" || *key == field)
        .map(|(key, value)| (path.key(key), value))
        .collect()
}

fn items<'v>(path: &FieldPath, value: &'v Value) -> Vec<(FieldPath, &'v Value)> {
    let list = value.as_array().into_iter().flatten().enumerate();
    list.map(|(index, value)| (path.index(index), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::select;

    #[test]
    fn a_pattern_names_every_item_and_every_key() {
        let tree = json!({"a": [{"b": 1}, {"c": 2}, {"b": 3}], "m": {"x": 4, "y": 5}});
        let found = |pattern| -> Vec<(String, i64)> {
            let found = select(&tree, pattern).into_iter();
            found
                .map(|(path, value)| (path.to_string(), value.as_i64().unwrap()))
                .collect()
        };
        assert_eq!(
            found("a[*].b"),
            [("a[0].b".to_owned(), 1), ("a[2].b".to_owned(), 3)]
        );
        assert_eq!(found("m.*"), [("m.x".to_owned(), 4), ("m.y".to_owned(), 5)]);
        assert!(found("a.b").is_empty());
    }
}
