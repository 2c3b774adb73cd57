//! URLs read and written as Go's `net/url` does: `.git-credentials` holds what it makes of the
//! annotation, also when that has no scheme.

/// A URL taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct GoUrl {
    scheme: String,
    opaque: String,
    host: String,
    /// Without escapes.
    path: Vec<u8>,
    escaped_path: String,
    /// With its `?`.
    query: String,
    /// With its `#`.
    fragment: String,
}

/// What a text with escapes is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Login,
    Host,
    Path,
    Fragment,
}

impl Part {
    /// The characters besides letters, digits and `-_.~` that stand for themselves.
    const fn plain(self) -> &'static [u8] {
        match self {
            Self::Login => b"$&+,;=",
            Self::Host => b"!$&'()*+,;=:[]<>\"",
            Self::Path => b"$&+,/:;=@",
            Self::Fragment => b"!$&()*+,/:;=?@",
        }
    }

    fn is_plain(self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || self.plain().contains(&byte)
    }
}

impl GoUrl {
    /// Reads a URL. The error is Go's.
    pub(super) fn parse(raw: &str) -> Result<Self, String> {
        Self::parts(raw).map_err(|fault| format!("parse {}: {fault}", quoted(raw)))
    }

    fn parts(raw: &str) -> Result<Self, String> {
        let (rest, fragment) = raw.split_once('#').unwrap_or((raw, ""));
        if rest.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let mut url = Self::default();
        if !fragment.is_empty() {
            let plain = unescaped(fragment, Part::Fragment)?;
            url.fragment = format!("#{}", kept(fragment, &plain, Part::Fragment));
        }
        let (scheme, rest) = scheme(rest)?;
        url.scheme = scheme.to_ascii_lowercase();
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, format!("?{query}")),
            None => (rest, String::new()),
        };
        url.query = query;
        if !rest.starts_with('/') {
            if !url.scheme.is_empty() {
                rest.clone_into(&mut url.opaque);
                return Ok(url);
            }
            if rest
                .split('/')
                .next()
                .is_some_and(|part| part.contains(':'))
            {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        let authority = rest
            .strip_prefix("//")
            .filter(|_| !url.scheme.is_empty() || !rest.starts_with("///"));
        let path = match authority {
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                url.host = host(authority)?;
                path
            }
            None => rest,
        };
        url.path = unescaped(path, Part::Path)?;
        url.escaped_path = kept(path, &url.path, Part::Path);
        Ok(url)
    }

    /// True when it names more than a host.
    pub(super) fn has_path(&self) -> bool {
        !matches!(self.path.as_slice(), b"" | b"/")
    }

    /// The URL with this login in place of its own.
    pub(super) fn with_login(&self, username: &[u8], password: &[u8]) -> String {
        let mut text = String::new();
        if !self.scheme.is_empty() {
            text.push_str(&self.scheme);
            text.push(':');
        }
        if self.opaque.is_empty() {
            text.push_str("//");
            escape(username, Part::Login, &mut text);
            text.push(':');
            escape(password, Part::Login, &mut text);
            text.push('@');
            text.push_str(&self.host);
            if !self.host.is_empty() && !matches!(self.escaped_path.as_bytes(), [] | [b'/', ..]) {
                text.push('/');
            }
            text.push_str(&self.escaped_path);
        } else {
            text.push_str(&self.opaque);
        }
        text + &self.query + &self.fragment
    }
}

