//! Model files made by hand: what a header can say of itself, of its tensors, and of what stands beside them.

use crate::case::Expect;
use crate::sealed;

pub(crate) struct Made {
    pub(crate) what: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) expect: Expect,
}

const HEADER: Expect = Expect::Codes(&["model_header", "not_safetensors", "model_truncated", "model_altered"]);
const CONTENT: Expect = Expect::Codes(&["model_content"]);
const NOT_ONE: Expect = Expect::Codes(&["not_safetensors", "not_a_model"]);
const REFUSED: Expect = Expect::Codes(&[
    "model_altered",
    "model_truncated",
    "model_header",
    "model_newer",
    "model_content",
    "model_too_large",
    "not_a_model",
    "not_safetensors",
    "wrong_tensor",
    "tensor",
]);

/// Of a good model.
pub(crate) fn all(model: &[u8]) -> Vec<Made> {
    let mut made = lengths(model);
    made.extend(tensors(model));
    made.extend(beside(model));
    made
}

fn made(what: impl Into<String>, bytes: Vec<u8>, expect: Expect) -> Made {
    Made { what: what.into(), bytes, expect }
}

/// The first eight bytes, and what follows the last.
fn lengths(model: &[u8]) -> Vec<Made> {
    let (header, data) = sealed::parts(model);
    let with = |length: u64| sealed::seal([&length.to_le_bytes()[..], header, data].concat());
    let right = header.len() as u64;
    let lengths =
        [0, 1, 2, right - 1, right + 1, 64 << 20, 100_000_000, (64 << 20) + 1, 1 << 31, 1 << 32, 1 << 63, u64::MAX];
    let mut all: Vec<Made> =
        lengths.into_iter().map(|length| made(format!("a header of {length} bytes"), with(length), REFUSED)).collect();
    let spaces = |count: usize| [header, &vec![b' '; count]].concat();
    all.push(made("spaces after the header", sealed::file(&spaces(8), data), Expect::Right));
    all.push(made("a header of 70 MB", sealed::file(&spaces(70_000_000), data), NOT_ONE));
    all.push(made("a header of 60 MB", sealed::file(&spaces(60_000_000), data), Expect::Any));
    all.push(made("a byte too many", sealed::seal([model, b"x"].concat()), HEADER));
    all.push(made("a mebibyte too many", sealed::seal([model, &vec![0; 1 << 20]].concat()), HEADER));
    all.push(made("the model twice", sealed::seal([model, model].concat()), HEADER));
    all.push(made("half of the tensors", sealed::file(header, &data[..data.len() / 2]), HEADER));
    all.push(made("no tensor", sealed::file(header, b""), HEADER));
    all.push(made("spaces before the header", sealed::file(&[b" ", header].concat(), data), REFUSED));
    for nothing in
        [&b""[..], b"{}", b"[]", b"null", b"{", b"\xff\xfe", b"{\"__metadata__\":{}}", b"{\"__metadata__\":null}"]
    {
        all.push(made(format!("only {}", nothing.escape_ascii()), sealed::file(nothing, b""), REFUSED));
    }
    all.push(made(
        "depth 10,000",
        sealed::file(&[b"{\"a\":".repeat(10_000), b"}".repeat(10_000)].concat(), b""),
        REFUSED,
    ));
    all.push(made(
        "lists to depth 10,000",
        sealed::file(&[b"{\"a\":", &b"[".repeat(10_000)[..]].concat(), b""),
        REFUSED,
    ));
    all
}

