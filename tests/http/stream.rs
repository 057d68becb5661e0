//! Streams: a line in, a line out.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use finsent_testing::{Response, wait_until};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::{Value, json};

use crate::server::{self, Server};

/// An open stream. Requests and answers are the two halves of one connection.
struct Stream {
    to: TcpStream,
    from: BufReader<TcpStream>,
}

impl Stream {
    fn open(server: &Server, query: &str, headers: &str) -> Self {
        let to = server.address.connect_tcp();
        let from = BufReader::new(to.try_clone().unwrap());
        let mut stream = Self { to, from };
        let kind = "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n";
        write!(stream.to, "POST /v1/sentiment{query} HTTP/1.1\r\nHost: x\r\n{kind}{headers}\r\n").unwrap();
        stream
    }

    fn start(server: &Server) -> Self {
        Self::open(server, "", "")
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        chunk(&mut self.to, bytes.as_ref()).unwrap();
    }

    fn end(&mut self) {
        self.to.write_all(b"0\r\n\r\n").unwrap();
    }

    /// The head of the response.
    fn head(&mut self) -> Response {
        Response::read(&mut self.from).unwrap()
    }

    /// The next line of the response; `None` at its end.
    fn line(&mut self) -> Option<Value> {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            let mut size = String::new();
            self.from.read_line(&mut size).unwrap();
            let size = usize::from_str_radix(size.trim(), 16)
                .unwrap_or_else(|_| panic!("{size:?} is not the size of a chunk"));
            let mut chunk = vec![0; size + 2];
            self.from.read_exact(&mut chunk).unwrap();
            if size == 0 {
                assert!(line.is_empty(), "{}", String::from_utf8_lossy(&line));
                return None;
            }
            line.extend_from_slice(&chunk[..size]);
        }
        Some(serde_json::from_slice(&line).unwrap())
    }

    fn rest(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.line()).collect()
    }
}

