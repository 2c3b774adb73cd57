//! `--image-map` and `--image-map-file`: another image in place of one.

use std::path::Path;

use regex::Regex;

use crate::cli::error::CliError;

/// Patterns on the requested reference, each with the image to use instead.
pub(crate) type ImageMap = Vec<(Regex, String)>;

/// Reads `FROM=TO`. FROM is a whole reference; `*` in it stands for any text.
pub(crate) fn parse(argument: &str) -> Result<(Regex, String), CliError> {
    let fault = |why: &str| CliError::usage(format!("invalid value for `--image-map`: {why}"));
    let (from, to) = argument
        .split_once('=')
        .filter(|(from, to)| !from.is_empty() && !to.is_empty())
        .ok_or_else(|| fault(&format!("`{argument}` is not of the form FROM=TO")))?;
    let pattern = regex::escape(from).replace(r"\*", ".*");
    let pattern = Regex::new(&format!("^{pattern}$")).map_err(|error| fault(&error.to_string()))?;
    Ok((pattern, to.to_owned()))
}

/// Reads a file of lines: a regular expression on the requested reference, a tab, the image.
/// Further columns are left to people, lines that begin with `#` and empty ones as well.
pub(crate) fn read_file(path: &Path) -> Result<ImageMap, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        CliError::usage(format!("cannot read the image map {}", path.display()))
            .cause(error.to_string())
    })?;
    let mut map = ImageMap::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let fault = |why: String| {
            CliError::usage(format!("{}:{}: {why}", path.display(), index + 1)).hint(
                "each line is a regular expression for the reference, a tab and the image to use",
            )
        };
        let mut columns = line.split('\t').map(str::trim);
        let (Some(pattern), Some(image)) = (columns.next(), columns.next()) else {
            return Err(fault("the line has no tab".to_owned()));
        };
        if image.is_empty() {
            return Err(fault("the line has no image".to_owned()));
        }
        let pattern = Regex::new(pattern)
            .map_err(|error| fault(format!("not a regular expression: {error}")))?;
        map.push((pattern, image.to_owned()));
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::{parse, read_file};

    #[test]
    fn a_reference_is_replaced_as_a_whole() {
        for (argument, reference, expected) in [
            ("a:1=b", "a:1", true),
            ("a.c=b", "abc", false),
            ("a=b", "a:1", false),
            ("reg/*:1=b", "reg/x/y:1", true),
            ("a=b=c", "a", true),
        ] {
            let (pattern, _) = parse(argument).unwrap();
            assert_eq!(pattern.is_match(reference), expected, "{argument}");
        }
        for argument in ["a", "=b", "a="] {
            assert!(parse(argument).is_err(), "{argument}");
        }
    }

    #[test]
    fn a_file_has_a_pattern_and_an_image_in_each_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("map");
        std::fs::write(&path, "# all\n\n^a(:|$)\tb\tsays why\n.*\tc\n").unwrap();
        let map = read_file(&path).unwrap();
        let images: Vec<&str> = map.iter().map(|(_, image)| image.as_str()).collect();
        assert_eq!(images, ["b", "c"]);
        assert!(map[0].0.is_match("a:1") && !map[0].0.is_match("ab"));

        for (text, line) in [("x y\n", 1), ("#\n(\tb\n", 2), ("a\t\n", 1)] {
            std::fs::write(&path, text).unwrap();
            let message = read_file(&path).unwrap_err().message;
            let place = format!("{}:{line}: ", path.display());
            assert!(message.starts_with(&place), "{message}");
        }
    }
}