/// A text as Go's `%q` writes it.
pub(super) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn scheme(text: &str) -> Result<(&str, &str), String> {
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

/// The host of an authority, escaped; the login in front of it is dropped.
fn host(authority: &str) -> Result<String, String> {
    let (login, host) = match authority.rsplit_once('@') {
        Some((login, host)) => (login, host),
        None => ("", authority),
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
    if !login.bytes().all(allowed) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    unescaped(login, Part::Login)?;
    let port = if host.starts_with('[') {
        let end = host.rfind(']').ok_or("missing ']' in host")?;
        &host[end + 1..]
    } else {
        host.rfind(':').map_or("", |at| &host[at..])
    };
    let digits = port.strip_prefix(':').unwrap_or(port);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || (port == digits && !port.is_empty()) {
        return Err(format!("invalid port {} after host", quoted(port)));
    }
    let mut text = String::new();
    escape(&unescaped(host, Part::Host)?, Part::Host, &mut text);
    Ok(text)
}

fn unescaped(text: &str, part: Part) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        if byte == b'%' {
            let digits = text.as_bytes().get(at + 1..at + 3).unwrap_or_default();
            let value = std::str::from_utf8(digits)
                .ok()
                .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
                .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                .filter(|value| part != Part::Host || *value >= 0x80);
            let Some(value) = value else {
                let end = text.len().min(at + 3);
                let shown = text.get(at..end).unwrap_or("%");
                return Err(format!("invalid URL escape {}", quoted(shown)));
            };
            out.push(value);
            bytes.nth(1);
        } else if part == Part::Host && byte.is_ascii() && !part.is_plain(byte) {
            let shown = char::from(byte).to_string();
            return Err(format!("invalid character {} in host name", quoted(&shown)));
        } else {
            out.push(byte);
        }
    }
    Ok(out)
}

/// The text as written when it needs no more escapes than it has, else escaped anew.
fn kept(written: &str, plain: &[u8], part: Part) -> String {
    let fine = |byte: u8| part.is_plain(byte) || b"!'()*[]%".contains(&byte);
    if written.bytes().all(fine) {
        return written.to_owned();
    }
    let mut text = String::new();
    escape(plain, part, &mut text);
    text
}

fn escape(bytes: &[u8], part: Part, out: &mut String) {
    for byte in bytes {
        if part.is_plain(*byte) {
            out.push(char::from(*byte));
        } else {
            out.push('%');
            out.push_str(&crate::name::hex(&[*byte]).to_ascii_uppercase());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::GoUrl;

    #[test]
    fn logins_are_put_in_as_go_does() {
        for (raw, expected, has_path) in [
            ("https://github.com", "https://u:p@github.com", false),
            ("https://github.com/", "https://u:p@github.com/", false),
            ("HTTPS://h:8443/a%2Fb", "https://u:p@h:8443/a%2Fb", true),
            ("https://h/a%2Fb c", "https://u:p@h/a/b%20c", true),
            (
                "https://old:pw@h/org/repo?x=1#f",
                "https://u:p@h/org/repo?x=1#f",
                true,
            ),
            ("https://[::1]:80/a'b", "https://u:p@[::1]:80/a'b", true),
            ("https://h/ü", "https://u:p@h/%C3%BC", true),
            ("github.com", "//u:p@github.com", true),
            ("github.com:443", "github.com:443", false),
            ("", "//u:p@", false),
        ] {
            let url = GoUrl::parse(raw).unwrap();
            assert_eq!(url.with_login(b"u", b"p"), expected, "{raw}");
            assert_eq!(url.has_path(), has_path, "{raw}");
        }
    }

    #[test]
    fn the_login_is_escaped() {
        let url = GoUrl::parse("https://h").unwrap();
        assert_eq!(
            url.with_login(b"me@x", b"a/b:c?d e%f$&+,;=\xff!"),
            "https://me%40x:a%2Fb%3Ac%3Fd%20e%25f$&+,;=%FF%21@h"
        );
    }

    #[test]
    fn what_go_does_not_read_is_named() {
        for (raw, fault) in [
            (
                "1.2.3.4:80",
                "first path segment in URL cannot contain colon",
            ),
            (":x", "missing protocol scheme"),
            ("https://h:port", "invalid port \":port\" after host"),
            ("https://[::1", "missing ']' in host"),
            ("https://a b", "invalid character \" \" in host name"),
            ("https://h/%zz", "invalid URL escape \"%zz\""),
            ("https://h/\n", "net/url: invalid control character in URL"),
        ] {
            assert_eq!(
                GoUrl::parse(raw),
                Err(format!("parse {raw:?}: {fault}")),
                "{raw}"
            );
        }
    }
}
