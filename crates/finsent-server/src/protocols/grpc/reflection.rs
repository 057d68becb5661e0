//! Server reflection, in its versions `v1` and `v1alpha`, which have the same messages.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::LazyLock;
use std::time::Duration;

use actix_web::web::{Buf, Bytes, BytesMut, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::{Either, select};
use futures_util::{StreamExt, stream};
use prost::Message;
use tokio::sync::watch;
use tokio::time::timeout;

use super::answer::{framed, success};
use super::messages::{
    ErrorResponse, ExtensionNumberResponse, FileDescriptor, FileDescriptorResponse, FileDescriptorSet,
    ListServiceResponse, ReflectionAnswer, ReflectionQuestion, ServerReflectionRequest, ServerReflectionResponse,
    ServiceResponse, TypeDescriptor,
};
use crate::error::HttpError;
use crate::memory_budget::Holder;
use crate::request::{MemoryPermit, service};

/// The schema in `proto`, as protoc compiles it. `proto/compile` writes it.
const DESCRIPTORS: &[u8] = include_bytes!("../../../proto/descriptors.bin");

/// Bytes of a question. Names are short.
const MAX_QUESTION_BYTES: usize = 4 << 10;
/// What a conversation takes besides its question.
const BYTES_PER_CALL: usize = 8 << 10;
/// The code for what is not found.
const NOT_FOUND: i32 = 5;

static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::read);

/// Whether there is a service with this full name.
pub(super) fn has_service(name: &str) -> bool {
    SCHEMA.services.iter().any(|service| service == name)
}

/// The files of the schema, and in which of them a symbol is.
struct Schema {
    files: Vec<Vec<u8>>,
    by_name: HashMap<String, usize>,
    by_symbol: HashMap<String, usize>,
    services: Vec<String>,
}

impl Schema {
    fn read() -> Self {
        let FileDescriptorSet { file: files } = Message::decode(DESCRIPTORS).expect("it is compiled with the server");
        let (mut by_name, mut by_symbol, mut services) = (HashMap::new(), HashMap::new(), Vec::new());
        for (index, file) in files.iter().enumerate() {
            let file = FileDescriptor::decode(&**file).expect("it is compiled with the server");
            let mut symbols = HashSet::new();
            symbols.extend(file.enum_type.iter().map(|it| format!("{}.{}", file.package, it.name)));
            file.message_type.iter().for_each(|it| add_type(&file.package, it, &mut symbols));
            for service in &file.service {
                let name = format!("{}.{}", file.package, service.name);
                symbols.extend(service.method.iter().map(|method| format!("{name}.{}", method.name)));
                symbols.insert(name.clone());
                services.push(name);
            }
            by_symbol.extend(symbols.into_iter().map(|symbol| (symbol, index)));
            by_name.insert(file.name, index);
        }
        Self { files, by_name, by_symbol, services }
    }

    fn answer(&self, question: &ReflectionQuestion) -> ReflectionAnswer {
        let file = |index: Option<&usize>, what: &str, name: &str| match index {
            Some(&index) => ReflectionAnswer::FileDescriptors(FileDescriptorResponse {
                file_descriptor_proto: vec![self.files[index].clone()],
            }),
            None => not_found(format!("no {what} `{name}`")),
        };
        match question {
            ReflectionQuestion::FileByFilename(name) => file(self.by_name.get(name), "file", name),
            ReflectionQuestion::FileContainingSymbol(name) => file(self.by_symbol.get(name), "symbol", name),
            // proto3 has none.
            ReflectionQuestion::FileContainingExtension(_) => not_found("there are no extensions".into()),
            ReflectionQuestion::AllExtensionNumbersOfType(name) if self.by_symbol.contains_key(name) => {
                ReflectionAnswer::ExtensionNumbers(ExtensionNumberResponse { base_type_name: name.clone() })
            }
            ReflectionQuestion::AllExtensionNumbersOfType(name) => not_found(format!("no type `{name}`")),
            ReflectionQuestion::ListServices(_) => {
                let service = self.services.iter().map(|name| ServiceResponse { name: name.clone() }).collect();
                ReflectionAnswer::Services(ListServiceResponse { service })
            }
        }
    }
}

/// Adds a message, its fields, and what is declared inside of it.
fn add_type(scope: &str, descriptor: &TypeDescriptor, symbols: &mut HashSet<String>) {
    let name = format!("{scope}.{}", descriptor.name);
    for inner in descriptor.field.iter().chain(&descriptor.enum_type) {
        symbols.insert(format!("{name}.{}", inner.name));
    }
    descriptor.nested_type.iter().for_each(|nested| add_type(&name, nested, symbols));
    symbols.insert(name);
}

