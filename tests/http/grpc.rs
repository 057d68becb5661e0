//! gRPC on addresses of its own. The methods are tested in `finsent-server`, and with released clients in `clients`.

#[cfg(not(feature = "grpc"))]
#[test]
fn a_build_without_grpc_says_so() {
    let finsent = crate::server::finsent(&["serve", "--grpc-listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]);
    let run = finsent_testing::wait_for_output({ finsent }.spawn().unwrap());
    run.assert_fails(1, &["for gRPC, which this build leaves out; build finsent with `--features grpc`"]);
}

#[cfg(feature = "grpc")]
mod with_feature {
    use std::io::{Read, Write};

    use crate::server;

    /// A frame of HTTP/2 on the first stream, or on the connection.
    fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let length = (payload.len() as u32).to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
    }

    /// A client's first frames, with a call of `ModelInfer` for one text.
    fn call(text: &str) -> Vec<u8> {
        let header = |name: &str, value: &str| {
            [&[0, name.len() as u8], name.as_bytes(), &[value.len() as u8], value.as_bytes()].concat()
        };
        let head = [
            header(":method", "POST"),
            header(":scheme", "http"),
            header(":path", "/inference.GRPCInferenceService/ModelInfer"),
            header("content-type", "application/grpc"),
        ];
        let field =
            |number: u8, bytes: &[u8]| [&[(number << 3) | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat();
        let input = [field(1, b"text"), field(2, b"BYTES"), field(5, &field(8, text.as_bytes()))].concat();
        let message = [field(1, b"mini"), field(5, &input)].concat();
        let message = [&[0, 0, 0, 0, message.len() as u8], &message[..]].concat();
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        // Settings; headers, which end with this frame; data, which ends the stream.
        [preface, frame(4, 0, 0, b""), frame(1, 4, 1, &head.concat()), frame(0, 1, 1, &message)].concat()
    }

    #[test]
    fn calls_of_grpc_are_answered_on_tcp_and_unix_sockets_until_the_server_stops() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("grpc");
        let unix = format!("unix:{}", socket.display());
        let grpc = ["--grpc-listen", "127.0.0.1:0", "--grpc-listen", &unix];
        let mut server = server::start(&[&["--listen", "127.0.0.1:0"], &grpc[..]].concat());
        let mut open = Vec::new();
        for address in &server.addresses[1..] {
            let mut connection = address.connect();
            connection.write_all(&call("Quarterly revenue rose 20% and beat estimates.")).unwrap();
            let mut answer = Vec::new();
            while !answer.windows(8).any(|bytes| bytes == b"positive") {
                let mut bytes = [0; 4096];
                let read = connection.read(&mut bytes).unwrap();
                assert!(read > 0, "no answer: {:?}", String::from_utf8_lossy(&answer));
                answer.extend_from_slice(&bytes[..read]);
            }
            open.push(connection);
        }
        let route = "route=\"/inference.GRPCInferenceService/ModelInfer\"";
        assert_eq!(server.metric(&format!("finsent_requests_total{{model=\"mini\",{route},status=\"200\"}}")), 2.0);
        server.signal("TERM");
        assert_eq!(server.wait_for_exit().code(), Some(0), "open connections hold up the end");
        assert!(!socket.exists(), "the socket is left behind");
    }
}
