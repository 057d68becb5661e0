//! Calls of gRPC, as a client sends them.

use std::convert::Infallible;
use std::fs;

use actix_web::web::Bytes;
use finsent_testing::grpc::{END_HEADERS, END_STREAM, beginning, frame, kind};
use h2::client::SendRequest;
use h2::{Reason, RecvStream};
use http::{HeaderMap, Request};
use prost::Message;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::protocols::grpc::messages::{
    DataType, HealthCheckRequest, HealthCheckResponse, Ignored, InferTensorContents, ModelConfigResponse, ModelIndex,
    ModelInferResponse, ModelMetadataResponse, ModelRequest, ModelStatisticsResponse, ReadyResponse, ReflectionAnswer,
    ReflectionQuestion, RepositoryIndexRequest, RepositoryIndexResponse, ServerLiveResponse, ServerMetadataResponse,
    ServerReflectionRequest, ServerReflectionResponse, ServingStatus,
};
use crate::reload::{LoadFailure, ModelSource};

const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";
const OK: u16 = 0;
const INVALID_ARGUMENT: u16 = 3;
const DEADLINE_EXCEEDED: u16 = 4;
const NOT_FOUND: u16 = 5;
const PERMISSION_DENIED: u16 = 7;
const RESOURCE_EXHAUSTED: u16 = 8;
const FAILED_PRECONDITION: u16 = 9;
const UNIMPLEMENTED: u16 = 12;
const UNAVAILABLE: u16 = 14;
const UNAUTHENTICATED: u16 = 16;

#[derive(Clone, PartialEq, Message)]
struct InferRequest {
    #[prost(string, tag = "1")]
    model_name: String,
    #[prost(string, tag = "2")]
    model_version: String,
    #[prost(string, tag = "3")]
    id: String,
    #[prost(message, repeated, tag = "5")]
    inputs: Vec<InputTensor>,
    #[prost(bytes = "vec", repeated, tag = "7")]
    raw_input_contents: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct InputTensor {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    datatype: String,
    #[prost(int64, repeated, tag = "3")]
    shape: Vec<i64>,
    #[prost(message, optional, tag = "5")]
    contents: Option<InferTensorContents>,
}

/// `RepositoryModelLoadRequest`, and that to unload.
#[derive(Clone, PartialEq, Message)]
struct RepositoryModelRequest {
    #[prost(string, tag = "1")]
    repository_name: String,
    #[prost(string, tag = "2")]
    model_name: String,
    #[prost(message, repeated, tag = "3")]
    parameters: Vec<RepositoryParameter>,
}

#[derive(Clone, PartialEq, Message)]
struct RepositoryParameter {
    #[prost(string, tag = "1")]
    name: String,
}

fn scoring(texts: &[&str]) -> InferRequest {
    let bytes_contents = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    let contents = Some(InferTensorContents { bytes_contents, fp32_contents: Vec::new() });
    let shape = vec![texts.len() as i64];
    let input = InputTensor { name: "text".into(), datatype: "BYTES".into(), shape, contents };
    InferRequest { model_name: "small".into(), inputs: vec![input], ..InferRequest::default() }
}

/// A message after its head.
fn framed(is_compressed: bool, message: &[u8]) -> Vec<u8> {
    [&[u8::from(is_compressed)], &(message.len() as u32).to_be_bytes()[..], message].concat()
}

/// How a call ended.
#[derive(Debug)]
struct Outcome {
    status: u16,
    message: String,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Outcome {
    #[track_caller]
    fn read<T: Message + Default>(&self) -> T {
        assert_eq!(self.status, OK, "{self:?}");
        T::decode(&self.bytes[5..]).unwrap()
    }

    #[track_caller]
    fn assert_is(&self, status: u16, words: &str) {
        assert!(self.status == status && self.message.contains(words), "{status} {words}: {self:?}");
    }
}

/// A connection of a client.
struct Client {
    runtime: Runtime,
    sender: SendRequest<Bytes>,
}

impl Client {
    fn new(harness: &Harness) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let sender = runtime.block_on(async {
            let socket = TcpStream::connect(&harness.grpc_address).await.unwrap();
            let (sender, connection) = h2::client::handshake(socket).await.unwrap();
            tokio::spawn(async { connection.await.unwrap_or_default() });
            sender
        });
        Self { runtime, sender }
    }

