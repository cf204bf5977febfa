//! What a footer asks of its decoder: whether it is well formed, and how much memory it will take, counted before it is
//! decoded.
//!
//! The decoder reserves memory for lists before it reads them, and copies the names above a column into its path.

use super::thrift::{BINARY, I16, I32, I64, LIST, STRUCT, fields_of, int32, list, skip, structs, text_length};

/// Groups in groups, at most: schemas are read by recursion.
pub(super) const DEPTH_MAX: u64 = 100;

// Kinds of the fields of each struct, by number (parquet.thrift).
const FILE: [u8; 9] = [I32, LIST, I64, LIST, LIST, BINARY, LIST, STRUCT, BINARY];
const SCHEMA_ELEMENT: [u8; 10] = [I32, I32, I32, BINARY, I32, I32, I32, I32, I32, STRUCT];
const ROW_GROUP: [u8; 7] = [LIST, I64, I64, LIST, I64, I64, I16];
const COLUMN_CHUNK: [u8; 9] = [BINARY, I64, STRUCT, I64, I32, I64, I32, STRUCT, BINARY];
const COLUMN: [u8; 17] =
    [I32, LIST, LIST, I32, I64, I64, I64, LIST, I64, I64, I64, STRUCT, LIST, I64, I32, STRUCT, STRUCT];

// Bytes that decoded parts take, with what is made of them for each column of the schema.
const SCHEMA_ELEMENT_BYTES: u64 = 1024;
const COLUMN_CHUNK_BYTES: u64 = 1024;
const ROW_GROUP_BYTES: u64 = 256;
const ELEMENT_BYTES: u64 = 64;
/// Copies of a name or of another text.
const TEXT_COPIES: u64 = 4;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) encrypted: bool,
    pub(super) columns: u64,
    /// Groups in groups, the deepest.
    pub(super) depth: u64,
    chunks: u64,
    row_groups: u64,
    schema_elements: u64,
    /// Elements of other lists.
    elements: u64,
    /// Of all columns, with the names of the groups above them.
    path_bytes: u64,
    bytes: u64,
}

impl Shape {
    /// None for what is not a well-formed `FileMetaData`. A schema deeper than is read is left as it is: see `depth`.
    pub(super) fn of(footer: &[u8]) -> Option<Self> {
        let (mut shape, mut at) = (Self { bytes: footer.len() as u64, ..Self::default() }, footer);
        fields_of(&FILE, &mut at, |field, kind, at| match field {
            2 => shape.schema(at),
            4 => {
                let length = structs(at)?;
                shape.row_groups += length;
                (0..length).try_for_each(|_| shape.row_group(at))
            }
            8 => {
                shape.encrypted = true;
                skip(at, kind, &mut shape.elements)
            }
            _ => skip(at, kind, &mut shape.elements),
        })?;
        Some(shape)
    }

    /// Bytes that decoding takes, about: rather more.
    pub(super) fn memory(&self) -> u64 {
        let parts = [
            (self.schema_elements, SCHEMA_ELEMENT_BYTES),
            (self.chunks, COLUMN_CHUNK_BYTES),
            (self.row_groups, ROW_GROUP_BYTES),
            (self.elements, ELEMENT_BYTES),
            (self.path_bytes, TEXT_COPIES),
            (self.bytes, TEXT_COPIES),
        ];
        parts.iter().fold(0, |sum: u64, (count, each)| sum.saturating_add(count.saturating_mul(*each)))
    }

