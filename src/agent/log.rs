//! Lines in the format of Go's `log`, as Tekton's entrypoint writes them.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// `2006/01/02 15:04:05 text` and an end of line, in UTC.
pub(crate) fn line(text: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{} {text}\n", stamp(now.as_secs()))
}

/// Writes to the agent's own standard error. That nobody reads it is no reason to fail.
pub(crate) fn complain(text: &str) {
    std::io::stderr().write_all(line(text).as_bytes()).unwrap_or_default();
}

fn stamp(seconds: u64) -> String {
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}/{month:02}/{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Year, month and day of a number of days since 1970, in the proleptic Gregorian calendar.
/// Counts in years that begin in March, so that the leap day is the last of its year.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_the_civil_time_in_utc() {
        assert_eq!(stamp(0), "1970/01/01 00:00:00");
        assert_eq!(stamp(951_827_696), "2000/02/29 12:34:56");
        assert_eq!(stamp(1_795_222_289), "2026/11/21 00:51:29");
        assert_eq!(stamp(4_102_444_799), "2099/12/31 23:59:59");
    }
}
