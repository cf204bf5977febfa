//! What `frame show` says and draws.

use aquifer_harness::data;
use serde_json::Value;

use crate::bed::{bed, files, refused};
use crate::tables::{Columns, floats, ints, texts, write};

/// Columns of all kinds, and a target of two classes that one of them gives away.
fn awkward() -> Columns {
    const ROWS: i64 = 3000;
    let noise = |i: i64| (i * 7919 % 1009) as f64 / 1009.0;
    let answers = ["no", "yes <b>"];
    vec![
        ("<script>alert(1)</script>\u{1b}[31m", floats((0..ROWS).map(|i| Some(noise(i))))),
        ("number", texts((0..ROWS).map(|i| Some(["1", "2.5", "4"][(i % 3) as usize])))),
        ("day", texts((0..ROWS).map(|i| Some(["2018-01-31", "2018-02-28"][(i % 2) as usize])))),
        ("& colour", texts((0..ROWS).map(|i| (i % 4 > 0).then_some(["red", "\"green\"", "a > b"][(i % 3) as usize])))),
        ("row", ints(0..ROWS)),
        ("same", ints((0..ROWS).map(|_| 4))),
        ("none", floats((0..ROWS).map(|_| None))),
        ("leak", floats((0..ROWS).map(|i| Some(noise(i + 500) * 3.0)))),
        ("y", texts((0..ROWS).map(|i| Some(answers[usize::from(noise(i + 500) > 0.7)])))),
    ]
}

fn codes(shown: &Value) -> Vec<String> {
    let notes = shown["notes"].as_array().expect("notes").iter();
    notes.map(|note| format!("{}:{}", note["code"].as_str().unwrap(), note["column"].as_str().unwrap_or("-"))).collect()
}

/// A file without a name is kept for the next command, and says the same as the frame.
#[test]
fn files_and_frames() {
    let aquifer = bed();
    let adult = data("adult/train.parquet");
    let adult = adult.to_str().unwrap();
    let shown = aquifer.run(["frame", "show", adult, "--target", "income"]).ok();
    assert_eq!(shown.stderr, "");
    for line in [
        "train.parquet: 32,561 rows, 1 shard, ",
        "numbers         type   missing %  distinct    min     q25  median     q75      max    mean      sd  histogram",
        "age             int64          0        73     17      28      37      48       90  38.582   13.64  ▆",
        "texts           type  meaning      missing  %  distinct  rows of each",
        "sex             text  categorical        0  0         2  █▄",
        "sex             Male 21,790 (66.9 %), Female 10,771 (33.1 %)",
    ] {
        assert!(shown.stdout.contains(line), "{line}\n{}", shown.stdout);
    }
    assert!(shown.stdout.lines().all(|line| line.chars().count() <= 120), "{}", shown.stdout);
    assert!(!shown.stdout.contains("note:"), "nothing is wrong with it: {}", shown.stdout);
    let of_file = aquifer.run(["frame", "show", adult, "--output", "json"]).ok().json();
    assert_eq!(of_file["name"], Value::Null);
    let mut of_frame = aquifer.run(["frame", "import", "adult", adult, "--output", "json"]).ok().json();
    of_frame["name"] = Value::Null;
    assert_eq!(of_file, of_frame);

    let age = &of_file["columns"][0];
    for (key, value) in
        [("meaning", "numeric".into()), ("min", 17.into()), ("max", 90.into()), ("distinct", Value::from(73))]
    {
        assert_eq!(age[key], value, "{key}");
    }
    let quantiles = age["quantiles"].as_array().unwrap();
    assert_eq!((quantiles.len(), &quantiles[64]), (129, &37.0.into()));
    let histogram = &age["histogram"];
    let rows: f64 = histogram["rows"].as_array().unwrap().iter().map(|rows| rows.as_f64().unwrap()).sum();
    assert_eq!((rows, &histogram["exact"], &histogram["edges"][0]), (32_561.0, &true.into(), &16.5.into()));
    let estimated: f64 =
        of_file["columns"][2]["histogram"]["rows"].as_array().unwrap().iter().map(|rows| rows.as_f64().unwrap()).sum();
    assert!((estimated - 32_561.0).abs() < 1e-6, "{estimated}");
    assert!(!aquifer.dir().join("jobs").exists());
}

