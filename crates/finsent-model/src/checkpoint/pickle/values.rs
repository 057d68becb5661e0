//! The values of a pickle of weights. The list of classes is closed: nothing in Python is called, and each known class
//! has its value built in this file.

use ::safetensors::Dtype;

use super::error::PickleError;

/// The index of a value in [`Values`]. Values refer to each other by index, so that a value can contain itself, and no
/// recursion is needed to visit or drop one.
pub(super) type Id = usize;

/// A Python value.
#[derive(Debug)]
pub(super) enum Value<'a> {
    None,
    Bool,
    Int(i128),
    Text(&'a str),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Class(Class),
    Storage(Storage<'a>),
    Tensor(Tensor<'a>),
    /// A value that does not matter for weights: a float, bytes, a set, a device.
    Other,
}

/// A Python class or function that weights need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    OrderedDict,
    Set,
    Size,
    Device,
    RebuildTensor,
    RebuildTensorV2,
    RebuildParameter,
    Storage(Dtype),
}

/// Numbers of one type, or a part of a larger storage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Storage<'a> {
    pub(super) key: &'a str,
    pub(super) dtype: Dtype,
    /// The numbers of the whole storage.
    pub(super) numbers: u64,
    /// The first number of the part.
    pub(super) first: u64,
    /// The numbers of the part.
    pub(super) len: u64,
}

/// A tensor over a storage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tensor<'a> {
    pub(super) storage: Storage<'a>,
    /// The index in the storage of the tensor's first number.
    pub(super) offset: u64,
    /// A tuple.
    pub(super) shape: Id,
    /// A tuple.
    pub(super) strides: Id,
}

impl Class {
    pub(super) fn find(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("builtins" | "__builtin__", "set") => Self::Set,
            ("torch", "Size") => Self::Size,
            ("torch", "device") => Self::Device,
            ("torch._utils", "_rebuild_tensor") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensorV2,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch", name) => Self::Storage(match name {
                "FloatStorage" => Dtype::F32,
                "HalfStorage" => Dtype::F16,
                "BFloat16Storage" => Dtype::BF16,
                "DoubleStorage" => Dtype::F64,
                "LongStorage" => Dtype::I64,
                "IntStorage" => Dtype::I32,
                "ShortStorage" => Dtype::I16,
                "CharStorage" => Dtype::I8,
                "ByteStorage" => Dtype::U8,
                "BoolStorage" => Dtype::BOOL,
                _ => return None,
            }),
            _ => return None,
        })
    }
}

impl Storage<'_> {
    /// The bytes of one number.
    pub(super) fn number_bytes(&self) -> usize {
        self.dtype.bitsize() / 8
    }

    /// The bytes of all numbers; `None` if no file could have that many.
    pub(super) fn bytes(&self) -> Option<usize> {
        usize::try_from(self.numbers).ok()?.checked_mul(self.number_bytes())
    }
}

impl Value<'_> {
    /// The kind of value, for messages.
    fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool => "a bool",
            Self::Int(_) => "an int",
            Self::Text(_) => "a string",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dict",
            Self::Class(_) => "a class",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
            Self::Other => "another kind of value",
        }
    }

    /// The error that this value is at byte `at` instead of the expected one.
    pub(super) fn is_not(&self, expected: &'static str, at: usize) -> PickleError {
        PickleError::Unexpected { at, expected, found: self.kind() }
    }
}

/// All values of a pickle.
#[derive(Debug, Default)]
pub(super) struct Values<'a>(Vec<Value<'a>>);

impl<'a> Values<'a> {
    pub(super) fn add(&mut self, value: Value<'a>) -> Id {
        self.0.push(value);
        self.0.len() - 1
    }