fn not_found(error_message: String) -> ReflectionAnswer {
    ReflectionAnswer::Error(ErrorResponse { error_code: NOT_FOUND, error_message })
}

/// Answers questions, one after the other, until the client has no more or pauses for too long.
pub(crate) async fn info(request: HttpRequest, questions: Payload) -> Result<HttpResponse, HttpError> {
    let service = service(&request);
    let mut memory = MemoryPermit::new(service, Holder::Stream);
    memory.grow(BYTES_PER_CALL + MAX_QUESTION_BYTES)?;
    let pause = service.limits.request_timeout;
    let ending = service.streams_end();
    let conversation = Conversation { questions, arrived: BytesMut::new(), pause, ending, _memory: memory };
    let answers = stream::unfold(conversation, async |mut conversation| {
        let answer = conversation.next().await?;
        Some((Ok::<_, Infallible>(answer), conversation))
    });
    Ok(success().streaming(answers))
}

struct Conversation {
    questions: Payload,
    arrived: BytesMut,
    /// How long the client may wait with the next one.
    pause: Duration,
    /// Becomes true when the service ends.
    ending: watch::Receiver<bool>,
    _memory: MemoryPermit,
}

impl Conversation {
    /// The next answer; `None` at the end, and for what is no question.
    async fn next(&mut self) -> Option<Bytes> {
        let question = loop {
            if let Some(question) = next_question(&mut self.arrived).ok()? {
                break question;
            }
            let ended = pin!(self.ending.wait_for(|&ending| ending));
            let more = timeout(self.pause, select(self.questions.next(), ended)).await;
            let Either::Left((more, _)) = more.ok()? else { return None };
            self.arrived.extend_from_slice(&more?.ok()?);
        };
        answer(question)
    }
}

/// What a conversation ends with.
#[derive(Debug)]
pub(crate) struct NotAQuestion;

/// Takes the next question out of what has arrived, if it is there as a whole.
pub(crate) fn next_question(arrived: &mut BytesMut) -> Result<Option<BytesMut>, NotAQuestion> {
    let Some(&[flag, length @ ..]) = arrived.first_chunk::<5>() else { return Ok(None) };
    let length = u32::from_be_bytes(length) as usize;
    if flag != 0 || length > MAX_QUESTION_BYTES {
        return Err(NotAQuestion);
    }
    if arrived.len() < 5 + length {
        return Ok(None);
    }
    arrived.advance(5);
    Ok(Some(arrived.split_to(length)))
}

/// The answer to a question; `None` if it is none.
pub(crate) fn answer(question: BytesMut) -> Option<Bytes> {
    let request = ServerReflectionRequest::decode(question).ok()?;
    let message_response = request.message_request.as_ref().map(|question| SCHEMA.answer(question));
    Some(framed(&ServerReflectionResponse {
        valid_host: request.host.clone(),
        original_request: Some(request),
        message_response,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_of(question: ReflectionQuestion) -> Option<String> {
        match SCHEMA.answer(&question) {
            ReflectionAnswer::FileDescriptors(FileDescriptorResponse { file_descriptor_proto }) => {
                Some(FileDescriptor::decode(&*file_descriptor_proto[0]).unwrap().name)
            }
            _ => None,
        }
    }

    #[test]
    fn every_kind_of_symbol_is_found_in_its_file() {
        for symbol in [
            "inference.GRPCInferenceService",
            "inference.GRPCInferenceService.ModelInfer",
            "inference.ModelInferRequest",
            "inference.ModelInferRequest.raw_input_contents",
            "inference.ModelInferRequest.InferInputTensor",
            "inference.DataType",
        ] {
            let file = file_of(ReflectionQuestion::FileContainingSymbol(symbol.into()));
            assert_eq!(file.as_deref(), Some("open_inference.proto"), "{symbol}");
        }
        assert_eq!(file_of(ReflectionQuestion::FileContainingSymbol("inference.Nope".into())), None);
        let health = file_of(ReflectionQuestion::FileByFilename("grpc/health/v1/health.proto".into()));
        assert_eq!(health.as_deref(), Some("grpc/health/v1/health.proto"));
        assert_eq!(file_of(ReflectionQuestion::FileByFilename("nope.proto".into())), None);
    }

    #[test]
    fn every_method_of_the_schema_has_a_route() {
        let FileDescriptorSet { file } = Message::decode(DESCRIPTORS).unwrap();
        for file in file.iter().map(|file| FileDescriptor::decode(&**file).unwrap()) {
            for service in file.service {
                for method in service.method {
                    let path = format!("/{}.{}/{}", file.package, service.name, method.name);
                    assert!(crate::routes::has(&path), "{path}");
                }
            }
        }
    }
}
