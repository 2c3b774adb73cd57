//! The compatibility table: every field of every object, and what it does here.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;

use super::support::DOCUMENTS;
use crate::spec::{ObjectSchema, Schema, Support};

const INTRODUCTION: &str = "\
## Fields and what they do

Every field of Tekton's `v1` and of the Kubernetes types inside it that can be written in a \
document. A field that is not listed is an error.

* **yes**: means the same as on a cluster.
* **emulated**: works by other means; using it prints a notice.
* **no effect**: accepted, and harmless to leave in; using it gives a notice, unless it is text \
for people or bookkeeping.
* **refused**: using it is an error before anything starts.
";

/// The table of all fields of all objects, in Markdown: documents first, then what they contain,
/// each object once.
pub fn compatibility_table() -> String {
    let mut text = INTRODUCTION.to_owned();
    for object in objects() {
        section(&mut text, object);
    }
    text
}

fn objects() -> Vec<&'static ObjectSchema> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut queue = VecDeque::from(DOCUMENTS);
    while let Some(object) = queue.pop_front() {
        if seen.insert(object.name) {
            found.push(object);
            let inner = object.fields.iter();
            queue.extend(inner.filter_map(|field| contained(&(field.schema)())));
        }
    }
    found
}

fn contained(schema: &Schema) -> Option<&'static ObjectSchema> {
    match schema {
        Schema::Object(object) => Some(object),
        Schema::List(item) | Schema::Map(item) => contained(item),
        _ => None,
    }
}

fn section(text: &mut String, object: &ObjectSchema) {
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "\n### {}\n\n| field | here | how, or why not |\n| --- | --- | --- |\n",
        object.name
    );
    for field in object.fields {
        let (here, why) = match field.support {
            Support::Honoured => ("yes", ""),
            Support::Emulated(why) => ("emulated", why),
            Support::NoEffect(why) => ("no effect", why),
            Support::Refused(why) => ("refused", why),
        };
        let name = field.name;
        let _ = match contained(&(field.schema)()) {
            Some(inner) => {
                let anchor = inner.name.to_lowercase();
                writeln!(text, "| [`{name}`](#{anchor}) | {here} | {why} |")
            }
            None => writeln!(text, "| `{name}` | {here} | {why} |"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{compatibility_table, objects};

    #[test]
    fn every_object_stands_in_the_table_once() {
        let table = compatibility_table();
        for object in objects() {
            let heading = format!("\n### {}\n", object.name);
            assert_eq!(table.matches(&heading).count(), 1, "{}", object.name);
        }
        assert!(table.contains("| `displayName` | no effect | text for people |"));
        assert!(table.contains("| [`volumeMounts`](#volumemount) | yes |  |"));
    }

    #[test]
    fn links_lead_to_headings() {
        let table = compatibility_table().to_lowercase();
        for link in table.split("](#").skip(1) {
            let anchor = link.split(')').next().unwrap();
            assert!(table.contains(&format!("\n### {anchor}\n")), "{anchor}");
        }
    }
}