/// What the header says of tensors.
fn tensors(model: &[u8]) -> Vec<Made> {
    let (header, data) = sealed::parts(model);
    let head = std::str::from_utf8(header).expect("a header");
    // The metadata, and after it tensors said anew.
    let end = head.rfind("\"},").expect("the metadata's end") + 2;
    let with = |tensors: &str, data: &[u8]| sealed::file(format!("{},{tensors}}}", &head[..end]).as_bytes(), data);
    let one = |shape: &str, offsets: &str| {
        with(&format!(r#""layers.0.bias":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}"#), data)
    };
    let all = format!("[0,{}]", data.len());
    let mut made_of: Vec<Made> = [
        ("a product that overflows", "[4294967296,4294967296]", &all[..]),
        ("a product that overflows to what is there", "[9223372036854775808,2,0]", "[0,0]"),
        ("a size of 2^64", "[18446744073709551616]", &all),
        ("a size below 0", "[-1]", &all),
        ("another size than bytes", "[1]", &all),
        ("offsets in the wrong order", "[0]", "[8,0]"),
        ("offsets past the end", "[1000000]", "[0,4000000]"),
        ("offsets of 2^63", "[1]", "[9223372036854775804,9223372036854775808]"),
        ("one offset", "[1]", "[0]"),
        ("a shape of 100,000 ones", &format!("[{}1]", "1,".repeat(99_999)), &all),
    ]
    .map(|(what, shape, offsets)| made(what, one(shape, offsets), HEADER))
    .into();
    let tensor = |name: &str, from: usize, to: usize| {
        format!(r#""{name}":{{"dtype":"F32","shape":[{}],"data_offsets":[{from},{to}]}}"#, (to - from) / 4)
    };
    let rest = data.len();
    let overlap = [tensor("a", 0, 8), tensor("b", 4, rest)].join(",");
    made_of.push(made("overlapping tensors", with(&overlap, data), HEADER));
    let same = [tensor("a", 0, rest), tensor("b", 0, rest)].join(",");
    made_of.push(made("two tensors in one place", with(&same, data), HEADER));
    let empty = [tensor("a", 0, rest), tensor("b", 4, 4)].join(",");
    made_of.push(made("an empty tensor inside of another", with(&empty, data), REFUSED));
    let gap = [tensor("a", 0, 4), tensor("b", 8, rest)].join(",");
    made_of.push(made("a gap", with(&gap, data), HEADER));
    let twice = [tensor("a", 0, rest), tensor("a", 0, rest)].join(",");
    made_of.push(made("a name twice", with(&twice, data), Expect::Any));
    let many: Vec<String> = (0..100_000).map(|at| tensor(&format!("t{at}"), 0, 0)).collect();
    made_of.push(made(
        "100,000 tensors",
        with(&many.join(","), b""),
        Expect::Codes(&["model_too_large", "model_header"]),
    ));
    for dtype in ["F64", "BOOL", "F4", "F8_E5M2", "X", ""] {
        let size = if dtype == "F64" { data.len() / 8 } else { data.len() / 4 };
        let text = format!(r#""a":{{"dtype":"{dtype}","shape":[{size}],"data_offsets":{all}}}"#);
        made_of.push(made(format!("the type {dtype:?}"), with(&text, data), REFUSED));
    }
    for (what, value) in [("NaN", f32::NAN), ("infinite", f32::INFINITY), ("denormal", 1e-40)] {
        let data: Vec<u8> = data.chunks_exact(4).flat_map(|_| value.to_le_bytes()).collect();
        made_of.push(made(format!("{what} weights"), sealed::file(header, &data), Expect::Any));
    }
    made_of
}

/// What stands beside the tensors.
fn beside(model: &[u8]) -> Vec<Made> {
    let (header, data) = sealed::parts(model);
    let head = std::str::from_utf8(header).expect("a header");
    let replaced = |what: &str, with: &str| {
        assert!(head.contains(what), "{what} is not said");
        sealed::file(head.replacen(what, with, 1).as_bytes(), data)
    };
    let format = r#"\"format\":1"#;
    let inserted = |text: &str| replaced(format, &format!("{format},{text}"));
    let deep = |open: &str, close: &str| format!(r#"\"x\":{}{}"#, open.repeat(10_000), close.repeat(10_000));
    vec![
        made("garbage after the hash", replaced(format, "garbage"), CONTENT),
        made("format NaN", replaced(format, r#"\"format\":NaN"#), CONTENT),
        made("format 0", replaced(format, r#"\"format\":0"#), CONTENT),
        made("format -1", replaced(format, r#"\"format\":-1"#), CONTENT),
        made("format 2^64", replaced(format, r#"\"format\":18446744073709551616"#), CONTENT),
        made("format 2", replaced(format, r#"\"format\":2"#), Expect::Codes(&["model_newer"])),
        made("format twice", inserted(r#"\"format\":1"#), CONTENT),
        made("an unknown key", inserted(r#"\"x\":1"#), CONTENT),
        made("lists to depth 10,000", inserted(&deep("[", "]")), CONTENT),
        made("tables to depth 10,000", inserted(&deep(r#"{\"a\":"#, "}")), CONTENT),
        made("a text of 10 MB", inserted(&format!(r#"\"x\":\"{}\""#, "a".repeat(10_000_000))), CONTENT),
        made("a number of 100,000 digits", inserted(&format!(r#"\"x\":{}"#, "9".repeat(100_000))), CONTENT),
        made("half of a surrogate", inserted(r#"\"x\":\"\\ud800\""#), CONTENT),
        made("a NUL", inserted(r#"\"\\u0000\":1"#), CONTENT),
        made(
            "the metadata twice",
            sealed::file(head.replacen('{', r#"{"__metadata__":{"a":"b"},"#, 1).as_bytes(), data),
            REFUSED,
        ),
    ]
}
