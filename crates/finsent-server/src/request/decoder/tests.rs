use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::*;

const TEXT: &[u8] = b"Shares plunged 12%\nOrders doubled\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// What came of a body.
#[derive(Debug, Default)]
struct Decompressed {
    bytes: Vec<u8>,
    steps: usize,
    largest_step: usize,
    work: usize,
}

/// Decompresses a body that arrives in pieces of `size`.
fn decompress(coding: ContentCoding, compressed: &[u8], size: usize) -> Result<Decompressed, HttpError> {
    let mut decoder = Decoder::new(coding);
    let mut all = Decompressed::default();
    let mut run = |decoder: &mut Decoder| {
        while let Some(Step { bytes, work }) = decoder.next()? {
            all.bytes.extend_from_slice(&bytes);
            all.steps += 1;
            all.work += work;
            all.largest_step = all.largest_step.max(bytes.len());
        }
        Ok::<_, HttpError>(())
    };
    for piece in compressed.chunks(size) {
        decoder.push(Bytes::copy_from_slice(piece));
        run(&mut decoder)?;
    }
    decoder.end();
    run(&mut decoder)?;
    assert_eq!(decoder.totals(), (compressed.len() as u64, all.bytes.len() as u64));
    Ok(all)
}

#[test]
fn the_result_does_not_depend_on_how_the_bytes_arrive() {
    for (coding, compressed) in [
        (ContentCoding::Identity, TEXT.to_vec()),
        (ContentCoding::Gzip, gzip(TEXT)),
        (ContentCoding::Deflate, zlib(TEXT)),
    ] {
        for size in 1..=compressed.len() {
            assert_eq!(decompress(coding, &compressed, size).unwrap().bytes, TEXT, "{coding:?} {size}");
        }
    }
}

#[test]
fn a_line_is_there_as_soon_as_its_bytes_are() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(TEXT).unwrap();
    encoder.flush().unwrap();
    let mut decoder = Decoder::new(ContentCoding::Gzip);
    decoder.push(encoder.get_ref().clone().into());
    let mut found = Vec::new();
    while let Some(step) = decoder.next().unwrap() {
        found.extend_from_slice(&step.bytes);
    }
    assert_eq!(found, TEXT);
}

#[test]
fn several_gzip_members_are_one_body() {
    let compressed = [gzip(TEXT), gzip(b""), gzip(b"more")].concat();
    for size in 1..=compressed.len() {
        assert_eq!(decompress(ContentCoding::Gzip, &compressed, size).unwrap().bytes, [TEXT, b"more"].concat());
    }
}

#[test]
fn an_empty_uncompressed_body_is_complete_and_an_empty_compressed_one_is_not() {
    assert_eq!(decompress(ContentCoding::Identity, b"", 1).unwrap().bytes, b"");
    for coding in [ContentCoding::Gzip, ContentCoding::Deflate] {
        assert!(decompress(coding, b"", 1).is_err(), "{coding:?}");
    }
    assert_eq!(decompress(ContentCoding::Gzip, &gzip(b""), 3).unwrap().bytes, b"");
}

#[test]
fn a_decompression_bomb_is_decompressed_a_little_at_a_time() {
    for (coding, bomb) in [
        (ContentCoding::Gzip, gzip(&vec![b' '; 20_000_000])),
        (ContentCoding::Deflate, zlib(&vec![b' '; 20_000_000])),
        (ContentCoding::Identity, vec![b' '; 20_000_000]),
    ] {
        let Decompressed { bytes, largest_step, work, .. } = decompress(coding, &bomb, bomb.len()).unwrap();
        assert!(bytes.len() == 20_000_000 && largest_step <= MAX_STEP, "{coding:?}: {largest_step}");
        assert!((20_000_000..21_000_000).contains(&work), "{coding:?}: {work}");
    }
}

#[test]
fn compressed_bytes_that_make_nothing_are_work() {
    // Stored blocks of no length.
    let empty_blocks = [&gzip(b"")[..10], &[0, 0, 0, 0xff, 0xff].repeat(100_000)].concat();
    let mut decoder = Decoder::new(ContentCoding::Gzip);
    decoder.push(empty_blocks.clone().into());
    let (mut work, mut steps) = (0, 0);
    while let Some(step) = decoder.next().unwrap() {
        work += step.work;
        steps += 1;
    }
    assert!(work >= empty_blocks.len() - COMPRESSED_STEP, "{work}");
    assert!(steps >= empty_blocks.len() / COMPRESSED_STEP, "{steps}");
}

#[test]
fn gzip_members_are_work_and_too_many_short_ones_are_refused() {
    let some = decompress(ContentCoding::Gzip, &gzip(b"").repeat(64), 1000).unwrap();
    assert!(some.work >= 64 * MEMBER_WORK && some.steps >= 64, "{some:?}");
    for content in [&b""[..], b"\n", b"\"a\"\n"] {
        let error = decompress(ContentCoding::Gzip, &gzip(content).repeat(1000), 1000).unwrap_err();
        assert!(error.to_string().contains("too many gzip members"), "{error}");
    }
    let lines = gzip(&TEXT.repeat(3)).repeat(2000);
    assert_eq!(decompress(ContentCoding::Gzip, &lines, 1000).unwrap().bytes, TEXT.repeat(6000));
}

#[test]
fn uncompressed_and_incomplete_data_and_what_follows_is_an_error() {
    let junk = b"rest of another kind".to_vec();
    for compressed in [&b"plain text"[..], &gzip(TEXT)[..20], &[gzip(TEXT), junk.clone()].concat(), &[0; 20]] {
        assert!(decompress(ContentCoding::Gzip, compressed, 5).is_err());
        assert!(decompress(ContentCoding::Gzip, compressed, 1000).is_err());
    }
    let flipped: Vec<u8> =
        gzip(TEXT).into_iter().rev().enumerate().map(|(at, byte)| byte ^ u8::from(at == 5)).collect();
    let flipped: Vec<u8> = flipped.into_iter().rev().collect();
    assert!(decompress(ContentCoding::Gzip, &flipped, 1000).is_err(), "the checksum is wrong");
    for compressed in [&b"plain text"[..], &zlib(TEXT)[..20], &[zlib(TEXT), junk].concat(), &zlib(TEXT).repeat(2)] {
        assert!(decompress(ContentCoding::Deflate, compressed, 5).is_err());
        assert!(decompress(ContentCoding::Deflate, compressed, 1000).is_err());
    }
}
