//! The packed classifier as a candle module.

use std::sync::Arc;

use candle_core::{DType, Device, Module, Tensor};
use finsent_model::PackedBatch;
use finsent_model::candle::PackedClassifier;

use crate::parity::encoding;
use crate::reference;

fn classifier() -> PackedClassifier {
    PackedClassifier::new(reference::encoder(reference::variant("f32").path()))
}

fn tensor(ids: &[u32]) -> Tensor {
    Tensor::new(ids, &Device::Cpu).unwrap()
}

#[test]
fn packed_tensors_give_the_logits_of_the_encoder() {
    let encoder = Arc::new(reference::encoder(reference::variant("f32").path()));
    let classifier = PackedClassifier::new(Arc::clone(&encoder));
    let cases = &reference::small_cases()["f32"];
    let batch = PackedBatch::pack(&cases.iter().map(encoding).collect::<Vec<_>>());
    let cu_seqlens: Vec<u32> = batch.cu_seqlens.iter().map(|&length| length as u32).collect();
    let logits = classifier.forward_packed(&tensor(&batch.input_ids), &tensor(&cu_seqlens)).unwrap();
    assert_eq!(logits.dims(), [cases.len(), encoder.num_labels()]);
    let expected: Vec<Vec<f32>> = encoder.forward(&batch).unwrap().rows().map(<[f32]>::to_vec).collect();
    assert_eq!(logits.to_vec2::<f32>().unwrap(), expected);
}

#[test]
fn a_module_classifies_texts_of_one_length() {
    let classifier = classifier();
    let texts = Tensor::new(&[[2u32, 5, 6, 3], [2, 9, 8, 3]], &Device::Cpu).unwrap();
    let together = classifier.forward(&texts).unwrap();
    let packed = classifier.forward_packed(&texts.flatten_all().unwrap(), &tensor(&[0, 4, 8])).unwrap();
    assert_eq!(together.to_vec2::<f32>().unwrap(), packed.to_vec2::<f32>().unwrap());
    let first = classifier.forward(&texts.get(0).unwrap()).unwrap();
    assert_eq!(first.dims(), [1, 3]);
    assert_eq!(first.to_vec2::<f32>().unwrap()[0], together.to_vec2::<f32>().unwrap()[0]);
}

#[test]
fn tensors_of_the_wrong_type_or_shape_are_errors() {
    let classifier = classifier();
    let ids = tensor(&[2, 5, 3]);
    let floats = ids.to_dtype(DType::F32).unwrap();
    for (input_ids, cu_seqlens, part) in [
        (&floats, tensor(&[0, 3]), "`input_ids` is f32"),
        (&ids.unsqueeze(0).unwrap(), tensor(&[0, 3]), "expected one dimension of u32"),
        (&ids, tensor(&[0, 2]), "the 3 tokens"),
        (&ids, tensor(&[0, 0, 3]), "must rise"),
        (&ids, tensor(&[1, 3]), "must rise"),
        (&ids, tensor(&[0]), "must rise"),
        (&tensor(&[2, 100_000, 3]), tensor(&[0, 3]), "100000"),
        (&tensor(&[5; 50]), tensor(&[0, 50]), "`position_ids`"),
    ] {
        let message = classifier.forward_packed(input_ids, &cu_seqlens).unwrap_err().to_string();
        assert!(message.contains(part), "expected {part:?} in: {message}");
    }
    let empty = Tensor::zeros((0, 4), DType::U32, &Device::Cpu).unwrap();
    assert!(classifier.forward(&empty).unwrap_err().to_string().contains("is empty"));
    assert!(classifier.forward(&ids.reshape((1, 1, 3)).unwrap()).is_err());
}
