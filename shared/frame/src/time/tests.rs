//! Days, instants and zones against an independent count.

use super::*;

fn of(text: &str) -> TimeType {
    TimeType::parse(text).unwrap()
}

fn parts(text: &str, raw: i64) -> Vec<f64> {
    let time = of(text);
    time.parts().iter().map(|&part| time.part(raw, part).unwrap()).collect()
}

#[test]
fn every_day_of_800_years_has_its_date() {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let calendar = TimeType::DATE.calendar();
    // 1600-01-01 was a Saturday, 135,140 days before 1970.
    let (mut day, mut weekday) = (-135_140, 5);
    for year in 1600..2400 {
        let months = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        for (month, days) in (1..).zip(months) {
            for of_month in 1..=days {
                let shown = [TimePart::Year, TimePart::Month, TimePart::Day, TimePart::Weekday]
                    .map(|part| calendar.part(day, part).unwrap() as i64);
                assert_eq!(shown, [year, month, of_month, weekday]);
                assert_eq!(day_of(year, month, of_month), Some(day));
                (day, weekday) = (day + 1, (weekday + 1) % 7);
            }
            assert_eq!(day_of(year, month, days + 1), None);
        }
    }
    assert_eq!(
        (day_of(1970, 1, 1), day_of(1970, 0, 1), day_of(1970, 13, 1), day_of(1970, 1, 0)),
        (Some(0), None, None, None)
    );
}

#[test]
fn parts_are_those_of_the_clock() {
    let check = |text: &str, raw, expected: &[f64]| assert_eq!(parts(text, raw), expected, "{text} {raw}");
    check("date", 0, &[1970.0, 1.0, 1.0, 3.0]);
    check("date", -1, &[1969.0, 12.0, 31.0, 2.0]);
    check("time[s]", 86_399, &[23.0, 59.0]);
    check("time[ns]", 86_399_999_999_999, &[23.0, 59.0]);
    // 2016-02-29 12:34:56, in every unit; and one unit before 1970.
    for (unit, each) in [("s", 1), ("ms", 1000), ("us", 1_000_000), ("ns", 1_000_000_000i64)] {
        check(&format!("timestamp[{unit}]"), 1_456_749_296 * each, &[2016.0, 2.0, 29.0, 0.0, 12.0, 34.0]);
        check(&format!("timestamp[{unit}]"), -1, &[1969.0, 12.0, 31.0, 2.0, 23.0, 59.0]);
    }
    // London's clocks went on at 01:00 UTC on 2018-03-25, and back at 01:00 UTC on 2018-10-28.
    check("timestamp[s, Europe/London]", 1_521_939_599, &[2018.0, 3.0, 25.0, 6.0, 0.0, 59.0]);
    check("timestamp[s, Europe/London]", 1_521_939_600, &[2018.0, 3.0, 25.0, 6.0, 2.0, 0.0]);
    check("timestamp[s, Europe/London]", 1_540_688_399, &[2018.0, 10.0, 28.0, 6.0, 1.0, 59.0]);
    check("timestamp[s, Europe/London]", 1_540_688_400, &[2018.0, 10.0, 28.0, 6.0, 1.0, 0.0]);
    check("timestamp[s, Asia/Kathmandu]", 1_540_688_400, &[2018.0, 10.0, 28.0, 6.0, 6.0, 45.0]);
    for nepal in ["+05:45", "+0545"] {
        check(&format!("timestamp[s, {nepal}]"), 1_540_688_400, &[2018.0, 10.0, 28.0, 6.0, 6.0, 45.0]);
    }
    check("timestamp[s, -08]", 0, &[1969.0, 12.0, 31.0, 2.0, 16.0, 0.0]);
    check("timestamp[s, UTC]", 0, &[1970.0, 1.0, 1.0, 3.0, 0.0, 0.0]);
    check("timestamp[s, Middle/Earth]", 0, &[1970.0, 1.0, 1.0, 3.0, 0.0, 0.0]);
}

#[test]
fn no_number_is_too_large() {
    for unit in ["s", "ms", "us", "ns"] {
        for zone in ["", ", Europe/London", ", -23:59"] {
            let time = of(&format!("timestamp[{unit}{zone}]"));
            for raw in [i64::MIN, i64::MIN + 1, -1, i64::MAX - 1, i64::MAX] {
                let year = time.part(raw, TimePart::Year);
                assert_eq!(year.is_none(), unit == "s" && raw.unsigned_abs() > 1, "{time} {raw}");
                assert!(!time.format(raw).is_empty() && time.instant(raw).is_finite());
            }
        }
    }
    assert_eq!(of("timestamp[us]").part(i64::MIN, TimePart::Year), Some(-290_308.0));
    assert_eq!(of("timestamp[us]").part(i64::MAX, TimePart::Year), Some(294_247.0));
    assert_eq!(TimeType::DATE.part(i64::MAX, TimePart::Year), None);
    assert_eq!((of("time[s]").part(-1, TimePart::Hour), of("time[s]").part(86_400, TimePart::Hour)), (None, None));
    assert_eq!((TimeType::DATE.part(0, TimePart::Hour), of("time[s]").part(0, TimePart::Day)), (None, None));
}

#[test]
fn zones_are_known_or_said_not_to_be() {
    for (zone, known) in
        [("Europe/London", true), ("UTC", true), ("Z", true), ("+01:00", true), ("-0930", true), ("+14", true)]
            .into_iter()
            .chain(["Middle/Earth", "", "+1", "+24:00", "+01:60", "01:00", "+1a:00", "+é"].map(|zone| (zone, false)))
    {
        let time = TimeType { clock: Clock::Timestamp, unit: TimeUnit::Second, zone: Some(zone.into()) };
        assert_eq!(time.zone_is_known(), known, "{zone:?}");
    }
    assert!(TimeType::DATE.zone_is_known());
}

#[test]
fn reads_as_people_write_it() {
    let check = |text, raw, expected| assert_eq!(of(text).format(raw), expected);
    check("date", 17_562, "2018-01-31");
    check("date", -719_529, "-0001-12-31");
    check("date", 2_932_897, "+10000-01-01");
    check("date", i64::MAX, "9223372036854775807");
    check("time[ms]", 86_399_500, "23:59:59.5");
    check("time[s]", -1, "-1");
    check("timestamp[us]", -1, "1969-12-31T23:59:59.999999");
    check("timestamp[ns]", 1_517_442_780_000_000_000, "2018-01-31T23:53:00");
    check("timestamp[s, Europe/London]", 1_540_688_399, "2018-10-28T01:59:59+01:00");
    check("timestamp[s, +05:45]", 0, "1970-01-01T05:45:00+05:45");
    check("timestamp[s, Europe/London]", -5_000_000_000, "1811-07-23T15:05:25-00:01:15");
}

#[test]
fn instants_are_seconds() {
    let check = |text, raw, expected| assert_eq!(of(text).instant(raw), expected);
    check("date", -2, -172_800.0);
    check("time[ms]", 1500, 1.5);
    check("timestamp[ns]", -500_000_000, -0.5);
    check("timestamp[s, Europe/London]", 1_540_688_399, 1_540_688_399.0);
}

#[test]
fn types_are_written_and_read() {
    for text in ["date", "time[us]", "timestamp[ms]", "timestamp[us, Europe/London]"] {
        assert_eq!(of(text).to_string(), text);
    }
    assert_eq!(TimeType::parse("time[d]"), None);
    assert_eq!(TimeType::parse("int64"), None);
}