    /// The schema is a tree, flattened depth first: an element says how many follow below it.
    fn schema(&mut self, at: &mut &[u8]) -> Option<()> {
        let length = structs(at)?;
        self.schema_elements += length;
        // Of each open group: elements that are missing, and the bytes of the names down to it.
        let mut open: Vec<(u64, u64)> = Vec::new();
        for read in 1..=length {
            let (mut name, mut children) = (0, 0);
            fields_of(&SCHEMA_ELEMENT, at, |field, kind, at| {
                match field {
                    4 => name = text_length(at)?,
                    5 => children = u64::try_from(int32(at)?).ok()?,
                    _ => skip(at, kind, &mut self.elements)?,
                }
                Some(())
            })?;
            (children <= length - read).then_some(())?;
            let path = open.last().map_or(0, |(_, above)| *above).saturating_add(name);
            if let Some((missing, _)) = open.last_mut() {
                *missing -= 1;
            }
            if children > 0 {
                // What is deeper than this is refused: how deep it goes does not matter.
                if (open.len() as u64) <= DEPTH_MAX {
                    open.push((children, path));
                    self.depth = self.depth.max(open.len() as u64 - 1);
                }
            } else {
                self.columns += 1;
                self.path_bytes = self.path_bytes.saturating_add(path);
            }
            while open.last().is_some_and(|(missing, _)| *missing == 0) {
                open.pop();
            }
        }
        Some(())
    }

    fn row_group(&mut self, at: &mut &[u8]) -> Option<()> {
        fields_of(&ROW_GROUP, at, |field, kind, at| match field {
            1 => {
                let length = structs(at)?;
                self.chunks += length;
                (0..length).try_for_each(|_| self.chunk(at))
            }
            _ => skip(at, kind, &mut self.elements),
        })
    }

    fn chunk(&mut self, at: &mut &[u8]) -> Option<()> {
        fields_of(&COLUMN_CHUNK, at, |field, kind, at| match field {
            3 => fields_of(&COLUMN, at, |field, kind, at| match field {
                // The names of its path: the decoder passes over them.
                3 => list(at).and_then(|(length, kind)| (0..length).try_for_each(|_| skip(at, kind, &mut 0))),
                _ => skip(at, kind, &mut self.elements),
            }),
            _ => skip(at, kind, &mut self.elements),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An element with a name of one letter and this many children.
    fn element(children: u8) -> Vec<u8> {
        vec![0x48, 1, b'a', 0x15, children * 2, 0]
    }

    fn footer(children: &[u8]) -> Vec<u8> {
        let head = vec![0x15, 2, 0x19, 0xfc, children.len() as u8];
        [head, children.iter().flat_map(|count| element(*count)).collect(), vec![0x16, 4, 0]].concat()
    }

    #[test]
    fn a_schema_is_measured() {
        let check = |children: &[u8], columns, depth, path_bytes| {
            let found = Shape::of(&footer(children)).unwrap();
            assert_eq!((found.columns, found.depth, found.path_bytes), (columns, depth, path_bytes), "{children:?}");
        };
        check(&[2, 0, 0], 2, 0, 4);
        check(&[2, 1, 0, 0], 2, 1, 5);
        check(&[1, 2, 1, 0, 0], 2, 2, 7);
        check(&[1, 1, 1, 1, 0], 1, 3, 5);
        assert_eq!(Shape::of(&footer(&[2, 0])), None, "more children than elements");
        let deep: Vec<u8> = (0..120).map(|at| u8::from(at < 119)).collect();
        assert_eq!(Shape::of(&footer(&deep)).unwrap().depth, DEPTH_MAX);
    }

    #[test]
    fn lists_and_encryption_are_seen() {
        let encrypted = [0x15, 2, 0x7c, 0x1c, 0, 0, 0]; // 1: i32, 8: struct { 1: struct {} }
        assert!(Shape::of(&encrypted).unwrap().encrypted);
        // Two row groups: one with three chunks, one with none.
        let groups = [0x49, 0x2c, 0x19, 0x3c, 0, 0, 0, 0, 0, 0];
        let found = Shape::of(&groups).unwrap();
        assert_eq!((found.row_groups, found.chunks), (2, 3));
        assert!(found.memory() >= 3 * COLUMN_CHUNK_BYTES);
        assert_eq!(Shape::of(&[0x45, 2, 0]), None, "row groups that are no list");
        assert_eq!(Shape::of(&[0x49, 0x25, 2, 2, 0]), None, "row groups that are no structs");
        assert_eq!(Shape::of(&[0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 7, 0]), None);
    }
}