#[test]
fn warnings_and_meanings() {
    let aquifer = bed();
    let path = write(&aquifer, "data", awkward());
    let file = path.to_str().unwrap();
    let shown = aquifer.run(["frame", "show", file, "--target", "y", "--output", "json"]).ok().json();
    let meanings = shown["columns"].as_array().unwrap().iter().map(|column| column["meaning"].as_str().unwrap());
    let expected = "numeric numeric time categorical numeric constant empty numeric categorical";
    assert_eq!(meanings.collect::<Vec<_>>(), expected.split(' ').collect::<Vec<_>>());
    let expected = [
        "text_as_numbers:number",
        "text_as_time:day",
        "identifier:row",
        "constant:same",
        "nearly_all_missing:none",
        "target_leak:leak",
    ];
    assert_eq!(codes(&shown), expected);
    let (number, day) = (&shown["columns"][1], &shown["columns"][2]);
    assert_eq!(
        (&number["type"], &number["max"], &number["levels"][1]["value"]),
        (&"text".into(), &4.0.into(), &2.5.into())
    );
    assert_eq!((&day["min"], &day["quantiles"][128]), (&"2018-01-31T00:00:00".into(), &"2018-02-28T00:00:00".into()));

    let text = aquifer.run(["frame", "show", file, "--target", "y"]).ok().stdout;
    assert!(text.contains("leak alone predicts y: it has an AUC of 1.000 in 1024 sampled rows"), "{text}");
    assert!(text.contains("2018-01-31") && !text.contains("T00:00:00") && !text.contains('\u{1b}'), "{text}");
    let one = aquifer.run(["frame", "show", file, "--column", "leak", "--column", "& colour"]).ok().stdout;
    for part in ["leak: float64, numeric", "99 %", "& colour: text, categorical", "missing   750 (25.0 %)", "a > b"] {
        assert!(one.contains(part), "{part}\n{one}");
    }
    assert!(!one.contains("day"), "{one}");
    let csv = aquifer.run(["frame", "show", file, "--output", "csv"]).ok().stdout;
    assert_eq!(csv.lines().count(), 10);
    assert!(csv.contains("\nsame,int64,constant,0,1,4,4,4,4,4,4,0,4,3000\n"), "{csv}");
    refused(&aquifer, ["frame", "show", file, "--column", "leek"], 3, "unknown_column", &["did you mean `leak`?"]);
    refused(&aquifer, ["frame", "show", file, "--target", "z"], 3, "unknown_column", &["the target \"z\""]);
    refused(&aquifer, ["frame", "show", file, "--target", "same"], 3, "target_constant", &["same"]);
}

/// Of very many columns the first are shown, and all on request.
#[test]
fn wide_frames() {
    let aquifer = bed();
    let names: Vec<&'static str> = (0..300).map(|at| &*format!("x{at}").leak()).collect();
    let columns = names.iter().map(|name| (*name, floats((0..50).map(|i| Some(f64::from(i % 9)))))).collect();
    let path = write(&aquifer, "wide", columns);
    let file = path.to_str().unwrap();
    let shown = aquifer.run(["frame", "show", file]).ok().stdout;
    assert!(
        shown.contains("x49") && !shown.contains("x50") && shown.contains("… and 250 columns more: --all shows them"),
        "{shown}"
    );
    assert!(aquifer.run(["frame", "show", file, "--all"]).ok().stdout.contains("x299"));
    assert!(aquifer.run(["frame", "show", file, "--column", "x299"]).ok().stdout.contains("x299: float64"));
    let json = aquifer.run(["frame", "show", file, "--output", "json"]).ok().json();
    assert_eq!(json["columns"].as_array().unwrap().len(), 300);
}

