//! Names of models: BLAKE3 in hexadecimal.

use aquifer_frame::short_hash;

use super::{Model, ModelFileError};

/// `model.blake3`: of the file. Equal for any cluster, device and fault.
pub fn model_hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// What the file of a model is called where nobody has named it, by its [`model_hash`].
pub fn model_file_name(blake3: &str) -> String {
    format!("{}.safetensors", short_hash(blake3))
}

/// `model.fit_blake3`: of tensors, encoding and fit spec. Equal for whoever fits the same, however it was scored.
pub fn fit_hash(model: &Model) -> Result<String, ModelFileError> {
    let fit = model.spec.canonical_json().map_err(|source| ModelFileError::Spec { source })?;
    let json = |source| ModelFileError::Json { field: "encoding", source };
    let encoding = serde_json::to_string(&model.encoding).map_err(json)?;
    let mut hasher = blake3::Hasher::new();
    put(&mut hasher, fit.as_bytes());
    put(&mut hasher, encoding.as_bytes());
    put_tensors(&mut hasher, model);
    Ok(hasher.finalize().to_hex().to_string())
}

/// Of the tensors alone, in the order of their names: golden tests name models by it.
pub fn tensor_hash(model: &Model) -> String {
    let mut hasher = blake3::Hasher::new();
    put_tensors(&mut hasher, model);
    hasher.finalize().to_hex().to_string()
}

fn put_tensors(hasher: &mut blake3::Hasher, model: &Model) {
    for tensor in model.sorted() {
        put(hasher, tensor.name.as_bytes());
        let sizes: Vec<u8> = tensor.shape.iter().flat_map(|size| (*size as u64).to_le_bytes()).collect();
        put(hasher, &sizes);
        let values: Vec<u8> = tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        put(hasher, &values);
    }
}

/// With its length before it, so that no two sequences of parts run together into the same bytes.
fn put(hasher: &mut blake3::Hasher, part: &[u8]) {
    hasher.update(&(part.len() as u64).to_le_bytes());
    hasher.update(part);
}
