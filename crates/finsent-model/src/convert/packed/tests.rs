//! Every small model of the golden files: packed, it gives the bits of the original.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use finsent_kernels::{Isa, WeightStore};

use super::*;
use crate::encoder::Parameter;
use crate::model_files::{ModelFile, ModelFiles, WeightFiles};
use crate::model_options::ModelOptions;
use crate::pipeline::Pipeline;
use crate::text::Text;
use crate::tokenizer::Encoding;

const MODELS: [&str; 8] =
    ["small", "distilbert", "roberta", "xlm-roberta", "electra", "modernbert", "deberta-v2", "camembert"];
const FORMATS: [WeightFormat; 3] = [WeightFormat::F32, WeightFormat::Bf16, WeightFormat::Int8];

fn threads() -> Arc<ComputeThreads> {
    Arc::new(ComputeThreads::new(NonZeroUsize::new(2)).unwrap())
}

/// The small models that there are.
fn models() -> impl Iterator<Item = PathBuf> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    MODELS.into_iter().map(move |name| golden.join(name)).filter(|dir| dir.join("config.json").exists())
}

/// A copy of a model without its weights.
fn without_weights(model: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(model).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let is_weights = name.contains(".safetensors") || name.ends_with(".bin") || name.ends_with(".config.json");
        if entry.file_type().unwrap().is_file() && !is_weights {
            fs::copy(entry.path(), dir.path().join(name)).unwrap();
        }
    }
    dir
}

fn source(model: &Path) -> ModelFiles {
    let mut files = ModelFiles::in_dir(model, &["f32.safetensors"]).unwrap();
    let plain = model.join("f32.safetensors");
    if plain.exists() {
        files.weights = WeightFiles::Single(ModelFile::Disk(plain));
    }
    files
}

fn recording(files: &ModelFiles, precision: Precision) -> Recording {
    let config = Config::parse(&files.config.read_settings().unwrap()).unwrap();
    let checkpoint = Checkpoint::open(&files.weights).unwrap();
    Encoder::record(&config, &checkpoint, precision, threads()).unwrap()
}

/// The file of these weights.
fn bytes_of(precision: Precision, recording: Recording) -> Vec<u8> {
    let (header, pieces) = pieces(precision, recording);
    let head = head(&header, &pieces);
    [&head[..]].into_iter().chain(pieces.iter().map(|piece| piece.content.bytes())).collect::<Vec<_>>().concat()
}

fn write(dir: &Path, bytes: &[u8]) -> ModelFiles {
    fs::write(dir.join("model.safetensors"), bytes).unwrap();
    ModelFiles::in_dir(dir, &[]).unwrap()
}

/// The logits of some texts, with both formats of operands in int8.
fn logits(files: &ModelFiles, precision: Precision) -> Vec<Vec<u32>> {
    let mut all = Vec::new();
    for int8_margin in [0.0, 2.0] {
        let options = ModelOptions { precision, int8_margin, ..ModelOptions::default() };
        let pipeline = Pipeline::load(files, &options, &threads()).unwrap();
        let texts = ["profit rose", "net loss widened, the company said", "a"].map(|text| Text::parse(text).unwrap());
        let encodings: Vec<Encoding> = texts.iter().map(|text| pipeline.encode(text).unwrap()).collect();
        for logits in pipeline.logits(&encodings.iter().collect::<Vec<_>>()) {
            all.push(logits.unwrap().into_iter().map(f32::to_bits).collect());
        }
    }
    all
}

#[test]
fn packed_weights_give_the_bits_of_the_original() {
    for model in models() {
        let (source, dir) = (source(&model), without_weights(&model));
        for format in FORMATS {
            let precision = format.precision().unwrap();
            let packed = write(dir.path(), &bytes_of(precision, recording(&source, precision)));
            assert_eq!(crate::packed_precision(&packed.weights), Some(precision));
            assert_eq!(logits(&packed, precision), logits(&source, precision), "{} {format}", model.display());
            Pipeline::check(&packed, &ModelOptions::default()).unwrap();
        }
    }
}

#[test]
fn f32_holds_all_that_other_precisions_need() {
    for model in models() {
        let (source, dir) = (source(&model), without_weights(&model));
        let packed = write(dir.path(), &bytes_of(Precision::F32, recording(&source, Precision::F32)));
        for precision in Precision::ALL {
            assert_eq!(logits(&packed, precision), logits(&source, precision), "{} {precision}", model.display());
        }
    }
}

