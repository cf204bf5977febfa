//! The forms of dates and times of day that text is read in.

use super::Reading;
use crate::time::{day_of, offset};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Microseconds since 1970, or since midnight; none if the text has another form, or names no day or time.
pub(super) fn micros(reading: Reading, text: &str) -> Option<i64> {
    let mut scan = Scan { rest: text.trim() };
    let day = match reading {
        Reading::Number => return None,
        Reading::TimeOfDay => {
            let time = scan.time(true)?;
            return scan.is_empty().then_some(time);
        }
        Reading::YearFirst => {
            let (year, separator) = (scan.year()?, scan.one_of("-/")?);
            let month = scan.number(2)?;
            day_of(year, month, scan.after(separator)?.number(2)?)?
        }
        Reading::DayFirst => {
            let (day, separator) = (scan.number(2)?, scan.one_of("/-.")?);
            let month = scan.number(2)?;
            day_of(scan.after(separator)?.year()?, month, day)?
        }
        Reading::MonthFirst => {
            let (month, separator) = (scan.number(2)?, scan.one_of("/-")?);
            let day = scan.number(2)?;
            day_of(scan.after(separator)?.year()?, month, day)?
        }
        Reading::MonthName => scan.with_name()?,
    };
    if scan.is_empty() {
        return Some(day * DAY);
    }
    scan.one_of(" T")?;
    let time = scan.time(reading != Reading::YearFirst)?;
    let ahead = if reading == Reading::YearFirst { scan.offset()? * SECOND } else { 0 };
    scan.is_empty().then_some(day * DAY + time - ahead)
}

/// What is left of a text.
struct Scan<'a> {
    rest: &'a str,
}

impl<'a> Scan<'a> {
    fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next character, if it is one of these.
    fn one_of(&mut self, characters: &str) -> Option<char> {
        let next = self.rest.chars().next().filter(|next| characters.contains(*next))?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    fn after(&mut self, separator: char) -> Option<&mut Self> {
        self.rest = self.rest.strip_prefix(separator)?;
        Some(self)
    }

    /// All that comes next of a kind.
    fn run(&mut self, of: impl Fn(&u8) -> bool) -> &'a str {
        let length = self.rest.bytes().take_while(of).count(); // of ASCII alone: it ends a character
        let (run, rest) = self.rest.split_at(length);
        self.rest = rest;
        run
    }

    fn digits(&mut self) -> &'a str {
        self.run(u8::is_ascii_digit)
    }

    /// A number of 1 to `most` digits.
    fn number(&mut self, most: usize) -> Option<i64> {
        Some(self.digits()).filter(|digits| digits.len() <= most)?.parse().ok()
    }

    fn two_digits(&mut self) -> Option<i64> {
        Some(self.digits()).filter(|digits| digits.len() == 2)?.parse().ok()
    }

    /// Four digits; there was no year 0.
    fn year(&mut self) -> Option<i64> {
        Some(self.digits()).filter(|digits| digits.len() == 4)?.parse().ok().filter(|year| *year > 0)
    }

    /// `31-Jan-2018`, `31 January 2018` or `Jan 31, 2018`.
    fn with_name(&mut self) -> Option<i64> {
        if self.rest.starts_with(|first: char| first.is_ascii_digit()) {
            let (day, separator) = (self.number(2)?, self.one_of("- ")?);
            let month = self.month()?;
            return day_of(self.after(separator)?.year()?, month, day);
        }
        let month = self.month()?;
        let day = self.after(' ')?.number(2)?;
        let (comma, space) = (self.one_of(","), self.one_of(" "));
        comma.or(space)?;
        day_of(self.year()?, month, day)
    }

    /// A month's English name, or its first three letters (`Sept` too), in any case.
    fn month(&mut self) -> Option<i64> {
        let name = self.run(u8::is_ascii_alphabetic).to_ascii_lowercase();
        let is = |month: &&str| name == *month || name == month[..3] || (name == "sept" && month.starts_with("sept"));
        MONTHS.iter().position(is).map(|at| at as i64 + 1)
    }

    /// `23:59`, `23:59:59`, with up to nine digits of a fraction; with `halves` also by the twelve hours of `am` and `pm`.
    fn time(&mut self, halves: bool) -> Option<i64> {
        let hour = self.number(2)?;
        let minute = self.after(':')?.two_digits()?;
        let (mut second, mut micros) = (0, 0);
        if self.one_of(":").is_some() {
            second = self.two_digits()?;
            if self.one_of(".").is_some() {
                let digits = Some(self.digits()).filter(|digits| (1..=9).contains(&digits.len()))?;
                micros = format!("{digits:0<9}").parse::<i64>().ok()? / 1000;
            }
        }
        let hour = match halves.then(|| self.half_day()).flatten() {
            Some(noon) if (1..=12).contains(&hour) => hour % 12 + noon,
            Some(_) => return None,
            None => hour,
        };
        let real = hour < 24 && minute < 60 && second < 60;
        real.then_some(((hour * 60 + minute) * 60 + second) * SECOND + micros)
    }

    /// Hours before it: `am` 0, `pm` 12.
    fn half_day(&mut self) -> Option<i64> {
        let text = self.rest.trim_start_matches(' ');
        let hours = [("am", 0), ("pm", 12)].into_iter().find(|(half, _)| text.eq_ignore_ascii_case(half))?.1;
        self.rest = "";
        Some(hours)
    }

    /// `Z`, `UTC`, `+01:00`, `+0100`, `+01`, or nothing: seconds.
    fn offset(&mut self) -> Option<i64> {
        let seconds = match self.rest.trim_start_matches(' ') {
            "" | "Z" | "UTC" => 0,
            text => offset(text)?,
        };
        self.rest = "";
        Some(seconds)
    }
}
