//! Text that leads elsewhere if it is taken for a path, and text that breaks what takes it for text.

/// Each also as it stands in front of a name that is there.
pub(crate) const NASTY: [&str; 60] = [
    "../../../../etc/passwd",
    "../../../../../../../../../../../../etc/passwd",
    "..\\..\\etc\\passwd",
    "..//..//etc//passwd",
    "....//....//etc/passwd",
    "..;/..;/etc/passwd",
    "%2e%2e%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "..%5c..%5cetc%5cpasswd",
    "%252e%252e%252fetc%252fpasswd",
    "..%c0%af..%c0%afetc/passwd",
    "..%00/etc/passwd",
    "/etc/passwd",
    "/etc/passwd\0.parquet",
    "//etc/passwd",
    "///etc/passwd",
    "/./etc/./passwd",
    "/etc/passwd/",
    "/etc/passwd/.",
    "file:/etc/passwd",
    "file:///etc/passwd",
    "FILE:///etc/passwd",
    "file://localhost/etc/passwd",
    "http://169.254.169.254/latest/meta-data",
    "s3://bucket/key",
    "/proc/self/environ",
    "/proc/self/fd/0",
    "/proc/self/root/etc/passwd",
    "/dev/stdin",
    "/dev/zero",
    "~/.ssh/id_rsa",
    "~root/.bashrc",
    "$HOME/.bashrc",
    "${HOME}",
    "C:/windows/win.ini",
    "C:\\windows\\win.ini",
    "\\\\?\\C:\\windows",
    "\\\\host\\share",
    "NUL",
    "token",
    "../token",
    "journal.sqlite",
    "a/../../token",
    "./",
    ".",
    "..",
    "...",
    "",
    " ",
    "-",
    "--output",
    "name#fragment",
    "name?query",
    "name\0with a nul",
    "two\r\nlines: 1",
    "\u{1b}[2J\u{7}",
    "\u{ff0e}\u{ff0e}/\u{ff0e}\u{ff0e}/token",
    "\u{202e}txt.nekot",
    "trailing.",
];

/// Bytes that are no text.
pub(crate) const NO_TEXT: [&[u8]; 4] =
    [b"\xc0\xae\xc0\xae\xc0\xafetc", b"\xff\xfe", b"\xed\xa0\x80", b"..\xe0\x80\xaf"];

/// A string that is too long for whatever it is.
pub(crate) fn long() -> Vec<u8> {
    vec![b'a'; 1 << 20]
}
