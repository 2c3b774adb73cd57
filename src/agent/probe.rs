//! Checks of a running container, with Kubernetes' meaning of success.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::child::command;
use super::processes::{self, Processes};
use super::protocol::What;
use super::sys::{self, SIGKILL};

/// The longest status line that is read.
const STATUS_LINE: usize = 1024;

/// Whether the check succeeds in time.
pub(crate) fn check(
    what: &What,
    timeout: Duration,
    processes: &Processes,
    env: &[(String, String)],
) -> bool {
    let deadline = Instant::now() + timeout;
    match what {
        What::Exec { argv } => exec(argv, timeout, processes, env),
        What::Tcp { host, port } => connect(host, *port, deadline).is_ok(),
        What::Http {
            host,
            port,
            path,
            headers,
        } => get(host, *port, path, headers, deadline)
            .is_ok_and(|status| (200..400).contains(&status)),
    }
}

fn exec(
    argv: &[String],
    timeout: Duration,
    processes: &Processes,
    env: &[(String, String)],
) -> bool {
    let Ok(mut command) = command(argv, env, || Ok(())) else {
        return false;
    };
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let (ended, end) = mpsc::channel();
    // The receiver may have given up.
    let started = processes.spawn(&mut command, move |status| {
        ended.send(status).unwrap_or_default();
    });
    let Ok(child) = started else {
        return false;
    };
    end.recv_timeout(timeout).map_or_else(
        |_| {
            sys::send_signal(-processes::id(&child), SIGKILL).unwrap_or_default();
            false
        },
        |status| status.success(),
    )
}

fn connect(host: &str, port: u16, deadline: Instant) -> io::Result<TcpStream> {
    let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
    for address in addresses(host, port)? {
        result = TcpStream::connect_timeout(&address, left(deadline)?);
        if result.is_ok() {
            break;
        }
    }
    result
}

/// The addresses of a host. The usual ones without the C library: a static program that asks it
/// for a name may load modules of the image, which are made for another version of it.
fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if host == "localhost" {
        let local = [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            IpAddr::from(Ipv6Addr::LOCALHOST),
        ];
        return Ok(local.map(|address| SocketAddr::new(address, port)).to_vec());
    }
    match host.trim_matches(['[', ']']).parse() {
        Ok(address) => Ok(vec![SocketAddr::new(address, port)]),
        Err(_) => (host, port).to_socket_addrs().map(Iterator::collect),
    }
}

fn get(
    host: &str,
    port: u16,
    path: &str,
    headers: &[(String, String)],
    deadline: Instant,
) -> io::Result<u16> {
    let mut stream = connect(host, port, deadline)?;
    stream.write_all(request(host, port, path, headers).as_bytes())?;
    let mut answer = Vec::new();
    while answer.len() < STATUS_LINE && !answer.contains(&b'\n') {
        let mut piece = [0; STATUS_LINE];
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(&mut piece)? {
            0 => break,
            length => answer.extend_from_slice(&piece[..length]),
        }
    }
    status(&answer).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn request(host: &str, port: u16, path: &str, headers: &[(String, String)]) -> String {
    let has = |name: &str| {
        headers
            .iter()
            .any(|(key, _)| key.eq_ignore_ascii_case(name))
    };
    let slash = if path.starts_with('/') { "" } else { "/" };
    let defaults = [
        ("Host", format!("{host}:{port}")),
        ("User-Agent", "kube-probe/tkn-local".to_owned()),
        ("Accept", "*/*".to_owned()),
        ("Connection", "close".to_owned()),
    ];
    let mut lines = vec![format!("GET {slash}{path} HTTP/1.1")];
    let defaults = defaults.iter().filter(|(name, _)| !has(name));
    lines.extend(defaults.map(|(name, value)| format!("{name}: {value}")));
    lines.extend(
        headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}")),
    );
    lines.join("\r\n") + "\r\n\r\n"
}

/// The status of an answer that begins like this.
fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\n').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split_whitespace();
    words
        .next()
        .filter(|version| version.starts_with("HTTP/"))?;
    words.next()?.parse().ok()
}

/// The time to a deadline that has not passed.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        Err(io::ErrorKind::TimedOut.into())
    } else {
        Ok(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_from_the_first_line() {
        assert_eq!(status(b"HTTP/1.0 204 No Content\r\nA: b\r\n"), Some(204));
        assert_eq!(status(b"HTTP/1.1 503\r\n"), Some(503));
        assert_eq!(status(b"SSH-2.0-OpenSSH\r\n"), None);
        assert_eq!(status(b""), None);
    }

    #[test]
    fn addresses_need_no_name_service() {
        let texts = |host: &str| -> Vec<String> {
            addresses(host, 80)
                .unwrap()
                .iter()
                .map(ToString::to_string)
                .collect()
        };
        assert_eq!(texts("localhost"), ["127.0.0.1:80", "[::1]:80"]);
        assert_eq!(texts("10.1.2.3"), ["10.1.2.3:80"]);
        assert_eq!(texts("[fe80::1]"), ["[fe80::1]:80"]);
    }

    #[test]
    fn own_headers_replace_the_defaults() {
        let headers = [("host".to_owned(), "example".to_owned())];
        let text = request("127.0.0.1", 80, "health", &headers);
        assert!(text.starts_with("GET /health HTTP/1.1\r\n"), "{text}");
        assert!(text.contains("host: example\r\n"), "{text}");
        assert!(!text.contains("Host:"), "{text}");
        assert!(text.ends_with("\r\n\r\n"), "{text}");
    }
}
