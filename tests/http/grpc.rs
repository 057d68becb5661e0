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
    use std::fs;
    use std::io::Write;

    use finsent_testing::grpc::{self, field, infer_request, read_answer};
    use finsent_testing::models::{negate_weights, small_model};
    use finsent_testing::{Address, Stream};

    use crate::server;

    const KEY: &str = "Bearer open-sesame";

    /// Calls a method on a new connection.
    fn call(address: &Address, method: &str, key: Option<&str>, message: &[u8]) -> Box<dyn Stream> {
        let key = key.map(|key| ("authorization", key));
        let path = format!("/inference.GRPCInferenceService/{method}");
        let call = grpc::call(1, &path, key.as_slice(), message);
        let mut connection = address.connect();
        connection.write_all(&[grpc::beginning(), call].concat()).unwrap();
        connection
    }

    /// The message of its answer after its head, or nothing if it fails.
    fn ask(address: &Address, method: &str, key: Option<&str>, message: &[u8]) -> Vec<u8> {
        read_answer(&mut call(address, method, key, message), 1).unwrap()
    }

    fn contains(data: &[u8], words: &str) -> bool {
        data.windows(words.len()).any(|bytes| bytes == words.as_bytes())
    }

    fn calls_with_status(server: &server::Server, model: &str, method: &str, status: u16) -> f64 {
        let route = format!("/inference.GRPCInferenceService/{method}");
        server.metric(&format!("finsent_requests_total{{model=\"{model}\",route=\"{route}\",status=\"{status}\"}}"))
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
            let message = infer_request("mini", &["Quarterly revenue rose 20% and beat estimates."]);
            let mut connection = call(address, "ModelInfer", None, &message);
            let answer = read_answer(&mut connection, 1).unwrap();
            assert!(contains(&answer, "positive"), "{:?}", String::from_utf8_lossy(&answer));
            open.push(connection);
        }
        assert_eq!(calls_with_status(&server, "mini", "ModelInfer", 200), 2.0);
        server.signal("TERM");
        assert_eq!(server.wait_for_exit().code(), Some(0), "open connections hold up the end");
        assert!(!socket.exists(), "the socket is left behind");
    }

    #[test]
    fn models_are_exchanged_and_unloaded_by_calls_of_grpc_with_a_key() {
        let dir = tempfile::tempdir().unwrap();
        let (model, keys) = (small_model(dir.path(), "small"), dir.path().join("keys"));
        fs::write(&keys, "open-sesame").unwrap();
        let [model_path, keys] = [&model, &keys].map(|path| path.to_str().unwrap());
        let listen = ["--model", model_path, "--listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0"];
        let with_keys = ["--api-key-file", keys];
        let server = server::start(&[&listen[..], &with_keys, &["--allow-reload"]].concat());
        let address = &server.addresses[1];
        let ask_with_key = |method: &str, message: &[u8]| ask(address, method, Some(KEY), message);
        let small = field(2, "small");
        let infer = || ask_with_key("ModelInfer", &infer_request("small", &["profit rose"]));
        let (done, old) = ([0_u8; 5], infer());
        assert!(!old.is_empty());

        negate_weights(&model);
        assert_eq!(ask(address, "RepositoryModelLoad", None, &small), b"");
        assert_eq!(ask_with_key("RepositoryModelLoad", &field(2, "smal")), b"");
        assert_eq!(infer(), old, "a call that was refused has exchanged the model");
        assert_eq!(ask_with_key("RepositoryModelLoad", &small), done);
        let new = infer();
        assert!(!new.is_empty() && new != old, "the old model answers after the exchange");

        fs::remove_file(model.join("model.safetensors")).unwrap();
        assert_eq!(ask_with_key("RepositoryModelLoad", &small), b"");
        let index = ask_with_key("RepositoryIndex", b"");
        assert!(contains(&index, "READY") && contains(&index, "the old one stays"), "{index:?}");
        assert_eq!(infer(), new);
        assert_eq!(ask_with_key("RepositoryModelUnload", &small), done);
        assert_eq!(infer(), b"", "an unloaded model answers");
        assert!(contains(&ask_with_key("RepositoryIndex", b""), "UNAVAILABLE"));
        let load = |status| calls_with_status(&server, "", "RepositoryModelLoad", status);
        assert_eq!([200, 401, 404, 422].map(load), [1.0; 4]);

        for more in [&with_keys[..], &["--allow-reload"]] {
            // The other model, because the files of this one are gone.
            let server = server::start(&[&listen[2..], more].concat());
            for method in ["RepositoryModelLoad", "RepositoryModelUnload"] {
                assert_eq!(ask(&server.addresses[1], method, Some(KEY), &small), b"");
                assert_eq!(calls_with_status(&server, "", method, 403), 1.0, "{more:?}");
            }
        }
    }
}
