//! Asking for a value of a Secret.

use std::io::{self, IsTerminal as _, Read as _};

use super::context::Context;
use super::error::CliError;
use super::exit::ExitStatus;

/// Reads a value: typed on a terminal without being shown, else all of standard input. One line
/// end at its end is not part of it.
pub(crate) fn secret_value(what: &str, context: &mut Context) -> Result<Vec<u8>, CliError> {
    let value = if io::stdin().is_terminal() {
        context.write_err(&format!("{what}: "))?;
        let typed = hidden_line();
        context.write_err("\n")?;
        typed.map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => CliError::new(ExitStatus::Interrupted, "interrupted"),
            _ => unreadable(what).cause(error.to_string()),
        })?
    } else {
        let mut text = Vec::new();
        let read = io::stdin().read_to_end(&mut text);
        read.map_err(|error| unreadable(what).cause(error.to_string()))?;
        text
    };
    let line = value.strip_suffix(b"\n").unwrap_or(&value);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return Err(unreadable(what).cause("nothing was given"));
    }
    Ok(line.to_vec())
}

/// Whether somebody can be asked.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal()
}

fn unreadable(what: &str) -> CliError {
    CliError::usage(format!("there is no value for {what}"))
        .hint("give it with @FILE or env:VARIABLE, or type it when asked with -")
}

/// Byte by byte, so that Ctrl-C is seen here and the terminal shows what is typed again.
#[cfg(unix)]
fn hidden_line() -> io::Result<Vec<u8>> {
    const INTERRUPT: u8 = 3;
    const END: u8 = 4;
    let _hidden = Hidden::new()?;
    let mut line = Vec::new();
    for byte in io::stdin().lock().bytes() {
        match byte? {
            b'\n' | b'\r' | END => break,
            INTERRUPT => return Err(io::ErrorKind::Interrupted.into()),
            8 | 0x7f => {
                line.pop();
            }
            byte => line.push(byte),
        }
    }
    Ok(line)
}

#[cfg(not(unix))]
fn hidden_line() -> io::Result<Vec<u8>> {
    Err(io::Error::other(
        "this system's terminals show what is typed",
    ))
}

/// A terminal that shows nothing of what is typed, as long as this exists.
#[cfg(unix)]
struct Hidden(rustix::termios::Termios);

#[cfg(unix)]
impl Hidden {
    fn new() -> io::Result<Self> {
        use rustix::termios::{
            LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr,
        };
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
        hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self(before))
    }
}

#[cfg(unix)]
impl Drop for Hidden {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        // There is nobody left to tell.
        tcsetattr(io::stdin(), OptionalActions::Now, &self.0).unwrap_or_default();
    }
}
