//! Round trips, and files that must be refused.

use aquifer_frame::{Categorical, Encoding, Numeric, Target};

use super::*;
use crate::metric::Metrics;
use crate::spec::Spec;
use crate::state::{Part, Score};

fn model(sets: &[&str]) -> Model {
    let mut spec = Spec::default();
    spec.set("target=y").unwrap();
    sets.iter().for_each(|set| spec.set(set).unwrap());
    let encoding = Encoding {
        numeric: vec![Numeric::plain("age", 38.6, 38.6, 0.1 + 0.2)],
        categorical: vec![Categorical {
            column: "stadt".into(),
            levels: vec!["Köln \"am\" Rhein".into(), "{\\".into()],
            other: false,
        }],
        target: Target::Classes { column: "y".into(), levels: vec!["no".into(), "yes".into()] },
        weights_column: None,
        skip_missing: false,
    };
    let metrics = Metrics { rows: 5000, auc: Some(0.91), confusion: Some(vec![3, 2, 1, 4]), ..Metrics::default() };
    let tensor = |name: &str, shape: &[usize]| Tensor {
        name: name.into(),
        shape: shape.into(),
        values: (0..shape.iter().product()).map(|i| i as f32 * 0.1 - 0.3).collect(),
    };
    let tensors = vec![tensor("layers.0.bias", &[3]), tensor("layers.0.weight", &[4, 3]), tensor("empty", &[0, 3])];
    let scores = vec![Score { part: Part::Test, position: 50_000, metrics }];
    Model::new(tensors, spec.resolve(5000, "0123abcd").unwrap(), encoding, scores)
}

/// The same model as the file gives it back: tensors by name.
fn sorted(mut model: Model) -> Model {
    model.tensors.sort_by(|a, b| a.name.cmp(&b.name));
    model
}

fn code(bytes: &[u8]) -> &'static str {
    Model::from_bytes(bytes).err().map_or("accepted", |error| error.code())
}

#[test]
fn a_model_comes_back_as_it_was() {
    let model = model(&["ranks=2", "averaging.mode=gradient", "l2=1e-4"]);
    let bytes = model.to_bytes().unwrap();
    let back = Model::from_bytes(&bytes).unwrap();
    assert_eq!(back, sorted(model));
    assert_eq!(back.to_bytes().unwrap(), bytes);
    assert_eq!(back.tensor("layers.0.bias").unwrap().values.len(), 3);
}

#[test]
fn equal_models_are_equal_files() {
    let bytes = model(&["seed=1"]).to_bytes().unwrap();
    let mut shuffled = model(&["device=cpu", "data=x.parquet", "epochs=10"]);
    shuffled.tensors.reverse();
    assert_eq!(shuffled.to_bytes().unwrap(), bytes);
    assert_eq!(model(&["averaging.mode=gradient"]).to_bytes().unwrap(), bytes, "one rank in both modes");
    assert_ne!(model(&["seed=2"]).to_bytes().unwrap(), bytes);
}

/// The format is for ever: a change of this hash needs a new number and a way to read the old.
#[test]
fn the_bytes_of_format_1_do_not_change() {
    let bytes = model(&["ranks=2"]).to_bytes().unwrap();
    assert_eq!(model_hash(&bytes), "65a0f99f61961da34ace966e5e52e7c827c169ff1d03e64a31317f22b9d50e2d");
    assert_eq!(tensor_hash(&model(&[])), "231560687502bbabb607904f6376931a329b529faba4a5ba4cb72392f99a81dc");
}

#[test]
fn hashes_name_what_they_say() {
    let (a, mut b) = (model(&[]), model(&[]));
    b.scores.clear();
    assert_eq!(fit_hash(&a).unwrap(), fit_hash(&b).unwrap());
    assert_ne!(model_hash(&a.to_bytes().unwrap()), model_hash(&b.to_bytes().unwrap()));
    b.spec.params.seed = 9;
    assert_ne!(fit_hash(&a).unwrap(), fit_hash(&b).unwrap());
    assert_eq!(tensor_hash(&a), tensor_hash(&b));
    b.tensors[0].shape = vec![1, 3];
    assert_ne!(tensor_hash(&a), tensor_hash(&b));
}

#[test]
fn every_truncation_is_refused() {
    let bytes = model(&[]).to_bytes().unwrap();
    for length in 0..bytes.len() {
        let code = code(&bytes[..length]);
        let expected = if length < 8 { "not_safetensors" } else { "model_truncated" };
        assert_eq!(code, expected, "{length} of {} bytes", bytes.len());
    }
    let mut longer = bytes;
    longer.push(0);
    assert_eq!(code(&longer), "model_altered");
}

