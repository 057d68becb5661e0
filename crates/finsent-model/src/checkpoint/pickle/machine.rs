//! A pickle is a program for a stack machine. This machine runs the instructions that torch.save writes, in protocols 2
//! to 5, and builds plain values. Every other instruction is an error.

use std::collections::HashMap;

use super::error::{PickleError, printable};
use super::opcode;
use super::values::{Class, Id, Value, Values};

/// The most instructions of a pickle; that of a BERT with 24 layers has 15,000. The limit bounds time and memory,
/// because an instruction makes at most one value, and each part of a value was pushed by an instruction.
const MAX_INSTRUCTIONS: usize = 1 << 18;
/// The longest name of a class in bytes.
const MAX_NAME: usize = 1_000;

/// The result of running a pickle.
#[derive(Debug)]
pub(super) struct Pickled<'a> {
    pub(super) values: Values<'a>,
    /// The pickled value.
    pub(super) root: Id,
    /// The offset of the byte after the pickle.
    pub(super) end: usize,
}

/// Runs the pickle that begins at byte `at`. Strings are not copied.
///
/// # Errors
/// [`PickleError`] at the first instruction that is truncated, unknown, or not used like this by torch.save.
pub(super) fn load(bytes: &[u8], at: usize) -> Result<Pickled<'_>, PickleError> {
    let mut machine = Machine {
        input: Input { bytes, at },
        values: Values::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    for _ in 0..MAX_INSTRUCTIONS {
        if let Some(root) = machine.step()? {
            return Ok(Pickled { values: machine.values, root, end: machine.input.at });
        }
    }
    Err(PickleError::TooLong { limit: MAX_INSTRUCTIONS })
}

