//! Nothing in silence: what a document uses that means something else here.

use crate::diagnostic::{Diagnostics, DocumentId};
use crate::spec::Object;

/// Reports the fields a document uses that are not honoured.
pub fn support(_object: &Object, _document: DocumentId) -> Diagnostics {
    Diagnostics::default()
}

/// The table of all fields.
pub fn compatibility_table() -> String {
    String::new()
}