#[test]
fn every_altered_byte_is_found() {
    let bytes = model(&[]).to_bytes().unwrap();
    let mut x = 1u64;
    let mut random = move || {
        x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (x >> 33) as usize
    };
    let mut altered = 0;
    let mut places: Vec<usize> = (0..bytes.len()).collect();
    places.extend((0..2000).map(|_| random() % bytes.len()));
    for at in places {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (random() % 8);
        let code = code(&flipped);
        assert_ne!(code, "accepted", "byte {at} of {}", bytes.len());
        altered += usize::from(code == "model_altered");
    }
    assert!(altered > 1000, "most bytes are found by the digest alone: {altered}");
}

#[test]
fn other_files_are_told_apart() {
    assert_eq!(code(b""), "not_safetensors");
    assert_eq!(code(b"PAR1 and then some Parquet"), "not_safetensors");
    assert_eq!(code(&[0; 64]), "not_safetensors");
    let foreign = safetensors::serialize(Vec::<(String, safetensors::tensor::TensorView)>::new(), None).unwrap();
    assert_eq!(code(&foreign), "not_a_model");

    let newer = Model { format: 2, ..model(&[]) }.to_bytes().unwrap();
    let error = Model::from_bytes(&newer).unwrap_err();
    assert_eq!(error.to_string(), "the model was written by a newer version: format 2, this binary reads up to 1");
    assert_eq!(error.hint(), Some("update aquifer"));
}

#[test]
fn metadata_that_makes_no_sense_is_refused() {
    let refuse = |change: &dyn Fn(&mut Model)| {
        let mut model = model(&[]);
        change(&mut model);
        let error = Model::from_bytes(&model.to_bytes().unwrap()).unwrap_err();
        assert_eq!(error.code(), "model_content", "{error}");
        error.to_string()
    };
    let classes = |levels: &[&str]| Target::Classes {
        column: "y".into(),
        levels: levels.iter().map(|level| (*level).into()).collect(),
    };
    assert!(refuse(&|model| model.format = 0).contains("no format 0"));
    assert!(refuse(&|model| model.numeric_class = "fast".into()).contains("`fast` is not known"));
    refuse(&|model| model.spec.target = "z".into());
    refuse(&|model| model.encoding.weights_column = Some("w".into()));
    refuse(&|model| model.encoding.numeric[0].scale = 0.0);
    refuse(&|model| model.encoding.numeric[0].scale = -1.0);
    refuse(&|model| model.encoding.categorical[0].levels.reverse());
    refuse(&|model| model.encoding.categorical[0].levels = vec!["a".into(), "a".into()]);
    for levels in [&["a"][..], &["b", "a"], &["a", "a"], &["10", "9", "1"]] {
        refuse(&|model| model.encoding.target = classes(levels));
    }
    refuse(&|model| {
        model.encoding.target =
            Target::Classes { column: "y".into(), levels: (0..1025).map(|i| i.to_string()).collect() }
    });
    refuse(&|model| {
        model.encoding.target = Target::Regression { column: "y".into(), reading: None, mean: 1.0, deviation: 0.0 }
    });
    for levels in [&["-1", "0", "10"][..], &["0.5", "9", "10"], &["A", "a", "b"], &["false", "true"]] {
        let model = Model { encoding: Encoding { target: classes(levels), ..model(&[]).encoding }, ..model(&[]) };
        Model::from_bytes(&model.to_bytes().unwrap()).unwrap();
    }
}

#[test]
fn what_no_file_can_hold_is_refused() {
    let refuse = |change: &dyn Fn(&mut Model)| {
        let mut model = model(&[]);
        change(&mut model);
        model.to_bytes().err().map_or("accepted", |error| error.code())
    };
    assert_eq!(refuse(&|model| model.tensors[0].shape = vec![2]), "model_content");
    assert_eq!(refuse(&|model| model.tensors[0].shape = vec![usize::MAX, 2]), "model_content");
    assert_eq!(refuse(&|model| model.tensors[0].name = "layers.0.weight".into()), "model_content");
    assert_eq!(refuse(&|model| model.encoding.numeric[0].scale = f64::NAN), "model_content");
    assert_eq!(refuse(&|model| model.spec.params.learning_rate = -1.0), "model_content");
    assert_eq!(refuse(&|model| model.spec.params.seed = u64::MAX), "model_content");
    // No spec resolves to an interval that is no multiple of a step's rows.
    let uneven = |model: &mut Model| (model.spec.params.ranks, model.spec.params.averaging_interval) = (2, 7);
    assert_eq!(refuse(&uneven), "model_content");
}