/// As another kind of CPU would have packed them.
fn repacked(mut recording: Recording, isa: Isa) -> Recording {
    for (_, weights) in &mut recording.matrices {
        *weights = PackedWeights::pack(
            &WeightStore::default(),
            isa,
            &threads().pool(),
            weights.layout().precision(),
            &weights.clone(),
            weights.shape(),
        );
    }
    recording
}

#[test]
fn weights_packed_for_another_cpu_are_packed_again() {
    let model = models().next().unwrap();
    let (source, dir) = (source(&model), without_weights(&model));
    for format in FORMATS {
        let precision = format.precision().unwrap();
        for isa in Isa::available() {
            let bytes = bytes_of(precision, repacked(recording(&source, precision), isa));
            let packed = write(dir.path(), &bytes);
            assert_eq!(logits(&packed, precision), logits(&source, precision), "{isa} {format}");
            // Packed for this CPU again, the file is the same as from the original.
            let again = bytes_of(precision, recording(&packed, precision));
            assert!(again == bytes_of(precision, recording(&source, precision)), "{isa} {format}");
        }
    }
}

#[test]
fn every_tensor_can_be_read_by_its_name() {
    for model in models() {
        let (source, dir) = (source(&model), without_weights(&model));
        let config = Config::parse(&source.config.read_settings().unwrap()).unwrap();
        let packed = write(dir.path(), &bytes_of(Precision::F32, recording(&source, Precision::F32)));
        let [original, packed] = [source, packed].map(|files| Checkpoint::open(&files.weights).unwrap());
        for Parameter { name, shape, .. } in config.parameters(&original).unwrap() {
            assert_eq!(packed.shape(&name), Some(&shape[..]), "{name}");
            assert!(packed.readable_names().any(|readable| readable == name), "{name}");
            assert_eq!(packed.tensor(&name, &shape).unwrap(), original.tensor(&name, &shape).unwrap(), "{name}");
        }
    }
}

#[test]
fn packed_int8_becomes_the_plain_int8_of_the_original() {
    let model = models().next().unwrap();
    let (source, dir) = (source(&model), without_weights(&model));
    let packed = write(dir.path(), &bytes_of(Precision::Int8, recording(&source, Precision::Int8)));
    let config = Config::parse(&source.config.read_settings().unwrap()).unwrap();
    let [original, packed] = [source, packed].map(|files| Checkpoint::open(&files.weights).unwrap());
    for Parameter { name, shape, is_quantized, .. } in config.parameters(&original).unwrap() {
        // The table of words is bf16 in a packed file.
        let &[rows, columns] = &shape[..] else { continue };
        if !is_quantized || name.starts_with("embeddings.") {
            continue;
        }
        let read = |checkpoint: &Checkpoint| {
            let (mut bytes, mut scales) = (vec![0; rows * columns], vec![0.0; rows]);
            checkpoint.rows(&name, &shape).unwrap().read_int8(0..rows, &mut bytes, &mut scales);
            (bytes, scales)
        };
        assert_eq!(read(&packed), read(&original), "{name}");
    }
}

/// Replaces a part of the header by another of the same length.
fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).expect(from);
    let mut bytes = bytes.to_vec();
    let spaces = " ".repeat(from.len() - to.len());
    bytes[at..at + from.len()].copy_from_slice(format!("{to}{spaces}").as_bytes());
    bytes
}

