//! Whether what is mounted lies where it should.

use std::fs;
use std::io;

/// Targets of mounts, and with what the directory behind each has to end on the engine's disk.
pub(crate) type Places = [(String, String)];

/// The first target behind which another directory lies. An engine that binds a directory of a
/// volume by its path follows symbolic links on its own machine, and steps can make those.
pub(crate) fn strayed(places: &Places) -> io::Result<Option<&str>> {
    if places.is_empty() {
        return Ok(None);
    }
    let table = fs::read("/proc/self/mountinfo")?;
    let table = String::from_utf8_lossy(&table);
    let target = places.iter().find(|(target, end)| {
        // The table has the paths as the kernel resolved them in the image.
        let path = fs::canonicalize(target).ok();
        let path = path.as_deref().and_then(|path| path.to_str());
        !is_of(&table, path.unwrap_or(target), end)
    });
    Ok(target.map(|(target, _)| target.as_str()))
}

/// True when the last mount at `target` is of a directory whose path ends with `end`.
fn is_of(table: &str, target: &str, end: &str) -> bool {
    let last = table.lines().rev().find_map(|line| {
        let mut fields = line.split(' ').skip(3);
        let root = fields.next()?;
        (unescaped(fields.next()?) == target).then(|| unescaped(root))
    });
    last.is_some_and(|root| {
        let root = root.strip_suffix("//deleted").unwrap_or(&root);
        root.ends_with(end)
    })
}

/// A field of the table, in which the kernel writes what would part it in octal.
fn unescaped(field: &str) -> String {
    [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ]
    .iter()
    .fold(field.to_owned(), |text, (written, meant)| {
        text.replace(written, meant)
    })
}

#[cfg(test)]
mod tests {
    use super::is_of;

    #[test]
    fn a_mount_is_known_by_the_end_of_its_source() {
        let table = "\
1 0 8:1 / / rw - ext4 /dev/a rw
2 1 8:1 /volumes/v/_data/w/a\\040b /mnt/w rw,relatime master:1 - ext4 /dev/a rw
3 1 8:1 /etc /mnt/bad rw - ext4 /dev/a rw
4 1 8:1 /volumes/v/_data/w/gone//deleted /mnt/gone rw - ext4 /dev/a rw
5 1 8:1 /volumes/v/_data/twice /mnt/twice rw - ext4 /dev/a rw
6 1 8:1 /etc /mnt/twice rw - ext4 /dev/a rw
";
        for (target, end, expected) in [
            ("/mnt/w", "/v/_data/w/a b", true),
            ("/mnt/gone", "/v/_data/w/gone", true),
            ("/mnt/bad", "/v/_data/w/etc", false),
            ("/mnt/twice", "/v/_data/twice", false),
            ("/mnt/none", "/v/_data/none", false),
        ] {
            assert_eq!(is_of(table, target, end), expected, "{target}");
        }
    }
}
