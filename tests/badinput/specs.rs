//! Specs, search files and `--set`: mutated, made by hand, and every key with every nasty value. Each goes the way of the
//! command line, then that of the coordinator: what the one takes, the other must read as the same.

use std::path::Path;

use aquifer_coordinator::search::Points;
use aquifer_model::{Kind, Report, Spec, SpecError};

use crate::case::{Case, Cases, Expect, Input};
use crate::json::TOKENS;
use crate::seeds::Numbers;

const MUTATED: usize = 5_000;
/// Candidates that the command line looks at before a search begins.
const CHECKED_MAX: u32 = 1_000;
const ROWS: u64 = 100_000;

const SEEDS: [&str; 3] = [
    include_str!("../data/adult/search.toml"),
    "version = 1\ndata = [\"a.parquet\", \"b/*.parquet\"]\ntarget = \"y\"\nsplit = 0.8\ntypes = { age = \"numeric\" }\n\
     ignored_columns = [\"id\"]\n[encoding]\nscaling = \"min_max\"\nmax_categorical_levels = 50\nlog = [\"pay\"]\n\
     [params]\nhidden = [200, 200]\nactivation = \"tanh\"\noptimizer = \"sgd\"\nmomentum = 0.9\nlearning_rate = 1e-2\n\
     epochs = 2.5\nhidden_dropout_ratios = [0.5, 0.5]\naveraging = { mode = \"gradient\" }\nranks = 4\n\
     [stopping]\nstopping_rounds = 3\nscore_interval = 0.5\nstopping_tolerance = 0.001\n",
    "frame = \"f\"\ntarget = \"y\"\n[search]\nstrategy = \"random\"\nmax_models = 20\nsearch_seed = 7\nkeep_models = 2\n\
     [search.params]\nlearning_rate = { min = 0.0001, max = 0.1, scale = \"log\" }\nmini_batch_size = { min = 8, max = 512 }\n\
     hidden = [[8], [16, 16], []]\naveraging.mode = [\"average\", \"gradient\"]\n[cross_validation]\nnfolds = 3\n",
];

const VALUES: [&str; 36] = [
    "",
    " ",
    "-1",
    "0",
    "0.5",
    "-0.0",
    "1e-320",
    "1e400",
    "-1e400",
    "nan",
    "inf",
    "18446744073709551616",
    "9223372036854775807",
    "-9223372036854775808",
    "9007199254740993",
    "0x7fffffffffffffff",
    "1_000",
    "10 min",
    "5%",
    "true",
    "\"\"",
    "\"\\u0000\"",
    "\"\\u001b[31m\"",
    "\u{202e}x",
    "[]",
    "[[]]",
    "[0]",
    "[1, \"a\"]",
    "[-1]",
    "[9223372036854775807, 9223372036854775807]",
    "{}",
    "{ a = 1 }",
    "{ min = 0, max = 9007199254740992 }",
    "{ min = 1e-300, max = 1e300, scale = \"log\" }",
    "1979-05-27T07:32:00Z",
    "=",
];

struct Specs {
    keys: Vec<String>,
    by_hand: Vec<(String, Vec<u8>)>,
}

pub(crate) fn cases(_: &Path) -> Box<dyn Cases> {
    let page = aquifer_model::defaults_page();
    let names = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut keys: Vec<String> = names.map(str::to_owned).collect();
    assert!(keys.len() > 60, "the page of defaults names {} keys", keys.len());
    keys.extend(["search.params.l2", "search.params.hidden", "averaging", "params", "x"].map(str::to_owned));
    Box::new(Specs { keys, by_hand: by_hand() })
}

impl Cases for Specs {
    fn count(&self) -> usize {
        SEEDS.len() + MUTATED + self.by_hand.len() + self.keys.len() * VALUES.len()
    }

    fn case(&self, at: usize, _: &Path) -> Case {
        let (files, hand) = (SEEDS.len(), self.by_hand.len());
        match at {
            _ if at < files => file(format!("file {at} as it is"), SEEDS[at].as_bytes().to_vec(), Expect::Right),
            _ if at < files + MUTATED => {
                let (what, bytes) = mutated(at - files);
                file(what, bytes, Expect::Any)
            }
            _ if at < files + MUTATED + hand => {
                let (what, bytes) = &self.by_hand[at - files - MUTATED];
                file(what.clone(), bytes.clone(), Expect::Any)
            }
            _ => {
                let pair = at - files - MUTATED - hand;
                let setting = format!("{}={}", self.keys[pair / VALUES.len()], VALUES[pair % VALUES.len()]);
                let base = SEEDS[1 + pair % 2];
                let what = format!("{setting:?}");
                let work = move || submitted(base.as_bytes(), &[setting]);
                Case { what, input: Input::work(work), expect: Expect::Any }
            }
        }
    }
}