#[test]
fn a_header_that_lies_is_refused() {
    let model = models().next().unwrap();
    let (source, dir) = (source(&model), without_weights(&model));
    let bytes = bytes_of(Precision::Int8, recording(&source, Precision::Int8));
    let refusal = |bytes: &[u8]| {
        let files = write(dir.path(), bytes);
        Checkpoint::open(&files.weights).map(drop).unwrap_err().to_string()
    };
    let first = |field: &str| {
        let text = String::from_utf8_lossy(&bytes);
        let at = text.find(field).expect(field);
        text[at..].split_inclusive([',', ']', '}']).next().unwrap().to_owned()
    };
    let shape = r#"\"shape\":[32,32]"#;
    for (from, to, complaint) in [
        (
            r#""version":"1""#,
            r#""version":"9""#,
            "of the version `9`; this finsent reads version 1. Convert the original",
        ),
        (r#""precision":"int8""#, r#""precision":"int4""#, "precision `int4`"),
        (r#""precision":"int8""#, r#""precisiom":"int8""#, "has no `precision`"),
        (r#"\"layout\":\"lanes\""#, r#"\"layout\":\"tiles\""#, "the layout `tiles`"),
        (r#"\"low_bits\":true"#, r#"\"low_bits\":null"#, "invalid type: null"),
        (r#"\"low_bits\":true"#, r#"\"low_bits\":0"#, "invalid type: integer"),
        (&first(r#"\"width\":"#), r#"\"width\":0,"#, "panels of 0 columns"),
        (shape, r#"\"shape\":[32,99]"#, "should have"),
        (shape, r#"\"shape\":[99,32]"#, "its parts have 32 rows"),
        (shape, r#"\"shape\":[32,0]"#, "the matrix is empty"),
        (shape, r#"\"shape\":[-1,3]"#, "invalid value"),
        (r#"{\"start\":0,\"end\":32}"#, r#"{\"start\":0,\"end\":99}"#, "rows 0..99 of 32"),
        (r#"{\"start\":0,\"end\":32}"#, r#"{\"start\":9,\"end\":3}"#, "rows 9..3 of 32"),
        (r#"{\"start\":0,\"end\":32}"#, r#"{\"start\":0,\"end\":31}"#, "its parts have 31 rows"),
        (r#""dtype":"I32""#, r#""dtype":"F32""#, "has the type F32; expected I32"),
        (r#".int8.sums""#, r#".int8.sumz""#, ".int8.sums` is missing"),
    ] {
        let message = refusal(&replaced(&bytes, from, to));
        assert!(message.contains(complaint), "{from} -> {to}: {message}");
    }
    let without_low_bits = String::from_utf8_lossy(&bytes).matches(r#"\"low_bits\":true"#).count();
    assert!(without_low_bits > 2, "int8 weights of f32 have low bits");
    for length in (0..bytes.len()).step_by(97) {
        assert!(refusal(&bytes[..length]).contains("half copied"));
    }
}

/// Whatever bytes of the file change, it is refused or read without a panic.
#[test]
fn a_changed_file_never_panics() {
    let model = models().next().unwrap();
    let (source, dir) = (source(&model), without_weights(&model));
    let original = bytes_of(Precision::Int8, recording(&source, Precision::Int8));
    let config = Config::parse(&source.config.read_settings().unwrap()).unwrap();
    let mut random = fastrand::Rng::with_seed(20);
    let header = u64::from_le_bytes(*original.first_chunk().unwrap()) as usize;
    let threads = threads();
    for round in 0..400 {
        let mut bytes = original.clone();
        for _ in 0..random.usize(1..4) {
            // Mostly digits and names of the header.
            let at = if round % 4 == 0 { random.usize(0..bytes.len()) } else { random.usize(8..8 + header) };
            bytes[at] = if bytes[at].is_ascii_digit() { random.u8(b'0'..=b'9') } else { random.u8(..) };
        }
        let files = write(dir.path(), &bytes);
        let Ok(checkpoint) = Checkpoint::open(&files.weights) else { continue };
        // It may also be valid and lack a tensor, or have other numbers.
        drop(Encoder::load(&config, &checkpoint, Precision::Int8, Arc::clone(&threads)));
        for name in checkpoint.names() {
            drop(checkpoint.tensor(name, checkpoint.shape(name).unwrap()));
        }
    }
}

/// The seed of the fuzz target: `a` and the second row of `b` as int8, whose bytes are 7 i modulo 5.
#[test]
fn a_file_of_version_1_stays_readable() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/checkpoint/packed");
    let checkpoint = Checkpoint::open(&WeightFiles::Single(ModelFile::Disk(path))).unwrap();
    assert_eq!(checkpoint.packed_precision(), Some(Precision::Int8));
    // A lane has four numbers of one of 8 columns, and a lane of low bits has eight.
    let byte = |at: usize| (7 * at % 5) as f32;
    let number = |row: usize, k: usize| {
        let low_bits = if k.is_multiple_of(2) { byte(4 * row + k / 2) } else { 0.0 };
        0.5 * (byte((k / 4 * 8 + row) * 4 + k % 4) + low_bits / 16.0)
    };
    let expected: Vec<f32> = (0..2).flat_map(|row| (0..5).map(move |k| number(row, k))).collect();
    assert_eq!(checkpoint.tensor("a", &[2, 5]).unwrap(), expected);
    assert_eq!(checkpoint.tensor("c", &[2]).unwrap(), [0.5, 0.5]);
    // The two rows of `b` are not there in the same precision.
    assert!(checkpoint.tensor("b", &[2, 5]).is_err());
}
