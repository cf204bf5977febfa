//! Texts in, numbers and microseconds out.

use super::*;

#[test]
fn numbers_are_decimal() {
    let check = |text, expected| assert_eq!(Reading::Number.read(text), expected, "{text:?}");
    for (text, number) in [
        ("0", 0.0),
        (" 12\t", 12.0),
        ("-3.5", -3.5),
        ("+7", 7.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.5e2", -50.0),
        ("6.02E+23", 6.02e23),
        ("1e-400", 0.0),
        ("007", 7.0),
        ("0.1000000000000000055511151231257827", 0.1),
    ] {
        check(text, Some(number));
    }
    for text in [
        "",
        " ",
        "-",
        "+",
        ".",
        "e5",
        "1e",
        "1e+",
        "--1",
        "+-1",
        "1 2",
        "1,234",
        "1_000",
        "0x1F",
        "inf",
        "-inf",
        "+Infinity",
        "nan",
        "NaN",
        "1e999",
        "-1e999",
        "12%",
        "$5",
        "1.2.3",
        "٣",
        "½",
        "1f",
        "2018-01-31",
    ] {
        check(text, None);
    }
}

#[test]
fn padded_and_rounded_numbers_are_told() {
    let check = |text, padded, rounded| assert_eq!((is_padded(text), is_rounded(text)), (padded, rounded), "{text}");
    for text in ["007", "-01", "+00", " 00.5"] {
        check(text, true, false);
    }
    for text in
        ["0", "0.5", "-0", "7", "10", "0e5", "0.30000000000000004", "100000000000000000000", "0.000000000000000000001"]
    {
        check(text, false, false);
    }
    check("1234567890123456789", false, true);
    check("0.123456789012345678", false, true);
}

#[test]
fn dates_are_days_of_the_calendar() {
    use Reading::*;
    let check = |reading: Reading, text: &str, expected: Option<&str>| {
        let time = reading.time_type().unwrap();
        let found = reading.micros(text).map(|micros| time.format(micros));
        assert_eq!(found.as_deref(), expected, "{reading:?} {text:?}");
        for other in Reading::DATES.into_iter().filter(|_| expected.is_some()) {
            let ambiguous = matches!((reading, other), (DayFirst, MonthFirst) | (MonthFirst, DayFirst));
            assert!(other == reading || ambiguous || other.read(text).is_none(), "{other:?} {text:?}");
        }
    };
    let midnight = "2018-01-31T00:00:00";
    for (reading, texts) in [
        (YearFirst, &["2018-01-31", "2018/01/31", " 2018-1-31 "][..]),
        (DayFirst, &["31/01/2018", "31-01-2018", "31.01.2018", "31.1.2018"]),
        (MonthFirst, &["01/31/2018", "01-31-2018", "1/31/2018"]),
        (
            MonthName,
            &[
                "31-Jan-2018",
                "31 January 2018",
                "Jan 31, 2018",
                "JANUARY 31,2018",
                "jan 31 2018",
                "31 jan 2018 12:00 am",
            ],
        ),
    ] {
        texts.iter().for_each(|text| check(reading, text, Some(midnight)));
    }
    let evening = "2018-01-31T18:05:09.25";
    check(YearFirst, "2018-01-31T18:05:09.25", Some(evening));
    check(YearFirst, "2018/01/31 18:05:09.250000000", Some(evening));
    check(YearFirst, "2018-01-31 18:05:09.25Z", Some(evening));
    check(YearFirst, "2018-01-31 18:05:09.25 UTC", Some(evening));
    check(YearFirst, "2018-01-31T19:05:09.25+01:00", Some(evening));
    check(YearFirst, "2018-01-31T12:20:09.25 -0545", Some(evening));
    check(DayFirst, "31/01/2018 18:05:09.25", Some(evening));
    check(MonthFirst, "1/31/2018 6:05:09.25 PM", Some(evening));
    check(MonthName, "Sept 1, 2018 9:00pm", Some("2018-09-01T21:00:00"));
    check(DayFirst, "1/2/2018 12:00 AM", Some("2018-02-01T00:00:00"));
    check(MonthFirst, "1/2/2018 12:00 pm", Some("2018-01-02T12:00:00"));
    check(TimeOfDay, "9:05", Some("09:05:00"));
    check(TimeOfDay, "23:59:59.9999999", Some("23:59:59.999999"));
    check(TimeOfDay, "11:59 PM", Some("23:59:00"));
    check(YearFirst, "0001-01-01", Some("0001-01-01T00:00:00"));
    check(YearFirst, "9999-12-31 23:59:59.999999", Some("9999-12-31T23:59:59.999999"));
    for (reading, texts) in [
        (
            YearFirst,
            &[
                "",
                "2018",
                "2018-01",
                "2018-02-29",
                "2018-13-01",
                "2018-00-01",
                "2018-01-00",
                "2018-01/31",
                "18-01-31",
                "20180131",
                "0000-01-01",
                "2018-01-31 ",
                "2018-01-31T",
                "2018-01-31 24:00",
                "2018-01-31 12:60",
                "2018-01-31 12:00:60",
                "2018-01-31 12",
                "2018-01-31 12:5",
                "2018-01-31 12:00:00.",
                "2018-01-31 12:00:00.1234567890",
                "2018-01-31Z",
                "2018-01-31 12:00+25:00",
                "2018-01-31 12:00 PM",
                "2018-01-31  12:00",
                "2018-01-31 12:00 x",
                "2018-001-31",
                "+2018-01-31",
                "٢٠١٨-01-31",
            ][..],
        ),
        (DayFirst, &["31/04/2018", "31/01/18", "31/01-2018", "31 01 2018", "1/31/2018", "29/02/1900", "1/2/2018Z"]),
        (MonthFirst, &["13/01/2018", "01.31.2018", "1/31/2018 13:00 PM", "1/31/2018 0:30 am"]),
        (
            MonthName,
            &["31-Foo-2018", "31-Jan 2018", "Jan31, 2018", "31-Janu-2018", "30 Feb 2018", "Jan 31 18", "é 1, 2018"],
        ),
        (TimeOfDay, &["24:00", "1:2", "123:00", "12:00:00:00", "noon", "12", "13:00 pm", "2018-01-31"]),
    ] {
        texts.iter().filter(|text| !text.ends_with(' ')).for_each(|text| check(reading, text, None));
    }
    assert_eq!(Number.micros("5"), None);
}

#[test]
fn missing_texts_are_no_numbers_and_no_dates() {
    for text in ["", "  ", "NA", " n/a ", "NaN", "null", "None", "?", "-", ".", "\\N"] {
        assert!(is_missing_text(text), "{text:?}");
        assert!([Reading::Number].into_iter().chain(Reading::DATES).all(|reading| reading.read(text).is_none()));
    }
    for text in ["0", "unknown", "no", "Na", "missing", "NANA", "..."] {
        assert!(!is_missing_text(text), "{text:?}");
    }
}