fn file(what: String, bytes: Vec<u8>, expect: Expect) -> Case {
    Case { what, input: Input::work(move || submitted(&bytes, &[])), expect }
}

fn submitted(bytes: &[u8], settings: &[String]) -> Result<Result<(), Report>, String> {
    let spec = match read(bytes, settings) {
        Ok(spec) => spec,
        Err(report) => return Ok(Err(report)),
    };
    let told = Spec::parse(&spec.to_toml()).map_err(|error| format!("the coordinator cannot read it: {error}"))?;
    if told != spec {
        return Err(format!("the coordinator reads another spec:\n{}", spec.to_toml()));
    }
    Ok(candidates(&spec).map_err(Report::from))
}

/// As the command line reads it.
fn read(bytes: &[u8], settings: &[String]) -> Result<Spec, Report> {
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|error| Report::new(Kind::Config, "no_spec", "cannot read it").caused_by(&error))?;
    let mut spec = Spec::parse(text)?;
    settings.iter().try_for_each(|setting| spec.set(setting))?;
    spec.check()?;
    Ok(spec)
}

fn candidates(spec: &Spec) -> Result<(), SpecError> {
    let Some(search) = &spec.search else { return spec.resolve(ROWS, "").map(drop) };
    let mut points = Points::new(search);
    for number in 0..points.len().min(CHECKED_MAX) {
        let Some(point) = points.point(number) else { break };
        spec.candidate(&point)?.resolve(ROWS, "")?;
    }
    Ok(())
}

/// Letters, values and lines of one of the files are others.
fn mutated(at: usize) -> (String, Vec<u8>) {
    let mut numbers = Numbers(at as u64 + 1);
    let seed = at % SEEDS.len();
    let mut lines: Vec<Vec<u8>> = SEEDS[seed].lines().map(|line| line.as_bytes().to_vec()).collect();
    let mut what = format!("file {seed}, changed in line");
    for _ in 0..=numbers.below(3) {
        let line = numbers.below(lines.len());
        what.push_str(&format!(" {line}"));
        let other = SEEDS[numbers.below(SEEDS.len())];
        let others: Vec<&str> = other.lines().collect();
        match numbers.below(6) {
            0 if !lines[line].is_empty() => {
                let place = numbers.below(lines[line].len());
                lines[line][place] ^= 1 << numbers.below(8);
            }
            1 if lines.len() > 1 => drop(lines.remove(line)),
            2 => lines.insert(line, lines[line].clone()),
            3 => lines.insert(line, others[numbers.below(others.len())].into()),
            way => {
                let choice = numbers.below(VALUES.len() + TOKENS.len());
                let value = VALUES.get(choice).copied().unwrap_or_else(|| TOKENS[choice - VALUES.len()]);
                let from = lines[line].iter().position(|byte| *byte == b'=').filter(|_| way == 4);
                let from = from.map_or_else(|| numbers.below(lines[line].len() + 1), |at| at + 1);
                lines[line].truncate(from);
                lines[line].extend(value.bytes());
            }
        }
    }
    (what, lines.join(&b'\n'))
}