#[test]
fn plots() {
    let aquifer = bed();
    let path = write(&aquifer, "data", awkward());
    let folder = aquifer.file("deep/report");
    let draw = |more: &[&str]| {
        let words = ["frame", "show", path.to_str().unwrap(), "--plots", folder.to_str().unwrap()];
        aquifer.run(words.iter().chain(more)).ok()
    };
    draw(&["--target", "y"]);
    let mut names: Vec<String> =
        files(&folder).iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    let expected = "001-script-alert-1-script-31m.svg 002-number.svg 003-day.svg 004-colour.svg 005-row.svg 006-same.svg \
                    007-none.svg 008-leak.svg 009-y.svg correlation.svg index.html missing.svg";
    assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
    for name in &names {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        assert_well_formed(&text, name);
        assert!(!text.contains("<script") && !text.contains('\u{1b}') && !text.contains("NaN"), "{name}");
    }
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let colour = read("004-colour.svg");
    assert!(colour.contains("750 (25 %)") || colour.contains("750 (25.0 %)"), "{colour}");
    assert!(
        colour.contains("share of y = yes &lt;b&gt;, in sampled rows") && colour.contains("&quot;green&quot;"),
        "{colour}"
    );
    assert!(read("008-leak.svg").contains("<polyline") && !read("009-y.svg").contains("share of y"));
    let page = read("index.html");
    assert!(names.iter().filter(|name| name.ends_with("svg")).all(|name| page.contains(&format!("src=\"{name}\""))));
    assert!(page.contains("leak alone predicts y"), "{page}");

    // Again, into the same folder, of one column.
    draw(&["--column", "day"]);
    assert!(!read("index.html").contains("009-y.svg"));
    assert!(!read("003-day.svg").contains("share of"));
    let taken = write(&aquifer, "taken", awkward());
    let words = ["frame", "show", path.to_str().unwrap(), "--plots", taken.to_str().unwrap()];
    refused(&aquifer, words, 2, "not_writable", &["taken.parquet"]);
}

/// Every tag is closed in its order, attributes are quoted, and what is written between them is escaped.
#[track_caller]
fn assert_well_formed(text: &str, name: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let (between, tag) = rest.split_at(start);
        assert!(!between.contains('>') && only_entities(between), "{name}: {between}");
        let end = tag.find('>').unwrap_or_else(|| panic!("{name}: a tag without an end: {tag}"));
        let inside = &tag[1..end];
        assert!(inside.matches('"').count() % 2 == 0 && only_entities(inside), "{name}: {inside}");
        let word = |text: &'_ str| text.split_whitespace().next().unwrap_or_default().to_owned();
        match inside.as_bytes().first() {
            Some(b'/') => assert_eq!(open.pop(), Some(&inside[1..]), "{name}"),
            Some(b'?' | b'!') => {}
            _ if inside.ends_with('/') => {}
            _ => open.push(&inside[..word(inside).len()]),
        }
        rest = &tag[end + 1..];
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{name}: {open:?} are open");
}

fn only_entities(text: &str) -> bool {
    let known = ["amp;", "lt;", "gt;", "quot;", "#39;"];
    text.split('&').skip(1).all(|after| known.iter().any(|entity| after.starts_with(entity)))
}

#[test]
fn a_checker_that_finds_what_is_wrong() {
    let bad = |text: &str| std::panic::catch_unwind(|| assert_well_formed(text, "x")).is_err();
    for text in ["<a><b></a></b>", "<a>", "<a b=\"1>2</a>", "<a>x & y</a>", "<a>x > y</a>", "</a>", "<a", "<a></a>rest"]
    {
        assert!(bad(text), "{text}");
    }
    assert_well_formed("<?xml?><a b=\"1\">x &amp; y<c/></a>\n", "x");
}