struct Machine<'a> {
    input: Input<'a>,
    values: Values<'a>,
    stack: Vec<Id>,
    /// The heights of the stack at each mark.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl<'a> Machine<'a> {
    /// Runs one instruction. The last one returns the pickled value.
    fn step(&mut self) -> Result<Option<Id>, PickleError> {
        let at = self.input.at;
        let opcode = self.input.byte()?;
        match opcode {
            opcode::STOP => return self.pop().map(Some),
            opcode::PROTO => self.protocol(at)?,
            // Frames only help to read from a stream.
            opcode::FRAME => drop(self.input.take(8)?),
            opcode::MARK => self.marks.push(self.stack.len()),
            opcode::GLOBAL => self.global()?,
            opcode::STACK_GLOBAL => self.stack_global(at)?,
            opcode::INST => return Err(self.instance(at)),
            opcode::REDUCE => {
                let (arguments, callable) = (self.pop()?, self.pop()?);
                let made = self.values.call(callable, arguments, at)?;
                self.stack.push(made);
            }
            opcode::BUILD => self.build(at)?,
            opcode::BINPERSID => {
                let id = self.pop()?;
                let storage = self.values.storage(id, at)?;
                self.push(Value::Storage(storage));
            }
            opcode::BINPUT | opcode::LONG_BINPUT | opcode::MEMOIZE => self.memoize(opcode)?,
            opcode::BINGET | opcode::LONG_BINGET => self.recall(opcode, at)?,
            opcode::APPEND | opcode::APPENDS | opcode::ADDITEMS | opcode::SETITEM | opcode::SETITEMS => {
                self.fill(opcode, at)?;
            }
            opcode::EMPTY_TUPLE => self.push(Value::Tuple(Vec::new())),
            opcode::TUPLE1 | opcode::TUPLE2 | opcode::TUPLE3 => self.tuple(usize::from(opcode - opcode::TUPLE1) + 1)?,
            opcode::TUPLE => {
                let items = self.pop_to_mark()?;
                self.push(Value::Tuple(items));
            }
            _ => {
                let value = self.literal(opcode, at)?;
                self.push(value);
            }
        }
        Ok(None)
    }

    /// A literal value.
    fn literal(&mut self, opcode: u8, at: usize) -> Result<Value<'a>, PickleError> {
        Ok(match opcode {
            opcode::NONE => Value::None,
            opcode::NEWTRUE | opcode::NEWFALSE => Value::Bool,
            opcode::BININT => Value::Int(i32::from_le_bytes(self.input.array()?).into()),
            opcode::BININT1 => Value::Int(self.input.byte()?.into()),
            opcode::BININT2 => Value::Int(u16::from_le_bytes(self.input.array()?).into()),
            opcode::LONG1 => {
                let len = self.input.byte()?;
                integer(self.input.take(len.into())?)
            }
            opcode::BINFLOAT => {
                self.input.take(8)?;
                Value::Other
            }
            opcode::SHORT_BINUNICODE | opcode::SHORT_BINSTRING => {
                let len = self.input.byte()?.into();
                self.text(len)?
            }
            opcode::BINUNICODE | opcode::BINSTRING => {
                let len = u32::from_le_bytes(self.input.array()?).into();
                self.text(len)?
            }
            opcode::BINUNICODE8 => {
                let len = u64::from_le_bytes(self.input.array()?);
                self.text(len)?
            }
            opcode::SHORT_BINBYTES => {
                let len = self.input.byte()?.into();
                self.bytes(len)?
            }
            opcode::BINBYTES => {
                let len = u32::from_le_bytes(self.input.array()?).into();
                self.bytes(len)?
            }
            opcode::EMPTY_LIST => Value::List(Vec::new()),
            opcode::EMPTY_DICT => Value::Dict(Vec::new()),
            opcode::EMPTY_SET => Value::Other,
            _ => return Err(PickleError::Opcode { opcode, at }),
        })
    }

    fn protocol(&mut self, at: usize) -> Result<(), PickleError> {
        match self.input.byte()? {
            2..=5 => Ok(()),
            _ => Err(PickleError::Unexpected { at, expected: "pickle protocol 2 to 5", found: "another protocol" }),
        }
    }

    fn text(&mut self, len: u64) -> Result<Value<'a>, PickleError> {
        Ok(std::str::from_utf8(self.input.take(len)?).map_or(Value::Other, Value::Text))
    }

    fn bytes(&mut self, len: u64) -> Result<Value<'a>, PickleError> {
        self.input.take(len).map(|_| Value::Other)
    }

    fn global(&mut self) -> Result<(), PickleError> {
        let (module, name) = (self.input.line()?, self.input.line()?);
        self.class(module, name)
    }

    fn stack_global(&mut self, at: usize) -> Result<(), PickleError> {
        let (name, module) = (self.pop()?, self.pop()?);
        match (self.values.at(module), self.values.at(name)) {
            (&Value::Text(module), &Value::Text(name)) => self.class(module, name),
            (Value::Text(_), other) | (other, _) => Err(other.is_not("the name of a class", at)),
        }
    }

    fn class(&mut self, module: &str, name: &str) -> Result<(), PickleError> {
        let class = Class::find(module, name).ok_or_else(|| unknown(module, name))?;
        self.push(Value::Class(class));
        Ok(())
    }

    /// torch.save does not write this instruction, which names a class and calls it. The error has the name.
    fn instance(&mut self, at: usize) -> PickleError {
        match (self.input.line(), self.input.line()) {
            (Ok(module), Ok(name)) if Class::find(module, name).is_none() => unknown(module, name),
            _ => PickleError::Opcode { opcode: opcode::INST, at },
        }
    }

    /// Sets attributes. Weights have only the `_metadata` of a dict, which is ignored.
    fn build(&mut self, at: usize) -> Result<(), PickleError> {
        self.pop()?;
        match self.values.at(self.top()?) {
            Value::Dict(_) => Ok(()),
            other => Err(other.is_not("a dict", at)),
        }
    }

    fn memoize(&mut self, opcode: u8) -> Result<(), PickleError> {
        let index = match opcode {
            opcode::BINPUT => self.input.byte()?.into(),
            opcode::LONG_BINPUT => u32::from_le_bytes(self.input.array()?),
            _ => self.memo.len() as u32,
        };
        self.memo.insert(index, self.top()?);
        Ok(())
    }

    fn recall(&mut self, opcode: u8, at: usize) -> Result<(), PickleError> {
        let index = match opcode {
            opcode::BINGET => self.input.byte()?.into(),
            _ => u32::from_le_bytes(self.input.array()?),
        };
        let missing = PickleError::Unexpected { at, expected: "a memoized value", found: "none" };
        self.stack.push(*self.memo.get(&index).ok_or(missing)?);
        Ok(())
    }

    /// Adds items to the list, set or dict below them on the stack.
    fn fill(&mut self, opcode: u8, at: usize) -> Result<(), PickleError> {
        let new = match opcode {
            opcode::APPEND => self.pop_some(1)?,
            opcode::SETITEM => self.pop_some(2)?,
            _ => self.pop_to_mark()?,
        };
        let top = self.top()?;
        match (opcode, self.values.at_mut(top)) {
            (opcode::APPEND | opcode::APPENDS, Value::List(items)) => items.extend(new),
            (opcode::SETITEM | opcode::SETITEMS, Value::Dict(entries)) if new.len().is_multiple_of(2) => {
                entries.extend(new.chunks_exact(2).map(|entry| (entry[0], entry[1])));
            }
            (opcode::ADDITEMS, Value::Other) => {}
            (_, other) => return Err(other.is_not("a list, a set or a dict with items for it", at)),
        }
        Ok(())
    }

    fn tuple(&mut self, len: usize) -> Result<(), PickleError> {
        let items = self.pop_some(len)?;
        self.push(Value::Tuple(items));
        Ok(())
    }

    fn push(&mut self, value: Value<'a>) {
        let id = self.values.add(value);
        self.stack.push(id);
    }

    fn top(&self) -> Result<Id, PickleError> {
        let bottom = self.marks.last().copied().unwrap_or(0);
        self.stack.get(bottom..).and_then(<[Id]>::last).copied().ok_or_else(|| self.underflow())
    }

    fn pop(&mut self) -> Result<Id, PickleError> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_some(&mut self, len: usize) -> Result<Vec<Id>, PickleError> {
        let bottom = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(len) {
            Some(from) if from >= bottom => Ok(self.stack.split_off(from)),
            _ => Err(self.underflow()),
        }
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, PickleError> {
        let mark = self.marks.pop().ok_or_else(|| self.underflow())?;
        Ok(self.stack.split_off(mark))
    }

    fn underflow(&self) -> PickleError {
        PickleError::Unexpected { at: self.input.at, expected: "a value on the stack", found: "none" }
    }
}

