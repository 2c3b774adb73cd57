//! What the rows are drawn on.

use std::io::{self, Write};

/// A terminal. What is written to it passes its filter; [`Device::steer`] alone moves the cursor.
pub trait Device: Write {
    /// Writes a frame of the live view as it is. Text of others in it must be cleaned.
    fn steer(&mut self, frame: &str) -> io::Result<()>;
}

#[cfg(test)]
impl Device for &mut Vec<u8> {
    fn steer(&mut self, frame: &str) -> io::Result<()> {
        self.write_all(frame.as_bytes())
    }
}
