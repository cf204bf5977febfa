//! The names and addresses that a certificate is for, read from it. Nothing is verified here: it is a file of one's own.

use std::net::IpAddr;
use std::path::Path;

use crate::TlsError;
use crate::tls::certificates;

/// What DER puts in front of a value, as far as it leads to the names.
const SEQUENCE: u8 = 0x30;
const EXTENSIONS: u8 = 0xa3;
const OBJECT_ID: u8 = 0x06;
const OCTETS: u8 = 0x04;
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;
/// 2.5.29.17
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// Those of the first certificate in a file, in its order. RFC 5280, 4.1 and 4.2.1.6.
pub fn names_of(path: &Path) -> Result<Vec<String>, TlsError> {
    let found = certificates(path)?;
    let names = found.first().and_then(|certificate| names(certificate));
    names.ok_or_else(|| TlsError::NotPem { path: path.to_owned(), what: "certificate with names" })
}

fn names(certificate: &[u8]) -> Option<Vec<String>> {
    let signed = inside(inside(certificate, SEQUENCE)?, SEQUENCE)?;
    let extensions = inside(inside(signed, EXTENSIONS)?, SEQUENCE)?;
    let names = values(extensions).find_map(|(_, extension)| {
        (inside(extension, OBJECT_ID)? == SUBJECT_ALT_NAME).then(|| inside(inside(extension, OCTETS)?, SEQUENCE))?
    })?;
    let text = |(tag, value): (u8, &[u8])| match tag {
        DNS_NAME => String::from_utf8(value.to_vec()).ok(),
        IP_ADDRESS => address(value).map(|address| address.to_string()),
        _ => None,
    };
    Some(values(names).filter_map(text).collect())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// The first value of a kind.
fn inside(bytes: &[u8], wanted: u8) -> Option<&[u8]> {
    values(bytes).find_map(|(tag, value)| (tag == wanted).then_some(value))
}

/// Values that follow each other, with their tags, as far as they are whole.
fn values(mut rest: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (&[tag, first], after) = rest.split_first_chunk()?;
        // A length of seven bits, or as many bytes as those say.
        let (length, after) = match first {
            ..0x80 => (usize::from(first), after),
            0x81..=0x84 => {
                let (length, after) = after.split_at_checked(usize::from(first & 0x7f))?;
                (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), after)
            }
            0x80 | 0x85.. => return None,
        };
        let value;
        (value, rest) = after.split_at_checked(length)?;
        Some((tag, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_off_has_no_names() {
        // A certificate with nothing in it but its names.
        let san = [&[0x30, 15, 6, 3][..], SUBJECT_ALT_NAME, &[4, 8, 0x30, 6, 0x82, 1, b'a', 0x87, 1, 9]].concat();
        let wrap = |tag, inner: &[u8]| [&[tag, 0x81, inner.len() as u8], inner].concat();
        let whole = wrap(SEQUENCE, &wrap(SEQUENCE, &wrap(EXTENSIONS, &wrap(SEQUENCE, &san))));
        assert_eq!(names(&whole), Some(vec!["a".to_owned()]), "nine is no address");
        for length in 0..whole.len() {
            assert_eq!(names(&whole[..length]), None);
        }
    }
}