    pub(super) fn at(&self, id: Id) -> &Value<'a> {
        &self.0[id]
    }

    pub(super) fn at_mut(&mut self, id: Id) -> &mut Value<'a> {
        &mut self.0[id]
    }

    /// The storages in the order of the pickle. A storage may appear several times.
    pub(super) fn storages(&self) -> impl Iterator<Item = &Storage<'a>> {
        self.0.iter().filter_map(|value| match value {
            Value::Storage(storage) => Some(storage),
            _ => None,
        })
    }

    /// The first few items of a tuple, more than any caller accepts.
    fn items(&self, tuple: Id) -> Vec<&Value<'a>> {
        const MOST: usize = 8;
        match self.at(tuple) {
            Value::Tuple(ids) => ids.iter().take(MOST).map(|&id| self.at(id)).collect(),
            _ => Vec::new(),
        }
    }

    /// The result of calling a class; an error if torch.save does not call it like this. `at` is for messages.
    pub(super) fn call(&mut self, callable: Id, arguments: Id, at: usize) -> Result<Id, PickleError> {
        let &Value::Class(class) = self.at(callable) else { return Err(self.at(callable).is_not("a class", at)) };
        let Value::Tuple(ids) = self.at(arguments) else { return Err(self.at(arguments).is_not("a tuple", at)) };
        let invalid = |expected| PickleError::Unexpected { at, expected, found: "other arguments" };
        let value = match (class, ids.as_slice()) {
            (Class::OrderedDict, []) => Value::Dict(Vec::new()),
            (Class::Set | Class::Device, _) => Value::Other,
            (Class::Size, &[tuple]) => return Ok(tuple),
            (Class::RebuildParameter, &[tensor, _, _]) if matches!(self.at(tensor), Value::Tensor(_)) => {
                return Ok(tensor);
            }
            (Class::RebuildTensor, &[_, _, shape, strides])
            | (Class::RebuildTensorV2, &[_, _, shape, strides, _, _] | &[_, _, shape, strides, _, _, _]) => {
                let tensor = self.tensor(&self.items(arguments), shape, strides);
                Value::Tensor(tensor.ok_or_else(|| invalid("a storage, an offset, a shape and strides"))?)
            }
            (Class::OrderedDict, _) => return Err(invalid("an empty OrderedDict")),
            (Class::RebuildParameter, _) => return Err(invalid("a tensor")),
            _ => return Err(invalid("the arguments of a tensor")),
        };
        Ok(self.add(value))
    }

    fn tensor(&self, arguments: &[&Value<'a>], shape: Id, strides: Id) -> Option<Tensor<'a>> {
        let &[&Value::Storage(storage), &Value::Int(offset), Value::Tuple(_), Value::Tuple(_), ref rest @ ..] =
            arguments
        else {
            return None;
        };
        // The third one says whether the numbers are negated or conjugated.
        if let [_, _, metadata] = rest {
            let is_empty = match metadata {
                Value::None => true,
                Value::Dict(entries) => entries.is_empty(),
                _ => false,
            };
            is_empty.then_some(())?;
        }
        Some(Tensor { storage, offset: offset.try_into().ok()?, shape, strides })
    }

    /// The storage of a persistent id `("storage", type, key, device, numbers)`. In legacy files, a sixth item follows:
    /// `None`, or a part of the storage as (key, first number, length).
    pub(super) fn storage(&self, id: Id, at: usize) -> Result<Storage<'a>, PickleError> {
        let found = match self.items(id)[..] {
            [
                Value::Text("storage"),
                &Value::Class(Class::Storage(dtype)),
                &Value::Text(key),
                _,
                &Value::Int(numbers),
            ] => whole(key, dtype, numbers),
            [
                Value::Text("storage"),
                &Value::Class(Class::Storage(dtype)),
                &Value::Text(key),
                _,
                &Value::Int(numbers),
                view,
            ] => whole(key, dtype, numbers).and_then(|storage| self.part(storage, view)),
            _ => None,
        };
        found.ok_or_else(|| self.at(id).is_not("the persistent id of a storage", at))
    }

    fn part(&self, storage: Storage<'a>, view: &Value<'a>) -> Option<Storage<'a>> {
        let Value::Tuple(ids) = view else { return matches!(view, Value::None).then_some(storage) };
        let &[_, first, len] = ids.as_slice() else { return None };
        let (&Value::Int(first), &Value::Int(len)) = (self.at(first), self.at(len)) else { return None };
        let (first, len) = (u64::try_from(first).ok()?, u64::try_from(len).ok()?);
        (first.checked_add(len)? <= storage.numbers).then_some(Storage { first, len, ..storage })
    }
}

fn whole(key: &str, dtype: Dtype, numbers: i128) -> Option<Storage<'_>> {
    /// Keys are decimal numbers.
    const MAX_KEY: usize = 64;
    let numbers = u64::try_from(numbers).ok()?;
    (key.len() <= MAX_KEY).then_some(Storage { key, dtype, numbers, first: 0, len: numbers })
}