fn chunk(to: &mut impl Write, bytes: &[u8]) -> std::io::Result<()> {
    to.write_all(&[format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat())
}

/// The lines of the response to a whole body.
fn answers(server: &Server, body: impl AsRef<[u8]>) -> Vec<Value> {
    let mut stream = Stream::start(server);
    stream.send(body);
    stream.end();
    assert_eq!(stream.head().status, 200);
    stream.rest()
}

fn send(server: &Server, query: &str, content_type: &str, body: &[u8]) -> Response {
    let path = format!("/v1/sentiment{query}");
    server.address.request("POST", &path).header("Content-Type", content_type).body(body).send()
}

fn of_mini(server: &Server, name: &str) -> f64 {
    server.metric(&format!("finsent_{name}{{model=\"mini\"}}"))
}

/// A text that no other number has, of a varying length.
fn text(number: usize) -> String {
    format!("item {number} {}", "profit rose ".repeat(number % 7 * (number % 13)))
}

#[test]
fn other_fields_come_back_if_the_query_asks_for_them() {
    let server = server::start(&[]);
    let line = br#"{"id": [1], "ticker": "ACME", "text": "Orders doubled", "at": null}"#;
    let mut stream = Stream::open(&server, "?passthrough=true", "");
    for line in [&line[..], br#""Orders doubled""#, br#"{"ticker": "ACME"}"#, br#"{"id": 3, "label": 1, "text": "Up"}"#]
    {
        stream.send([line, b"\n"].concat());
    }
    stream.end();
    stream.head();
    let answer = stream.line().unwrap();
    assert_eq!((&answer["id"], &answer["ticker"], &answer["label"]), (&json!([1]), &"ACME".into(), &"positive".into()));
    assert_eq!((answer.get("at"), answer.get("text")), (Some(&Value::Null), None));
    assert_eq!(stream.line().unwrap()["label"], "positive");
    let missing = json!({"ticker": "ACME", "error": "the field `text` is missing", "line": 3});
    assert_eq!(stream.line(), Some(missing));
    let clash = stream.line().unwrap();
    assert_eq!((&clash["id"], &clash["line"]), (&3.into(), &4.into()));
    assert!(clash["error"].as_str().unwrap().contains("`label`"), "{clash}");

    let mut stream = Stream::open(&server, "?passthrough=false", "");
    stream.send(br#"{"id": 1, "text": "Up", "ticker": "ACME"}"#);
    stream.end();
    stream.head();
    let error = stream.line().unwrap()["error"].to_string();
    assert!(error.contains("unknown field `ticker`") && error.contains("?passthrough=true"), "{error}");
}

#[test]
fn answers_come_in_order_and_equal_those_of_the_json_form() {
    let server = server::start(&[]);
    let body: String = (0..120).map(|id| json!({"id": id, "text": text(id)}).to_string() + "\n").collect();
    let found = answers(&server, body);
    let inputs: Vec<Value> = (0..120).map(|id| json!({"id": id, "text": text(id)})).collect();
    let other = server::start(&["--cache-entries", "0", "--request-timeout", "60"]);
    let expected = other.address.post("/v1/sentiment", json!({"inputs": inputs}).to_string()).expect(200);
    assert_eq!(found.len(), 120);
    for (id, (found, expected)) in found.iter().zip(expected["results"].as_array().unwrap()).enumerate() {
        assert_eq!(
            (&found["id"], &found["label"], &found["tokens"]),
            (&id.into(), &expected["label"], &expected["tokens"])
        );
        assert!((found["score"].as_f64().unwrap() - expected["score"].as_f64().unwrap()).abs() < 1e-4);
    }
    assert_eq!(of_mini(&server, "texts_total"), 120.0);
    let tokens: u64 = found.iter().map(|found| found["tokens"].as_u64().unwrap()).sum();
    assert_eq!(of_mini(&server, "tokens_total"), tokens as f64);
}

#[test]
fn a_bad_line_is_one_error_with_its_number_and_the_stream_continues() {
    let server = server::start(&["--max-body-bytes", "2000", "--max-text-bytes", "500"]);
    let long_text = json!({"id": "long", "text": "a ".repeat(300)}).to_string();
    let lines: [(&[u8], &str); 13] = [
        (b"{", "the line is not valid JSON"),
        (b"plain text", "the line is not valid JSON"),
        (b"\"\xff\"", "the line is not valid JSON"),
        (b"\0\x01\x02", "the line is not valid JSON"),
        (b"5", "expected a string, found a number"),
        (b"[]", "expected a string, found an array"),
        (b"\" \"", "the text is empty"),
        (b"\"\\udc00\"", "not a valid string"),
        (br#"{"id": 1}"#, "the field `text` is missing"),
        (br#"{"id": 1, "txt": "a"}"#, "did you mean `text`?"),
        (br#"{"text": "a"}"#, "the field `id` is missing"),
        (long_text.as_bytes(), "the limit is 500"),
        (&[b'x'; 100_000], "the line is longer than 2000 bytes"),
    ];
    let mut body = Vec::new();
    for (line, _) in lines {
        // A blank line is counted and not answered.
        body.extend_from_slice(&[line, b"\r\n \r\n\"Profit rose\"\n"].concat());
    }
    let found = answers(&server, body);
    assert_eq!(found.len(), 2 * lines.len());
    for ((index, pair), (line, words)) in found.chunks(2).enumerate().zip(lines) {
        let [error, good] = pair else { panic!() };
        assert_eq!(error["line"], 3 * index + 1, "{error}");
        assert!(error["error"].as_str().unwrap().contains(words), "{error}");
        let has_id = line.starts_with(b"{\"id\"");
        assert_eq!(error.get("id").is_some(), has_id, "{error}");
        assert_eq!((good["label"].as_str(), good.get("line")), (Some("positive"), None));
    }
}

#[test]
fn ids_come_back_as_they_were_written() {
    let server = server::start(&[]);
    let ids = ["7", "-3", "1e3", "\"a\\u0041\"", "\"\"", "12345678901234567890123", "\"Ω\""];
    let body: String = ids.map(|id| format!("{{\"id\": {id}, \"text\": \"Profit rose\"}}\n")).concat();
    let answer = raw_answer(&server, body.as_bytes());
    for id in ids {
        assert!(answer.contains(&format!("{{\"id\":{id},\"label\"")), "{id}: {answer}");
    }
}

fn raw_answer(server: &Server, body: &[u8]) -> String {
    let request = server.address.request("POST", "/v1/sentiment").header("Content-Type", "application/jsonl");
    let mut stream = server.address.connect();
    stream.write_all(&request.header("Connection", "close").body(body).bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn each_answer_comes_before_the_next_line_is_sent() {
    let server = server::start(&["--request-timeout", "1"]);
    let mut stream = Stream::open(&server, "", "Expect: 100-continue\r\n");
    assert_eq!(stream.head().status, 100);
    stream.send("\"Shares plunged 12%\"\n");
    let head = stream.head();
    assert_eq!((head.status, head.headers["content-type"].as_str()), (200, "application/x-ndjson"));
    assert_eq!(stream.line().unwrap()["label"], "negative");
    // The stream pauses for longer than a request may take: another request starts now and times out.
    let late = server.address.request("POST", "/v1/sentiment").header("Content-Type", "application/json");
    late.header("Content-Length", 1000).send().problem(408, "did not arrive within 1 s");
    for part in ["\"Profit", " rose", "\"\n"] {
        stream.send(part);
    }
    assert_eq!(stream.line().unwrap()["label"], "positive");
    stream.send("\"the last line needs no line feed\"");
    stream.end();
    assert!(stream.line().unwrap()["label"].is_string());
    assert_eq!(stream.line(), None);
    // The head was sent before the server knew that the body would end well, so it announced to close the connection.
    assert_eq!(head.headers["connection"], "close");
    assert_eq!(stream.from.read(&mut [0]).unwrap(), 0);
}

#[test]
fn an_empty_stream_has_an_empty_answer() {
    let server = server::start(&[]);
    assert_eq!(answers(&server, "\n"), [Value::Null; 0]);
    assert_eq!(send(&server, "", "application/x-ndjson", b"").status, 200);
}

#[test]
fn compressed_streams_are_accepted() {
    let server = server::start(&["--max-body-bytes", "10000"]);
    let body: String = (0..500).map(|number| json!(text(number % 10)).to_string() + "\n").collect();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(body.as_bytes()).unwrap();
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(body.as_bytes()).unwrap();
    for (encoding, compressed) in [("gzip", gzip.finish().unwrap()), ("deflate", zlib.finish().unwrap())] {
        let mut stream = Stream::open(&server, "", &format!("Content-Encoding: {encoding}\r\n"));
        compressed.chunks(100).for_each(|part| stream.send(part));
        stream.end();
        stream.head();
        let found = stream.rest();
        assert!(found.len() == 500 && found.iter().all(|line| line["label"].is_string()), "{encoding}");
    }
    let mut stream = Stream::open(&server, "", "Content-Encoding: gzip\r\n");
    stream.send("\"not compressed\"\n");
    stream.head();
    let found = stream.rest();
    assert!(found.len() == 1 && found[0]["error"].as_str().unwrap().contains("cannot decompress"), "{found:?}");
    let mut stream = Stream::open(&server, "", "Content-Encoding: br\r\n");
    assert_eq!(stream.head().status, 415);
}

#[test]
fn the_fields_of_the_json_form_are_query_parameters() {
    let server = server::start(&[]);
    let ask = |query: &str| send(&server, query, "application/x-ndjson", b"\"Profit rose\"\n");
    for good in [
        "?model=mini",
        "?granularity=text&priority=interactive",
        "?deadline_ms=20000.5",
        "?priority=bulk",
        "?unescape_html=true",
        "?granularity=document&aggregate=polar&unescape_html=false",
    ] {
        assert_eq!(ask(good).status, 200, "{good}");
    }
    ask("?granularty=text").problem(422, "unknown parameter `granularty`; did you mean `granularity`?");
    ask("?inputs=a").problem(422, "unknown parameter `inputs`");
    ask("?priority=high").problem(422, "`priority`: unknown variant `high`");
    ask("?deadline_ms=0").problem(422, "`deadline_ms`: expected more than 0");
    for no_time in ["soon", "NaN", "nan", "inf", "-inf", "infinity", "1e400"] {
        ask(&format!("?deadline_ms={no_time}")).problem(422, "`deadline_ms`: invalid type");
    }
    ask("?model=mini&model=mini").problem(422, "the parameter `model` is given twice");
    ask("?model=mimi").problem(404, "did you mean `mini`?");
}

#[test]
fn the_server_stops_reading_if_the_client_stops_reading_answers() {
    let server = server::start(&[]);
    let mut stream = Stream::start(&server);
    stream.to.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    // Much to read and to answer, and little to score.
    let part = (json!({"id": "x".repeat(4000), "text": "Profit rose"}).to_string() + "\n").repeat(5);
    let limit = 100_000;
    let sent = (0..limit).take_while(|_| chunk(&mut stream.to, part.as_bytes()).is_ok()).count();
    assert!(sent < limit, "the server never stopped reading");
    // What was read ahead is still being scored. In the end, only the texts of other clients are counted.
    wait_until("the stream is not read further", || {
        let before = of_mini(&server, "texts_total");
        for _ in 0..20 {
            let other = server.address.post("/v1/sentiment", r#"{"inputs": "a"}"#);
            assert_eq!(other.status, 200, "another client is not served");
        }
        of_mini(&server, "texts_total") == before + 20.0
    });
}

#[test]
fn the_pending_texts_of_a_disconnected_client_are_dropped() {
    let server = server::start(&[]);
    let mut stream = Stream::start(&server);
    for number in 0..200 {
        stream.send(json!(format!("{number} {}", "the company said revenue grew ".repeat(90))).to_string() + "\n");
    }
    wait_until("texts are queued", || of_mini(&server, "queue_texts") > 0.0);
    drop(stream);
    wait_until("the queue is empty", || of_mini(&server, "queue_texts") == 0.0);
    assert!(of_mini(&server, "texts_total") < 150.0, "texts were computed for a disconnected client");
}

#[test]
fn a_stream_ends_with_the_service_and_names_the_next_line() {
    let mut server = server::start(&["--shutdown-timeout", "30"]);
    let mut stream = Stream::start(&server);
    stream.send("\"Profit rose\"\n\n");
    stream.head();
    assert_eq!(stream.line().unwrap()["label"], "positive");
    let start = Instant::now();
    server.signal("TERM");
    let found = stream.rest();
    assert_eq!(found, [json!({"error": "the service is shutting down", "line": 3})]);
    assert_eq!(server.wait_for_exit().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(15), "it waited for its shutdown timeout");
}

#[test]
fn lines_that_were_read_before_the_shutdown_are_answered() {
    let mut server = server::start(&["--shutdown-timeout", "60"]);
    let mut stream = Stream::start(&server);
    let mut to = stream.to.try_clone().unwrap();
    let sending = thread::spawn(move || {
        for number in 0.. {
            if chunk(&mut to, (json!({"id": number, "text": text(number)}).to_string() + "\n").as_bytes()).is_err() {
                return;
            }
        }
    });
    stream.head();
    stream.line().unwrap();
    server.signal("TERM");
    let mut found = stream.rest();
    let last = found.pop().unwrap();
    assert_eq!(last["error"], "the service is shutting down");
    for (index, line) in found.iter().enumerate() {
        assert_eq!((&line["id"], line["label"].is_string()), (&(index + 1).into(), true));
    }
    assert_eq!(last["line"], found.len() + 2, "not the first line without an answer");
    assert_eq!(server.wait_for_exit().code(), Some(0));
    sending.join().unwrap();
}

#[test]
fn a_stream_waits_while_the_queue_is_full_and_loses_no_line() {
    let server = server::start(&["--max-queue-tokens", "100", "--max-batch-tokens", "64"]);
    let body: String =
        (0..300).map(|id| json!({"id": id, "text": format!("item {id} rose")}).to_string() + "\n").collect();
    let found = answers(&server, body);
    assert!(found.len() == 300 && found.iter().all(|line| line["label"].is_string()), "{found:?}");
}

#[expect(clippy::print_stdout, reason = "a person reads the measurements")]
fn endurance(lines: usize, distinct: usize, arguments: &[&str]) {
    let server = server::start(arguments);
    let mut stream = Stream::start(&server);
    let mut to = stream.to.try_clone().unwrap();
    let start = Instant::now();
    let sending = thread::spawn(move || {
        let line = |id: usize| json!({"id": id, "text": format!("item {} rose", id % distinct)}).to_string() + "\n";
        for first in (0..lines).step_by(100) {
            chunk(&mut to, (first..first + 100).map(line).collect::<String>().as_bytes()).unwrap();
        }
        to.write_all(b"0\r\n\r\n").unwrap();
    });
    stream.head();
    let mut early = 0.0;
    for id in 0..lines {
        let line = stream.line().unwrap();
        assert!(line["id"] == id && line["label"].is_string(), "{line}");
        if id == lines / 10 {
            early = server.metric("process_resident_memory_bytes");
        }
    }
    let late = server.metric("process_resident_memory_bytes");
    assert_eq!(stream.line(), None);
    sending.join().unwrap();
    let speed = lines as f64 / start.elapsed().as_secs_f64();
    println!("{lines} lines, {distinct} texts: {speed:.0} lines/s; resident {early} then {late} bytes");
    assert!(late < early * 1.05, "memory grows");
}

#[test]
#[ignore = "takes minutes"]
fn a_million_lines_need_no_more_memory_than_a_few() {
    endurance(1_000_000, 1000, &[]);
}

#[test]
#[ignore = "a measurement: texts per second without the cache"]
fn distinct_texts_are_answered_as_fast_as_they_are_computed() {
    endurance(20_000, 20_000, &["--cache-entries", "0"]);
}

#[test]
fn a_line_may_be_a_document() {
    let server = server::start(&[]);
    let mut stream = Stream::open(&server, "?granularity=document", "");
    stream.send("{\"id\": 1, \"text\": \"Profit rose. Sales fell.\"}\n\"Orders doubled.\"\n");
    stream.end();
    assert_eq!(stream.head().status, 200);
    let first = stream.line().unwrap();
    assert_eq!((&first["id"], &first["windows"]), (&1.into(), &2.into()));
    assert_eq!(first["sentences"][1]["text"], "Sales fell.");
    assert_eq!(stream.line().unwrap()["windows"], 1);
    assert_eq!(stream.line(), None);
}
