//! One input of a TaskRun.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

/// The longest value that is kept as it is, in characters; of a longer one the digest is kept.
const LONGEST_SHOWN: usize = 80;

/// What identifies the inputs of a TaskRun, by name of the input (`script of step compile`), for
/// deciding a reuse.
pub type TaskInputs = BTreeMap<String, TaskInput>;

/// One input: a short value as it is, a long one as `sha256:` and its digest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskInput {
    /// The value.
    pub value: String,
    /// The value with what differs from run to run (names, uids) replaced, where that makes a
    /// difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nameless: Option<String>,
}

impl TaskInput {
    /// A value, or the digest of one that is long or not one line.
    pub(crate) fn of_text(text: &str) -> Self {
        let fits = text.chars().count() <= LONGEST_SHOWN && !text.contains(char::is_control);
        Self {
            value: if fits {
                text.to_owned()
            } else {
                digest(text.as_bytes())
            },
            nameless: None,
        }
    }

    /// The digest of the content of a ConfigMap or Secret.
    pub(crate) fn of_content(data: Option<&BTreeMap<String, Vec<u8>>>) -> Self {
        Self {
            value: data.map_or_else(
                || "absent".to_owned(),
                |data| digest(canonical(data).as_bytes()),
            ),
            nameless: None,
        }
    }

    /// Equal as it is, or equal but for names of runs. The first holds for a text that contains
    /// the name of one of the runs by chance.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let nameless = |input: &Self| input.nameless.clone().unwrap_or(input.value.clone());
        is_same_text(&self.value, &other.value) || is_same_text(&nameless(self), &nameless(other))
    }
}

/// Of a value that held a Secret the digest was recorded.
fn is_same_text(one: &str, other: &str) -> bool {
    one == other || digest(one.as_bytes()) == other || one == digest(other.as_bytes())
}

/// What stands for a value that is not kept as it is.
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", crate::name::hex(&Sha256::digest(bytes)))
}

/// JSON whatever the order of keys.
pub(crate) fn canonical(value: &impl Serialize) -> String {
    let mut value = json!(value);
    value.sort_all_objects();
    value.to_string()
}