fn by_hand() -> Vec<(String, Vec<u8>)> {
    let n = 10_000;
    let searched = |params: &str| format!("data = \"x\"\ntarget = \"y\"\n[search]\n[search.params]\n{params}\n");
    let drawn = |params: &str, more: &str| {
        format!("data = \"x\"\ntarget = \"y\"\n[search]\nstrategy = \"random\"\n{more}\n[search.params]\n{params}\n")
    };
    let many = |count: usize| (0..count).map(|at| format!("{at}")).collect::<Vec<_>>().join(",");
    let texts = [
        ("nothing", String::new()),
        ("lists to depth 10,000", format!("hidden = {}{}", "[".repeat(n), "]".repeat(n))),
        ("open lists", format!("hidden = {}", "[".repeat(n))),
        ("tables to depth 10,000", format!("types = {}1{}", "{a=".repeat(n), "}".repeat(n))),
        ("dots to depth 10,000", format!("a{} = 1", ".a".repeat(n))),
        ("a head to depth 10,000", format!("[a{}]", ".a".repeat(n))),
        ("tables one in another", (1..300).map(|depth| format!("[{}a]\n", "a.".repeat(depth))).collect()),
        ("a key twice", "target = \"a\"\ntarget = \"b\"".into()),
        ("a table twice", "[params]\n[params]".into()),
        ("a key and a table", "params = 1\n[params]\nepochs = 1".into()),
        ("an array of tables", "[[params]]\nepochs = 1".into()),
        ("100,000 tables", "[[x]]\n".repeat(100_000)),
        ("100,000 keys", (0..70_000).map(|at| format!("k{at} = 1\n")).collect()),
        (
            "100,000 types",
            format!(
                "types = {{ {} }}",
                (0..50_000).map(|at| format!("k{at} = \"text\"")).collect::<Vec<_>>().join(", ")
            ),
        ),
        ("100,000 files", format!("data = [{}]", "\"x\",".repeat(100_000))),
        ("100,000 layers", format!("[params]\nhidden = [{}]", many(100_000))),
        (
            "layers as wide as they may be",
            format!("data = \"x\"\ntarget = \"y\"\n[params]\nhidden = [{}]", "65536,".repeat(1000)),
        ),
        ("a key of a mebibyte", format!("{} = 1", "a".repeat((1 << 20) - 8))),
        ("a text of a mebibyte", format!("target = \"{}\"", "a".repeat((1 << 20) - 16))),
        ("a value of a mebibyte", format!("[params]\nepochs = \"{}\"", "a".repeat((1 << 20) - 40))),
        ("a byte more than a mebibyte", "#".repeat((1 << 20) + 1)),
        ("16 MiB", " ".repeat(16 << 20)),
        ("a number of 100,000 digits", format!("[params]\nseed = {}", "9".repeat(100_000))),
        ("a fraction of 100,000 digits", format!("[params]\nepochs = 0.{}", "9".repeat(100_000))),
        ("1e400", "[params]\nepochs = 1e400".into()),
        ("-1e400", "[params]\nl2 = -1e400".into()),
        ("1e999999999", "[params]\nl2 = 1e999999999".into()),
        ("a seed of 2^63", "[params]\nseed = 9223372036854775808".into()),
        ("minutes", "[search]\nmax_runtime_secs = \"10 min\"".into()),
        ("per cent", "split = \"80%\"".into()),
        ("bytes", "[params]\nmini_batch_size = \"1 KiB\"".into()),
        ("an unknown key", "epochz = 1".into()),
        ("an unknown table", "[paramz]\nx = 1".into()),
        ("an unknown key of many letters", format!("[params]\n{} = 1", "é".repeat(50_000))),
        ("a search of nothing", searched("")),
        ("an empty list", searched("l2 = []")),
        ("a list of lists", searched("hidden = [[[1]]]")),
        (
            "2^40 candidates",
            searched(&["l1", "l2", "epochs", "seed"].map(|key| format!("{key} = [{}]", many(1024))).join("\n")),
        ),
        ("10^5 values", searched(&format!("seed = [{}]", many(100_000)))),
        ("a million draws", drawn("l2 = { min = 0.0, max = 1.0 }", "max_models = 1000000")),
        ("2^63 draws", drawn("l2 = { min = 0.0, max = 1.0 }", "max_models = 9223372036854775807")),
        ("an endless search", drawn("l2 = { min = 0.0, max = 1.0 }", "")),
        ("two values, many draws", drawn("seed = { min = 1, max = 2 }", "max_models = 100000")),
        ("2^20 combinations", drawn(&format!("l2 = [{0}]\nseed = [{0}]", many(1024)), "max_models = 5000")),
        ("a range the wrong way", drawn("l2 = { min = 1.0, max = 0.0 }", "max_models = 5")),
        ("a range of NaN", drawn("l2 = { min = nan, max = inf }", "max_models = 5")),
        ("a range of all numbers", drawn("l2 = { min = -1.7e308, max = 1.7e308 }", "max_models = 5")),
        ("a range with an unknown key", drawn("l2 = { min = 0.0, max = 1.0, step = 0.1 }", "max_models = 5")),
        ("a data key that is searched", searched("target = [\"a\", \"b\"]")),
        ("2^63 folds", "[cross_validation]\nnfolds = 9223372036854775807".into()),
        ("2^63 ranks", "data = \"x\"\ntarget = \"y\"\n[params]\nranks = 9223372036854775807".into()),
        ("a NUL", "target = \"a\0b\"".into()),
        ("a NUL that is written", "target = \"a\\u0000b\"".into()),
        ("an escape", "target = \"\\u001b[31m\"\n\u{1b}".into()),
        ("half of a surrogate", "target = \"\\ud800\"".into()),
        ("a mark before the first byte", "\u{feff}target = \"y\"".into()),
        ("from right to left", "\u{202e}target = \"y\"".into()),
        ("Windows lines", "target = \"y\"\r\n[params]\r\nepochs = 1\r\n".into()),
        ("old lines", "target = \"y\"\r[params]\repochs = 1\r".into()),
        ("JSON", "{\"target\": \"y\"}".into()),
        ("YAML", "a: &a [1]\nb: [*a, *a]".into()),
    ];
    let mut all: Vec<(String, Vec<u8>)> = texts.map(|(what, text)| (what.to_owned(), text.into_bytes())).into();
    all.push(("not UTF-8".into(), b"target = \"\xff\xfe\"".to_vec()));
    all.push(("UTF-16".into(), "target = \"y\"".encode_utf16().flat_map(u16::to_le_bytes).collect()));
    all
}
