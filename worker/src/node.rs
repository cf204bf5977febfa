//! What tells a node from others: 128 random bits, made at the first start in its data folder. Its address may be another
//! after each start.

use std::io::Write;
use std::path::Path;

use aquifer_proto::new_part;
use tracing::warn;

const FILE: &str = "node";
const DIGITS: usize = 32;

pub(crate) fn node_name(dir: &Path) -> std::io::Result<String> {
    let path = dir.join(FILE);
    if let Some(known) = known(&path) {
        return Ok(known);
    }
    let mut bits = [0; DIGITS / 2];
    getrandom::fill(&mut bits).map_err(std::io::Error::other)?;
    let name: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
    // Of workers that share the folder, and begin side by side, the first gives the name.
    let kept = new_part(dir).and_then(|mut part| {
        part.write_all(name.as_bytes())?;
        part.persist_noclobber(&path).map_err(|error| error.error)
    });
    Ok(known(&path).unwrap_or_else(|| {
        // The disk is full, say: the name is that of this start alone.
        warn!(error = ?kept.err(), path = %path.display(), "this node's name is not kept");
        name
    }))
}

/// One that is damaged is made again.
fn known(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let is_name = text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !is_name {
        let _ = std::fs::remove_file(path);
    }
    is_name.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_keeps_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let name = node_name(folder.path()).unwrap();
        assert_eq!(node_name(folder.path()).unwrap(), name);
        std::fs::write(folder.path().join(FILE), "\n").unwrap();
        assert_ne!(node_name(folder.path()).unwrap(), name, "it was damaged");
        assert_eq!(node_name(&folder.path().join("none")).unwrap().len(), DIGITS, "nowhere to keep it");
    }
}