    /// Calls a method with what is already framed.
    fn send(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Result<Outcome, h2::Error> {
        let request = request(path, headers);
        self.runtime.block_on(async {
            let mut sender = self.sender.clone().ready().await?;
            let (answer, mut stream) = sender.send_request(request, false)?;
            stream.send_data(body.into(), true)?;
            let (head, mut body) = answer.await?.into_parts();
            let (bytes, trailers) = (collect(&mut body).await?, body.trailers().await?);
            let of = |name: &str| {
                let value =
                    trailers.as_ref().and_then(|trailers| trailers.get(name)).or_else(|| head.headers.get(name));
                value.map(|value| value.to_str().unwrap().to_owned())
            };
            let status = of("grpc-status").unwrap_or_else(|| panic!("no status: {head:?}")).parse().unwrap();
            Ok(Outcome { status, message: of("grpc-message").unwrap_or_default(), bytes, headers: head.headers })
        })
    }

    fn call(&self, path: &str, message: &impl Message) -> Outcome {
        self.send(path, &[], framed(false, &message.encode_to_vec())).unwrap()
    }

    fn inference(&self, method: &str, message: &impl Message) -> Outcome {
        self.call(&format!("/inference.GRPCInferenceService/{method}"), message)
    }
}

fn request(path: &str, headers: &[(&str, &str)]) -> Request<()> {
    let uri = format!("http://localhost{path}");
    let mut request = Request::post(uri).header("content-type", "application/grpc").header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

async fn collect(body: &mut RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        body.flow_control().release_capacity(chunk.len())?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// A call on a thread of its own.
fn score(harness: &Harness, texts: &'static [&str]) -> JoinHandle<Outcome> {
    let client = Client::new(harness);
    thread::spawn(move || client.call(INFER, &scoring(texts)))
}

#[test]
fn texts_are_scored_and_the_answer_has_the_form_of_the_call() {
    let harness = Harness::ready(LIMITS);
    let client = Client::new(&harness);
    harness.instructions.send(Instruction::Compute).unwrap();
    let answer = client.call(INFER, &InferRequest { id: "r-1".into(), ..scoring(&["a", "b c"]) });
    assert!(
        answer.headers.contains_key("x-request-id") && answer.headers.contains_key("x-inference-time"),
        "{answer:?}"
    );
    let typed: ModelInferResponse = answer.read();
    assert_eq!((typed.model_name.as_str(), typed.model_version.as_str(), typed.id.as_str()), ("small", "1", "r-1"));
    let label = typed.outputs[0].contents.as_ref().unwrap().bytes_contents[0].clone();
    assert_eq!((typed.outputs[0].shape.as_slice(), typed.outputs[1].shape.as_slice()), (&[2][..], &[2, 3][..]));
    let probabilities = typed.outputs[1].contents.as_ref().unwrap().fp32_contents.clone();
    assert!(probabilities.len() == 6 && typed.raw_output_contents.is_empty(), "{typed:?}");

    let mut raw = scoring(&["a", "b c"]);
    raw.inputs[0].contents = None;
    raw.raw_input_contents = vec![b"\x01\0\0\0a\x03\0\0\0b c".to_vec()];
    let raw: ModelInferResponse = client.call(INFER, &raw).read();
    assert!(raw.outputs.iter().all(|output| output.contents.is_none()), "{raw:?}");
    let label_and_length = [&(label.len() as u32).to_le_bytes()[..], &label].concat();
    assert_eq!(raw.raw_output_contents[0], label_and_length.repeat(2));
    let bytes: Vec<u8> = probabilities.iter().flat_map(|number| number.to_le_bytes()).collect();
    assert_eq!(raw.raw_output_contents[1], bytes);

    let compressed = gzip(&scoring(&["a"]).encode_to_vec());
    let found = client.send(INFER, &[("grpc-encoding", "gzip")], framed(true, &compressed)).unwrap();
    assert_eq!(found.read::<ModelInferResponse>().outputs[0].shape, [1]);
    let series = format!("finsent_requests_total{{model=\"small\",route=\"{INFER}\",status=\"200\"}}");
    assert_eq!(harness.metric(&series), 3.0);
    while harness.service.memory.held() > 0 {
        thread::yield_now();
    }
}

#[test]
fn the_server_and_its_models_are_described_as_over_http() {
    let harness = Harness::ready(LIMITS);
    let client = Client::new(&harness);
    assert!(client.inference("ServerLive", &Ignored {}).read::<ServerLiveResponse>().live);
    assert!(client.inference("ServerReady", &Ignored {}).read::<ReadyResponse>().ready);
    let small = ModelRequest { name: "small".into(), version: String::new() };
    assert!(client.inference("ModelReady", &small).read::<ReadyResponse>().ready);
    let server: ServerMetadataResponse = client.inference("ServerMetadata", &Ignored {}).read();
    assert_eq!((server.name.as_str(), server.extensions.len()), ("finsent", 2));
    let metadata: ModelMetadataResponse = client.inference("ModelMetadata", &small).read();
    assert_eq!((metadata.inputs[0].datatype.as_str(), metadata.outputs[1].shape.as_slice()), ("BYTES", &[-1, 3][..]));
    let config: ModelConfigResponse = client.inference("ModelConfig", &small).read();
    let config = config.config.unwrap();
    assert_eq!((config.input[0].data_type(), config.output[1].data_type()), (DataType::String, DataType::Fp32));
    for asked in [small.clone(), ModelRequest::default()] {
        let statistics: ModelStatisticsResponse = client.inference("ModelStatistics", &asked).read();
        assert_eq!(statistics.model_stats[0].name, "small");
    }
    let index: RepositoryIndexResponse = client.inference("RepositoryIndex", &Ignored {}).read();
    assert_eq!(index.models[0].state, "READY");
}

#[test]
fn errors_have_the_words_of_http_and_a_code() {
    let harness = Harness::ready(LIMITS);
    let client = Client::new(&harness);
    // For the text beside an empty one.
    harness.instructions.send(Instruction::Compute).unwrap();
    let changed = |change: fn(&mut InferRequest)| {
        let mut request = scoring(&["a"]);
        change(&mut request);
        client.call(INFER, &request)
    };
    changed(|it| it.model_name = "smal".into())
        .assert_is(NOT_FOUND, "no model `smal` is loaded; loaded: small; did you");
    changed(|it| it.model_version = "2".into()).assert_is(NOT_FOUND, "no version `2`");
    changed(|it| it.inputs[0].datatype = "FP32".into()).assert_is(INVALID_ARGUMENT, "found `FP32`");
    changed(|it| it.inputs[0].shape = vec![2]).assert_is(INVALID_ARGUMENT, "the shape is for 2 texts");
    changed(|it| it.inputs.clear()).assert_is(INVALID_ARGUMENT, "empty");
    changed(|it| it.id = "x".repeat(3000)).assert_is(RESOURCE_EXHAUSTED, "the body is larger than 2000 bytes");
    client.call(INFER, &scoring(&["a", " "])).assert_is(INVALID_ARGUMENT, "text[1]: ");
    client.call(INFER, &scoring(&["a"; 9])).assert_is(INVALID_ARGUMENT, "more than 8 texts");
    client.inference("ModelReady", &ModelRequest::default()).assert_is(NOT_FOUND, "no model ``");
    client.inference("ModelStreamInfer", &Ignored {}).assert_is(UNIMPLEMENTED, "no method `/inference");
    let message = scoring(&["a"]).encode_to_vec();
    for (headers, body, status, words) in [
        (&[][..], vec![], INVALID_ARGUMENT, "expected one message in the call, but it has none"),
        (&[], framed(false, &message)[..20].to_vec(), INVALID_ARGUMENT, "its length is not that"),
        (&[], framed(true, &message), INVALID_ARGUMENT, "how it is compressed"),
        (&[], framed(false, b"\xff\xff"), INVALID_ARGUMENT, "not valid protobuf"),
        (&[("grpc-encoding", "gzip")], framed(true, &message), INVALID_ARGUMENT, "cannot decompress"),
        (
            &[("grpc-encoding", "snappy")],
            framed(true, &message),
            UNIMPLEMENTED,
            "`grpc-encoding: snappy` is not supported",
        ),
        (&[("grpc-encoding", "gzip")], framed(true, &gzip(&[0; 30_000])), RESOURCE_EXHAUSTED, "larger than 2000"),
        (&[("grpc-timeout", "soon")], framed(false, &message), INVALID_ARGUMENT, "grpc-timeout"),
    ] {
        client.send(INFER, headers, body).unwrap().assert_is(status, words);
    }
    while harness.service.memory.held() > 0 {
        thread::yield_now();
    }
}

#[test]
fn while_models_are_loading_calls_are_unavailable_and_health_says_so() {
    let mut harness = Harness::loading(LIMITS);
    let client = Client::new(&harness);
    client.call(INFER, &scoring(&["a"])).assert_is(UNAVAILABLE, "still loading");
    client.inference("ModelMetadata", &ModelRequest::default()).assert_is(UNAVAILABLE, "still loading");
    assert!(!client.inference("ServerReady", &Ignored {}).read::<ReadyResponse>().ready);
    let check = |service: &str| {
        let answer = client.call("/grpc.health.v1.Health/Check", &HealthCheckRequest { service: service.into() });
        answer.read::<HealthCheckResponse>().status()
    };
    assert_eq!([check(""), check("liveness")], [ServingStatus::NotServing, ServingStatus::Serving]);
    let unknown = HealthCheckRequest { service: "x.Y".into() };
    client.call("/grpc.health.v1.Health/Check", &unknown).assert_is(NOT_FOUND, "no such service");

    let (sender, changes) = channel();
    let watching = Client::new(&harness);
    let watch = thread::spawn(move || {
        let request = request("/grpc.health.v1.Health/Watch", &[]);
        watching.runtime.block_on(async {
            let (answer, mut stream) =
                watching.sender.clone().ready().await.unwrap().send_request(request, false).unwrap();
            stream.send_data(framed(false, b"").into(), true).unwrap();
            let mut body = answer.await.unwrap().into_body();
            while let Some(Ok(message)) = body.data().await {
                sender.send(HealthCheckResponse::decode(&message[5..]).unwrap().status()).unwrap();
            }
        });
    });
    assert_eq!(changes.recv().unwrap(), ServingStatus::NotServing);
    harness.load();
    assert_eq!(changes.recv().unwrap(), ServingStatus::Serving);
    assert_eq!(check("inference.GRPCInferenceService"), ServingStatus::Serving);
    harness.service.drain();
    assert_eq!(changes.recv().unwrap(), ServingStatus::NotServing);
    harness.service.end_streams();
    watch.join().unwrap();
}

#[test]
fn a_deadline_ends_a_call_and_its_work() {
    let harness = Harness::ready(LIMITS);
    let running = score(&harness, &["a"]);
    harness.batches.recv().unwrap();
    let body = framed(false, &scoring(&["b"]).encode_to_vec());
    let late = Client::new(&harness).send(INFER, &[("grpc-timeout", "50m")], body).unwrap();
    late.assert_is(DEADLINE_EXCEEDED, "the deadline passed");
    harness.instructions.send(Instruction::Compute).unwrap();
    assert_eq!(running.join().unwrap().status, OK);
    let next = score(&harness, &["c"]);
    harness.instructions.send(Instruction::Compute).unwrap();
    assert_eq!(next.join().unwrap().status, OK);
    assert_eq!(harness.batches.try_iter().collect::<Vec<_>>(), [1], "the text of the late call was computed");
}

#[test]
fn a_call_that_is_cancelled_is_dropped_and_its_connection_goes_on() {
    let harness = Harness::ready(LIMITS);
    let running = score(&harness, &["a"]);
    harness.batches.recv().unwrap();
    let client = Client::new(&harness);
    client.runtime.block_on(async {
        let mut sender = client.sender.clone().ready().await.unwrap();
        let (answer, mut stream) = sender.send_request(request(INFER, &[]), false).unwrap();
        stream.send_data(framed(false, &scoring(&["b"]).encode_to_vec()).into(), true).unwrap();
        while harness.service.permits.available_permits() > LIMITS.max_concurrent_requests - 2 {
            tokio::task::yield_now().await;
        }
        while harness.metric("finsent_queue_texts{model=\"small\"}") < 1.0 {
            tokio::task::yield_now().await;
        }
        stream.send_reset(Reason::CANCEL);
        drop(answer);
        while harness.service.permits.available_permits() < LIMITS.max_concurrent_requests - 1 {
            tokio::task::yield_now().await;
        }
    });
    harness.instructions.send(Instruction::Compute).unwrap();
    assert_eq!(running.join().unwrap().status, OK);
    harness.instructions.send(Instruction::Compute).unwrap();
    assert_eq!(client.call(INFER, &scoring(&["c"])).status, OK);
    assert_eq!(harness.metric("finsent_dropped_texts_total{model=\"small\",reason=\"client\"}"), 1.0);
}

#[test]
fn more_calls_than_requests_may_be_in_progress_are_refused() {
    let harness = Harness::ready(LIMITS);
    let waiting = [["a"], ["b"], ["c"], ["d"]].map(|texts| {
        let client = Client::new(&harness);
        thread::spawn(move || client.call(INFER, &scoring(&texts)))
    });
    harness.batches.recv().unwrap();
    while harness.service.permits.available_permits() > 0 {
        thread::yield_now();
    }
    let client = Client::new(&harness);
    let refused = client.call(INFER, &scoring(&["e"]));
    refused.assert_is(RESOURCE_EXHAUSTED, "too many requests are waiting");
    assert_eq!(refused.headers["grpc-retry-pushback-ms"], "1000");
    assert!(client.inference("ServerLive", &Ignored {}).read::<ServerLiveResponse>().live);
    (0..4).for_each(|_| harness.instructions.send(Instruction::Compute).unwrap());
    assert!(waiting.into_iter().all(|call| call.join().unwrap().status == OK));
}

#[test]
fn a_draining_service_answers_and_ends_the_connection() {
    let harness = Harness::ready(LIMITS);
    let (old, running) = (Client::new(&harness), score(&harness, &["a"]));
    harness.batches.recv().unwrap();
    assert!(old.inference("ServerLive", &Ignored {}).read::<ServerLiveResponse>().live);
    harness.service.drain();
    (0..2).for_each(|_| harness.instructions.send(Instruction::Compute).unwrap());
    assert_eq!(running.join().unwrap().status, OK, "a call in progress is answered");
    let new = Client::new(&harness);
    assert_eq!(new.call(INFER, &scoring(&["b"])).status, OK, "calls are still answered");
    for client in [old, new] {
        // The server says that it will close the connection before it does.
        while client.send(INFER, &[], framed(false, b"")).is_ok() {}
    }
}

#[test]
fn calls_need_a_key_where_requests_do() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys");
    fs::write(&file, "secret").unwrap();
    let harness = Harness::with_keys(LIMITS, ApiKeys::read(&file).unwrap());
    let client = Client::new(&harness);
    let key = "send it as `Authorization: Bearer KEY`";
    client.call(INFER, &scoring(&["a"])).assert_is(UNAUTHENTICATED, key);
    client.inference("ServerMetadata", &Ignored {}).assert_is(UNAUTHENTICATED, key);
    client.call("/x.Y/Z", &Ignored {}).assert_is(UNAUTHENTICATED, key);
    assert!(client.inference("ServerLive", &Ignored {}).read::<ServerLiveResponse>().live);
    let path = "/inference.GRPCInferenceService/ServerMetadata";
    let answer = client.send(path, &[("authorization", "Bearer secret")], framed(false, b"")).unwrap();
    assert_eq!(answer.read::<ServerMetadataResponse>().name, "finsent");
}

/// Loads the small model, unless a load is to fail.
struct SmallOrFailing(Receiver<bool>);

impl ModelSource for SmallOrFailing {
    type Error = Infallible;

    fn start(&mut self, _: &Service) -> Result<LoadedModels, Infallible> {
        unreachable!("the test loads it")
    }

    fn load(&mut self, service: &Service, _: usize, _: Option<&str>) -> Result<Option<ServedModel>, LoadFailure> {
        if self.0.recv().unwrap() { Ok(Some(small_model(service))) } else { Err(LoadFailure::of("as intended")) }
    }
}

/// A service with the key `secret`, if it has any.
fn with_models_to_exchange(is_allowed: bool, has_keys: bool) -> Harness {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("keys");
    fs::write(&file, "secret").unwrap();
    let keys = if has_keys { ApiKeys::read(&file).unwrap() } else { ApiKeys::default() };
    let service = Service::new(LIMITS, 512, keys);
    let mut harness = Harness::of(if is_allowed { service.allow_reload() } else { service });
    harness.load();
    harness
}

impl Client {
    /// Calls a method of the repository with the key.
    fn repository(&self, method: &str, message: &impl Message) -> Outcome {
        let path = format!("/inference.GRPCInferenceService/Repository{method}");
        self.send(&path, &[("authorization", "Bearer secret")], framed(false, &message.encode_to_vec())).unwrap()
    }
}

#[test]
fn models_are_loaded_and_unloaded_as_over_http() {
    let harness = with_models_to_exchange(true, true);
    let (outcomes, received) = channel();
    let service = Arc::downgrade(&harness.service);
    thread::spawn(move || crate::reload::run(SmallOrFailing(received), service));
    let client = Client::new(&harness);
    let small = RepositoryModelRequest { model_name: "small".into(), ..Default::default() };
    let states = |ready| {
        let all = RepositoryIndexRequest { ready, ..Default::default() };
        let RepositoryIndexResponse { models } = client.repository("Index", &all).read();
        models.into_iter().map(|ModelIndex { state, reason, .. }| (state, reason)).collect::<Vec<_>>()
    };
    let state = |state: &str, reason: &str| vec![(state.to_owned(), reason.to_owned())];
    let loads = || harness.metric("finsent_model_reloads_total{model=\"small\",result=\"loaded\"}");

    outcomes.send(false).unwrap();
    let reason = "the model `small` was not loaded, and the old one stays: as intended";
    client.repository("ModelLoad", &small).assert_is(FAILED_PRECONDITION, reason);
    assert_eq!(states(true), state("READY", reason));
    outcomes.send(true).unwrap();
    assert_eq!(client.repository("ModelLoad", &small).status, OK);
    assert_eq!((states(false), loads()), (state("READY", ""), 1.0));

    let parameters = vec![RepositoryParameter { name: "unload_dependents".into() }];
    let unload = RepositoryModelRequest { parameters, ..small.clone() };
    for _ in 0..2 {
        assert_eq!(client.repository("ModelUnload", &unload).status, OK);
    }
    assert_eq!(states(false), state("UNAVAILABLE", "unloaded"));
    assert!(states(true).is_empty());
    assert!(!client.inference("ServerReady", &Ignored {}).read::<ReadyResponse>().ready);
    let infer = framed(false, &scoring(&["a"]).encode_to_vec());
    let infer = client.send(INFER, &[("authorization", "Bearer secret")], infer).unwrap();
    infer.assert_is(NOT_FOUND, "the model `small` was unloaded");
    let is_model_ready = || {
        let asked = ModelRequest { name: "small".into(), version: String::new() }.encode_to_vec();
        let path = "/inference.GRPCInferenceService/ModelReady";
        let answer = client.send(path, &[("authorization", "Bearer secret")], framed(false, &asked)).unwrap();
        answer.read::<ReadyResponse>().ready
    };
    assert!(!is_model_ready());
    outcomes.send(true).unwrap();
    assert_eq!(client.repository("ModelLoad", &small).status, OK);
    assert!(client.inference("ServerReady", &Ignored {}).read::<ReadyResponse>().ready && is_model_ready());

    let path = "/inference.GRPCInferenceService/RepositoryModelLoad";
    let series = |status: u16| {
        harness.metric(&format!("finsent_requests_total{{model=\"\",route=\"{path}\",status=\"{status}\"}}"))
    };
    assert_eq!((series(200), series(422)), (2.0, 1.0));
}

#[test]
fn requests_about_the_repository_that_mean_something_else_are_refused() {
    let harness = with_models_to_exchange(true, true);
    let client = Client::new(&harness);
    let small = RepositoryModelRequest { model_name: "small".into(), ..Default::default() };
    let with = |change: fn(&mut RepositoryModelRequest)| {
        let mut request = small.clone();
        change(&mut request);
        request
    };
    let parameter = with(|it| it.parameters = vec![RepositoryParameter { name: "file:1/model.onnx".into() }]);
    client.repository("ModelLoad", &parameter).assert_is(INVALID_ARGUMENT, "`file:1/model.onnx` is not supported");
    let elsewhere = with(|it| it.repository_name = "other".into());
    let index = RepositoryIndexRequest { repository_name: "other".into(), ready: false };
    client.repository("Index", &index).assert_is(INVALID_ARGUMENT, "`repository_name` is not supported");
    for method in ["ModelLoad", "ModelUnload"] {
        client.repository(method, &elsewhere).assert_is(INVALID_ARGUMENT, "`repository_name` is not supported");
        let unknown = with(|it| it.model_name = "smal".into());
        client.repository(method, &unknown).assert_is(NOT_FOUND, "no model `smal` is loaded; loaded: small; did you");
        client.repository(method, &Ignored {}).assert_is(NOT_FOUND, "no model ``");
        let path = format!("/inference.GRPCInferenceService/Repository{method}");
        for malformed in [&b"\x10\x01"[..], b"\x12\x01\xff", b"\x1a\x02\x0a\x01", b"\x1a\x03\x0a\x01\xff"] {
            let headers = [("authorization", "Bearer secret")];
            let outcome = client.send(&path, &headers, framed(false, malformed)).unwrap();
            outcome.assert_is(INVALID_ARGUMENT, "not valid protobuf");
        }
        let without_key = client.call(&path, &small);
        without_key.assert_is(UNAUTHENTICATED, "send it as `Authorization: Bearer KEY`");
    }
    for (is_allowed, has_keys, words) in [
        (true, false, "--api-key-file"),
        (false, true, "start it with --allow-reload"),
        (false, false, "--allow-reload"),
    ] {
        let harness = with_models_to_exchange(is_allowed, has_keys);
        let client = Client::new(&harness);
        for method in ["ModelLoad", "ModelUnload"] {
            client.repository(method, &small).assert_is(PERMISSION_DENIED, words);
        }
    }
}

#[test]
fn reflection_lists_the_services_and_gives_their_files() {
    let harness = Harness::loading(LIMITS);
    let client = Client::new(&harness);
    let ask = |question| {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
        framed(false, &request.encode_to_vec())
    };
    for version in ["v1", "v1alpha"] {
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let services = client.send(&path, &[], ask(ReflectionQuestion::ListServices(String::new()))).unwrap();
        let Some(ReflectionAnswer::Services(services)) = services.read::<ServerReflectionResponse>().message_response
        else {
            panic!("{services:?}");
        };
        let names: Vec<&str> = services.service.iter().map(|service| service.name.as_str()).collect();
        assert!(names.len() == 4 && names.contains(&"inference.GRPCInferenceService"), "{names:?}");
        let symbol = ask(ReflectionQuestion::FileContainingSymbol("inference.ModelInferRequest".into()));
        let file = client.send(&path, &[], symbol).unwrap().read::<ServerReflectionResponse>();
        assert!(matches!(file.message_response, Some(ReflectionAnswer::FileDescriptors(_))), "{file:?}");
        let two =
            [ask(ReflectionQuestion::FileByFilename("x".into())), ask(ReflectionQuestion::ListServices("".into()))];
        let both = client.send(&path, &[], two.concat()).unwrap();
        let length = u32::from_be_bytes(*both.bytes[1..].first_chunk().unwrap()) as usize;
        assert!(both.bytes.len() > 5 + length, "two questions have one answer");
    }
}

#[test]
fn other_protocols_on_the_address_are_told_what_it_is_for() {
    let harness = Harness::ready(LIMITS);
    let mut stream = std::net::TcpStream::connect(&harness.grpc_address).unwrap();
    write!(stream, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let (status, refused) = answer(stream);
    assert!(status == 400 && refused.contains("this address is for gRPC"), "{refused}");
    let client = Client::new(&harness);
    client.runtime.block_on(async {
        let request = Request::get("http://localhost/livez").body(()).unwrap();
        let (answer, _) = client.sender.clone().ready().await.unwrap().send_request(request, true).unwrap();
        assert_eq!(answer.await.unwrap().status(), 415);
    });
}

#[test]
fn a_client_that_takes_no_answers_holds_its_memory_and_no_more() {
    let harness = Harness::ready(LIMITS);
    harness.instructions.send(Instruction::Compute).unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let socket = TcpStream::connect(&harness.grpc_address).await.unwrap();
        let (sender, connection) =
            h2::client::Builder::new().initial_window_size(0).handshake::<_, Bytes>(socket).await.unwrap();
        tokio::spawn(async { connection.await.unwrap_or_default() });
        let (answer, mut stream) = sender.ready().await.unwrap().send_request(request(INFER, &[]), false).unwrap();
        stream.send_data(framed(false, &scoring(&["a"]).encode_to_vec()).into(), true).unwrap();
        assert_eq!(answer.await.unwrap().status(), 200);
        assert!(harness.service.memory.held() > 0, "the answer that waits is not counted");
        stream.send_reset(Reason::CANCEL);
        while harness.service.memory.held() > 0 {
            tokio::task::yield_now().await;
        }
    });
}

/// A connection on which tests send what no client should.
fn raw_connection(harness: &Harness) -> std::net::TcpStream {
    let mut stream = std::net::TcpStream::connect(&harness.grpc_address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(&beginning()).unwrap();
    stream
}

/// The head of a call whose message is still to come.
fn head(stream: u32, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    frame(kind::HEADERS, END_HEADERS, stream, &finsent_testing::grpc::head(path, more))
}

#[test]
fn calls_that_wait_leave_the_memory_and_the_places_of_requests_to_others() {
    let harness = Harness::ready(LIMITS);
    let mut stream = raw_connection(&harness);
    let watch = "/grpc.health.v1.Health/Watch";
    let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    for (number, path) in
        [INFER, watch, reflection, "/grpc.health.v1.Health/Check"].into_iter().cycle().take(20).enumerate()
    {
        let id = 2 * number as u32 + 1;
        stream.write_all(&head(id, path, &[])).unwrap();
        if path == watch {
            // This one is complete, and waits for news.
            stream.write_all(&frame(kind::DATA, END_STREAM, id, &framed(false, b""))).unwrap();
        } else {
            stream.write_all(&frame(kind::DATA, 0, id, &framed(false, b"begun")[..7])).unwrap();
        }
    }
    let (of_streams, of_requests) =
        (|| harness.service.memory.held_by(Holder::Stream), || harness.service.memory.held_by(Holder::Request));
    while of_streams() < 20 * (12 << 10) || of_requests() > 0 {
        thread::yield_now();
    }
    assert_eq!(harness.service.permits.available_permits(), LIMITS.max_concurrent_requests);
    let answered = score(&harness, &["a"]);
    harness.instructions.send(Instruction::Compute).unwrap();
    assert_eq!(answered.join().unwrap().status, OK);
    drop(stream);
    while harness.service.memory.held() > 0 {
        thread::yield_now();
    }
}

#[test]
fn the_memory_of_a_long_head_is_counted_for_as_long_as_its_call_lasts() {
    let harness = Harness::ready(LIMITS);
    let mut stream = raw_connection(&harness);
    let long = "x".repeat(7_000);
    for number in 0..10 {
        stream.write_all(&head(2 * number + 1, "/grpc.health.v1.Health/Check", &[("long", &long)])).unwrap();
    }
    while harness.service.memory.held() < 10 * (5_000 + (4 << 10) + (8 << 10)) {
        thread::yield_now();
    }
    for number in 0..10 {
        stream.write_all(&frame(kind::DATA, END_STREAM, 2 * number + 1, &framed(false, b""))).unwrap();
    }
    while harness.service.memory.held() > 0 {
        thread::yield_now();
    }
    let held = harness.service.memory.take_all(Holder::Stream);
    let refused = Client::new(&harness).send("/grpc.health.v1.Health/Check", &[("long", &long)], framed(false, b""));
    refused.unwrap().assert_is(RESOURCE_EXHAUSTED, "too many requests are waiting");
    harness.service.memory.give_back(Holder::Stream, held);
}

#[test]
fn a_client_that_begins_and_cancels_calls_without_end_is_cut() {
    let harness = Harness::ready(LIMITS);
    let mut stream = raw_connection(&harness);
    for thousand in 0..200 {
        let ids = (2_000 * thousand + 1..2_000 * (thousand + 1)).step_by(2);
        let cancelled = |id| [head(id, INFER, &[]), frame(kind::RST_STREAM, 0, id, &8u32.to_be_bytes())].concat();
        let calls: Vec<u8> = ids.flat_map(cancelled).collect();
        if stream.write_all(&calls).is_err() {
            let answered = score(&harness, &["a"]);
            harness.instructions.send(Instruction::Compute).unwrap();
            assert_eq!(answered.join().unwrap().status, OK);
            return;
        }
    }
    panic!("200,000 calls were cancelled, and the connection is still open");
}

#[test]
fn a_client_that_reads_nothing_is_not_read_from() {
    let harness = Harness::ready(LIMITS);
    let mut stream = raw_connection(&harness);
    stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    // Answers to the first kind of frame wait to be written, and those of the second kind have none.
    let pings = frame(kind::PING, 0, 0, &[0; 8]).repeat(10_000);
    let updates = frame(kind::WINDOW_UPDATE, 0, 0, &1u32.to_be_bytes()).repeat(10_000);
    let mut sent = 0;
    while sent < 256 << 20 {
        let bytes = if sent < 64 << 20 { &pings } else { &updates };
        if stream.write_all(bytes).is_err() {
            return;
        }
        sent += bytes.len();
    }
    panic!("{sent} bytes were read from a client that reads nothing");
}