fn unknown(module: &str, name: &str) -> PickleError {
    PickleError::Class { class: printable(&format!("{module}.{name}")) }
}

/// A little-endian number in two's complement. Weights need no longer ones than an i128.
fn integer(bytes: &[u8]) -> Value<'static> {
    const BYTES: usize = size_of::<i128>();
    if bytes.len() > BYTES {
        return Value::Other;
    }
    let sign = if bytes.last().is_some_and(|last| last.cast_signed() < 0) { 0xff } else { 0 };
    let mut number = [sign; BYTES];
    number[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i128::from_le_bytes(number))
}

/// The bytes that are still to be read.
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn take(&mut self, len: u64) -> Result<&'a [u8], PickleError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = usize::try_from(len).ok().and_then(|len| rest.get(..len)).ok_or_else(|| self.truncated())?;
        self.at += taken.len();
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        let taken = self.take(N as u64)?;
        Ok(*taken.first_chunk().expect("`take` returned this many bytes"))
    }

    fn byte(&mut self) -> Result<u8, PickleError> {
        self.array().map(|[byte]| byte)
    }

    /// The text up to the end of the line, which is consumed too.
    fn line(&mut self) -> Result<&'a str, PickleError> {
        let at = self.at;
        let rest = self.bytes.get(at..).unwrap_or_default();
        let rest = &rest[..rest.len().min(MAX_NAME)];
        let len = rest.iter().position(|&byte| byte == b'\n').ok_or_else(|| self.truncated())?;
        self.at += len + 1;
        let invalid =
            PickleError::Unexpected { at, expected: "the name of a class", found: "bytes that are not UTF-8" };
        std::str::from_utf8(&rest[..len]).map_err(|_| invalid)
    }

    fn truncated(&self) -> PickleError {
        let (at, end) = (self.at, self.bytes.len());
        PickleError::Damaged(format!("it ends at byte {end}, within the pickle instruction at byte {at}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(pickle: &[u8]) -> String {
        load(pickle, 0).unwrap_err().to_string()
    }

    fn repeated(instructions: &[u8], times: usize) -> Vec<u8> {
        [b"\x80\x02", instructions.repeat(times).as_slice(), b"."].concat()
    }

    #[test]
    fn a_pickle_is_read_as_its_value() {
        let pickled = load(b"\x80\x02}q\x00X\x01\x00\x00\x00a\x8a\x02\x00\xff\x86q\x01h\x01.tail", 0).unwrap();
        assert_eq!(pickled.end, 21);
        let Value::Tuple(items) = pickled.values.at(pickled.root) else { panic!("{pickled:?}") };
        let [name, number] = [items[0], items[1]].map(|id| pickled.values.at(id));
        assert!(matches!((name, number), (Value::Text("a"), Value::Int(-256))), "{name:?} {number:?}");
    }

    #[test]
    fn integers_of_any_length_have_their_sign() {
        for (bytes, number) in [
            (&[][..], 0),
            (&[0xff], -1),
            (&[0xff, 0], 255),
            (&[0; 16], 0),
            (&[0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19], 0x1950_a86a_20f9_469c_fc6c),
        ] {
            assert!(matches!(integer(bytes), Value::Int(found) if found == number), "{bytes:?}");
        }
        assert!(matches!(integer(&[0xff; 17]), Value::Other));
    }

    #[test]
    fn only_the_instructions_that_torch_writes_are_accepted() {
        let known = (0..=u8::MAX).filter(|&opcode| {
            let pickle = [&[b'N', opcode], &b"\0\n".repeat(20)[..]].concat();
            !matches!(load(&pickle, 0), Err(PickleError::Opcode { opcode: refused, at: 1 }) if refused == opcode)
        });
        let known: String = known.map(|opcode| opcode.escape_ascii().to_string()).collect();
        // INST (`i`) is listed because its error names the class.
        assert_eq!(
            known,
            "().BCGJKMNQRTUX]abcehijqrstu}\\x80\\x85\\x86\\x87\\x88\\x89\\x8a\\x8c\\x8d\\x8f\\x90\\x93\\x94\\x95"
        );
    }

    #[test]
    fn a_claimed_length_is_not_allocated() {
        for pickle in
            [&b"X\xff\xff\xff\xffa"[..], b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffa", b"B\xff\xff\xff\xffa", b"\x8a\xffa"]
        {
            assert!(refusal(pickle).contains("damaged or half copied"), "{}", refusal(pickle));
        }
    }

    #[test]
    fn a_pickle_without_an_end_is_an_error() {
        for instructions in [&b"N"[..], b"(", b"]\x94", b")\x85", b"q\x00", b"(lt"] {
            let pickle = [b"N".as_slice(), &instructions.repeat(MAX_INSTRUCTIONS)].concat();
            let error = load(&pickle, 0).unwrap_err();
            assert!(matches!(error, PickleError::TooLong { .. } | PickleError::Opcode { .. }), "{error}");
        }
    }

    #[test]
    fn values_that_contain_each_other_are_cheap() {
        // Each tuple contains the previous one twice: 2^60,000 items if they were expanded.
        let doubled = [b"\x80\x02)q\x00".as_slice(), &b"h\x00h\x00\x86q\x00".repeat(60_000), b"."].concat();
        assert!(load(&doubled, 0).is_ok());
        // The deepest possible nesting.
        let mut deep = repeated(b"\x85", MAX_INSTRUCTIONS - 3);
        deep.insert(2, b')');
        assert!(load(&deep, 0).is_ok());
        // A list and a dict that contain themselves.
        assert!(load(b"]q\x00h\x00a}q\x01h\x01h\x01s\x86.", 0).is_ok());
    }

    #[test]
    fn an_instruction_without_its_operands_is_an_error() {
        for pickle in [
            &b"."[..],
            b"t.",
            b"\x85.",
            b"N\x86.",
            b"a.",
            b"Na.",
            b"NNa.",
            b"N(a.",
            b"](NNu.",
            b"}(Nu.",
            b"}Ns.",
            b"h\x00.",
            b"q\x00.",
            b"N(q\x00.",
            b"NR.",
            b"NNR.",
            b"Nb.",
            b"NNb.",
            b"Q.",
            b"NQ.",
            b"N\x93.",
            b"NN\x93.",
            b"(.",
            b"N(.",
        ] {
            let message = refusal(pickle);
            assert!(message.contains("expected "), "{}: {message}", pickle.escape_ascii());
        }
    }

    #[test]
    fn a_long_name_or_one_with_control_characters_is_shortened_and_escaped() {
        let long =
            [b"\x8d".as_slice(), &100_000u64.to_le_bytes(), &[b'x'; 100_000], b"\x8c\x05a\nb\x1b[\x93."].concat();
        let message = refusal(&long);
        assert!(message.len() < 400 && message.contains("xxx..."), "{message}");
        let message = refusal(b"ca\tb\nc\x1b[31m\n.");
        assert!(message.contains(r"`a\tb.c\u{1b}[31m`"), "{message}");
        assert!(refusal(&[b"c".as_slice(), &[b'x'; 5_000]].concat()).contains("damaged"));
    }
}
