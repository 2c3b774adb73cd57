//! Just enough of Rust's grammar to read imports: words and signs, without comments, literals and tests.

/// A word or a sign of Rust, with its line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    /// As written.
    pub(crate) text: String,
    /// Counted from 1.
    pub(crate) line: usize,
}

/// The words and signs of Rust code: `::` is one sign; comments, strings and characters are left out.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let (length, is_token) = next(rest, first);
        if is_token {
            tokens.push(Token {
                text: rest[..length].to_owned(),
                line,
            });
        }
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// The length of what `rest` begins with, and whether it is a token.
fn next(rest: &str, first: char) -> (usize, bool) {
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), false);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), false);
    }
    if let Some(length) = string(rest).or_else(|| character(rest)) {
        return (length, false);
    }
    if first.is_alphanumeric() || first == '_' {
        let ends = |c: char| !c.is_alphanumeric() && c != '_';
        return (rest.find(ends).unwrap_or(rest.len()), true);
    }
    if rest.starts_with("::") {
        return (2, true);
    }
    (first.len_utf8(), !first.is_whitespace())
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The length of the string literal, raw or not, that `rest` begins with.
fn string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r", "b", "c", ""]
        .into_iter()
        .find(|prefix| matches!(rest.strip_prefix(prefix), Some(r) if r.starts_with(['"', '#'])))?;
    let body = &rest[prefix.len()..];
    if prefix.contains('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        let open = body[hashes..].strip_prefix('"')?;
        let close = format!("\"{}", "#".repeat(hashes));
        let end = open.find(&close).map_or(open.len(), |at| at + close.len());
        return Some(prefix.len() + hashes + 1 + end);
    }
    Some(prefix.len() + quoted(body, '"')?)
}

/// The length of the character literal that `rest` begins with; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let prefix = usize::from(rest.starts_with("b'"));
    let body = &rest[prefix..];
    let mut inside = body.strip_prefix('\'')?.chars();
    let is_literal = inside.next() == Some('\\') || inside.next() == Some('\'');
    is_literal
        .then(|| quoted(body, '\''))
        .flatten()
        .map(|length| prefix + length)
}

/// The length of a literal between two `quote`s, a backslash escaping what follows it.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    let inside = rest.strip_prefix(quote)?;
    let end = inside.char_indices().find(|(_, c)| {
        let ends = !escaped && *c == quote;
        escaped = !escaped && *c == '\\';
        ends
    });
    Some(end.map_or(rest.len(), |(at, c)| at + 2 * c.len_utf8()))
}

/// `tokens` without the items under `#[cfg(test)]`.
pub(crate) fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const ATTRIBUTE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let window = tokens[at..].iter().take(ATTRIBUTE.len());
        if window.map(|token| token.text.as_str()).eq(ATTRIBUTE) {
            at = end_of_item(tokens, at + ATTRIBUTE.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// The place behind the item at `start`: behind its `;`, or the brace that closes it.
fn end_of_item(tokens: &[Token], start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && matches!(token.text.as_str(), ";" | "}") {
            return at + 1;
        }
    }
    tokens.len()
}

#[test]
fn literals_and_comments_are_left_out_and_lines_counted() {
    let text = "a::b // c::d\n/* e\n*/ 'f' 'static \"g\\\"h\" r#\"i\"# b'j' k";
    let found: Vec<_> = tokens(text)
        .into_iter()
        .map(|token| (token.text, token.line))
        .collect();
    let expected = [
        ("a", 1),
        ("::", 1),
        ("b", 1),
        ("'", 3),
        ("static", 3),
        ("k", 3),
    ];
    assert_eq!(found, expected.map(|(text, line)| (text.to_owned(), line)));
}
