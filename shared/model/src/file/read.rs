//! Bytes → model. Nothing of a file is believed before its digest has been checked.

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::metadata::{FormatOnly, KEY, Metadata};
use super::{HEADER_BYTES_MAX, MODEL_FORMAT, Model, ModelFileError, TENSORS_MAX, Tensor, check, digest};
use crate::spec::FitSpec;

impl Model {
    /// Reads a model file of any format up to [`MODEL_FORMAT`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Model, ModelFileError> {
        let data = check_frame(bytes)?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|source| {
            // The header is whole, and says how many bytes follow it.
            match source {
                safetensors::SafeTensorError::MetadataIncompleteBuffer => match expected_bytes(bytes, data) {
                    Some(expected) if expected > bytes.len() as u64 => {
                        ModelFileError::Truncated { bytes: bytes.len() as u64, expected }
                    }
                    _ => ModelFileError::Altered,
                },
                source => ModelFileError::Header { source },
            }
        })?;
        let text =
            header.metadata().as_ref().and_then(|metadata| metadata.get(KEY)).ok_or(ModelFileError::NotAModel)?;
        let json = |field| move |source| ModelFileError::Json { field, source };
        // A newer format may keep its digest elsewhere, so this comes first.
        if let Ok(FormatOnly { format }) = serde_json::from_str(text)
            && format > u64::from(MODEL_FORMAT)
        {
            return Err(ModelFileError::Newer { format });
        }
        digest::check(bytes)?;
        let metadata: Metadata = serde_json::from_str(text).map_err(json("metadata"))?;
        let spec = FitSpec::from_canonical(&metadata.fit).map_err(|source| ModelFileError::Spec { source })?;
        check::check(&metadata, &spec)?;
        Ok(Model {
            tensors: read_tensors(bytes)?,
            spec,
            encoding: metadata.encoding,
            scores: metadata.metrics,
            numeric_class: metadata.numeric_class,
            format: metadata.format,
        })
    }
}

/// The offset of the tensors' bytes, if the file has a header of a possible length, and all of it.
fn check_frame(bytes: &[u8]) -> Result<usize, ModelFileError> {
    let not = |reason| Err(ModelFileError::NotSafetensors { reason });
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
        return not("shorter than the length of a header");
    };
    let length = u64::from_le_bytes(*length);
    let Some(length) = usize::try_from(length).ok().filter(|length| *length <= HEADER_BYTES_MAX) else {
        return not("its first bytes are not the length of a header");
    };
    if !rest.is_empty() && !rest.starts_with(b"{") {
        return not("no header follows its first bytes");
    }
    if rest.len() < length {
        return Err(ModelFileError::Truncated { bytes: bytes.len() as u64, expected: length as u64 + 8 });
    }
    Ok(length + 8)
}

/// How long a file with this header is.
fn expected_bytes(bytes: &[u8], data: usize) -> Option<u64> {
    let header: safetensors::tensor::Metadata = serde_json::from_slice(bytes.get(8..data)?).ok()?;
    Some((data + header.data_len()) as u64)
}

fn read_tensors(bytes: &[u8]) -> Result<Vec<Tensor>, ModelFileError> {
    let file = SafeTensors::deserialize(bytes).map_err(|source| ModelFileError::Header { source })?;
    if file.len() > TENSORS_MAX {
        return Err(ModelFileError::TooLarge { what: format!("{} tensors", file.len()), limit: TENSORS_MAX });
    }
    let mut views = file.tensors();
    views.sort_by(|a, b| a.0.cmp(&b.0));
    views.into_iter().map(|(name, view)| read_tensor(name, &view)).collect()
}

fn read_tensor(name: String, view: &TensorView) -> Result<Tensor, ModelFileError> {
    let (chunks, rest) = view.data().as_chunks::<4>();
    if view.dtype() != Dtype::F32 || !rest.is_empty() {
        let reason = format!("`{name}` has the type {}, not F32", view.dtype());
        return Err(ModelFileError::Content { field: "tensors", reason });
    }
    let values = chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect();
    Ok(Tensor { name, shape: view.shape().to_vec(), values })
}
