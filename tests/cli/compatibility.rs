//! The table of fields in the documentation is the one in the code.

use std::fs;
use std::path::Path;

use tkn_local::validate::compatibility_table;

use crate::sources::read;

const DOCUMENT: &str = "docs/compatibility.md";
const BEGINNING: &str = "## Fields and what they do";

/// To bring the document up to date, copy the file this test names over it.
#[test]
fn the_table_of_the_document_is_that_of_the_code() {
    let document = read(DOCUMENT).text;
    let (by_hand, _) = document
        .split_once(BEGINNING)
        .unwrap_or((document.as_str(), ""));
    let wanted = format!("{by_hand}{}", compatibility_table());
    if document != wanted {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compatibility.md");
        fs::write(&file, wanted).expect("the target's folder is writable");
        panic!(
            "{DOCUMENT} is not what the code says: cp {} {DOCUMENT}",
            file.display()
        );
    }
}
