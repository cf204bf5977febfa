//! Model → bytes.

use std::borrow::Cow;
use std::collections::HashMap;

use safetensors::tensor::{Dtype, View};

use super::metadata::{KEY, Metadata};
use super::{HEADER_BYTES_MAX, Model, ModelFileError, TENSORS_MAX, Tensor, digest};

impl Model {
    /// The bytes of this model's file: a function of the model alone.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelFileError> {
        self.check_tensors()?;
        let metadata = self.metadata_json()?;
        if metadata.len() > HEADER_BYTES_MAX / 2 {
            let what = format!("{} bytes of metadata", metadata.len());
            return Err(ModelFileError::TooLarge { what, limit: HEADER_BYTES_MAX / 2 });
        }
        // One key, so that the hash map has one order; safetensors sorts tensors of one type by name.
        let metadata = HashMap::from([(KEY.to_owned(), metadata)]);
        let views = self.sorted().into_iter().map(|tensor| (tensor.name.as_str(), F32View(tensor)));
        let mut bytes =
            safetensors::serialize(views, Some(metadata)).map_err(|source| ModelFileError::Header { source })?;
        assert!(digest::seal(&mut bytes), "a model file begins with its metadata");
        Ok(bytes)
    }

    fn check_tensors(&self) -> Result<(), ModelFileError> {
        if self.tensors.len() > TENSORS_MAX {
            let what = format!("{} tensors", self.tensors.len());
            return Err(ModelFileError::TooLarge { what, limit: TENSORS_MAX });
        }
        let sorted = self.sorted();
        let wrong = |reason| Err(ModelFileError::Content { field: "tensors", reason });
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return wrong(format!("two are called `{}`", pair[0].name));
        }
        let fits = |tensor: &&&Tensor| {
            tensor.shape.iter().try_fold(1usize, |n, size| n.checked_mul(*size)) == Some(tensor.values.len())
        };
        match sorted.iter().find(|tensor| !fits(tensor)) {
            Some(Tensor { name, shape, values }) => {
                wrong(format!("`{name}` has {} values for the shape {shape:?}", values.len()))
            }
            None => Ok(()),
        }
    }

    fn metadata_json(&self) -> Result<String, ModelFileError> {
        let json = |field| move |source| ModelFileError::Json { field, source };
        let fit = self.spec.canonical().map_err(|source| ModelFileError::Spec { source })?;
        let metadata = Metadata {
            blake3: digest::ZEROS.into(),
            format: self.format,
            numeric_class: self.numeric_class.clone(),
            fit,
            encoding: self.encoding.clone(),
            metrics: self.scores.clone(),
        };
        let text = serde_json::to_string(&metadata).map_err(json("metadata"))?;
        // A number that JSON has no form for would only be missed when the model is needed.
        let back: Metadata = serde_json::from_str(&text).map_err(json("metadata"))?;
        if back.encoding != self.encoding || back.metrics != self.scores {
            let reason = "a number in it is not finite".into();
            return Err(ModelFileError::Content { field: "encoding or metrics", reason });
        }
        Ok(text)
    }
}

/// A tensor as safetensors wants it: little-endian bytes.
struct F32View<'a>(&'a Tensor);

impl View for F32View<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.0.values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into()
    }

    fn data_len(&self) -> usize {
        self.0.values.len() * size_of::<f32>()
    }
}
