//! The table for people: what needs which flag.

use std::fmt::Write as _;

use super::restricted::DEMANDS;
use super::table::TABLE;

/// What needs which flag, and what `--restricted` demands, in Markdown.
pub fn permissions_table() -> String {
    let mut text = "\
| control of Pod Security | field | allowed without a flag | flag for anything else |
| --- | --- | --- | --- |
"
    .to_owned();
    for row in TABLE {
        let fields: Vec<String> = row
            .fields
            .iter()
            .map(|field| format!("`{field}`"))
            .collect();
        let name = if row.flag.takes_name() { " NAME" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | `{}{name}` |",
            row.control,
            fields.join(", "),
            row.allowed,
            row.flag.name()
        );
    }
    text.push_str(
        "\n`--allow-privileged` implies all of these flags. With `--restricted` these are demanded \
         as well:\n\n| control of Pod Security | demand |\n| --- | --- |\n",
    );
    for (control, demand) in DEMANDS {
        let _ = writeln!(text, "| {control} | {demand} |");
    }
    text
}
